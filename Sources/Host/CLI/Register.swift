internal import ArgumentParser
internal import Config
internal import Transport
internal import Values

struct Register: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Register a compute function.",
        discussion: """
              dandelion register matmul ./matmul --input in --output out --memory 8MiB
              dandelion register render ./render --input logs --output html \\
                --input template --bind template=page.html

            A name that is taken by a function gets another version of it.
            """)

    @Argument(help: "The name to register.")
    var name: String

    @Argument(help: "The function's image: a file, or - for standard input.")
    var image: String

    @Option(name: .customLong("class"), help: "The function class, one of the node's config. (default: default)")
    var className: String?

    @Option(name: .customLong("input"), help: "The name of an input set; once for each, in order.")
    var inputs: [String] = []

    @Option(name: .customLong("output"), help: "The name of an output set; once for each, in order.")
    var outputs: [String] = []

    @Option(help: "Binds an item to an input once and for all: SET=FILE, or SET#KEY=FILE.")
    var bind: [ItemArgument] = []

    @Option(help: "Memory of a context, such as 64MiB. (default: the class's limit)")
    var memory: String?

    @Option(help: "Longest run, such as 500ms. (default: the class's)")
    var timeout: String?

    @Option(help: "The exported function of a module at which a run begins. (default: the one that its kind has)")
    var entry: String?

    @Flag(help: "Take the place of the newest version of that name, instead of being the next.")
    var replace = false

    @Flag(help: "The node reads the image from its own file system, if its config allows that.")
    var local = false

    @OptionGroup var node: NodeOptions

    func validate() throws {
        if let memory, Units.size(memory) == nil { throw ValidationError("--memory must be a size such as 64MiB") }
        if let timeout, Units.time(timeout) == nil { throw ValidationError("--timeout must be a time such as 500ms") }
        for set in inputs + outputs where set.contains(",") {
            throw ValidationError("'\(set)' has a comma in its name")
        }
        for item in bind where !inputs.contains(item.set) {
            throw ValidationError("--bind: no --input is named '\(item.set)'")
        }
        if local, !bind.isEmpty { throw ValidationError("--local and --bind exclude each other") }
    }

    func run() throws {
        var request = NodeRequest(
            "PUT", ["v1", "functions", name],
            [
                "class": className, "inputs": inputs.joined(separator: ","), "outputs": outputs.joined(separator: ","),
                "memory": memory, "timeout": timeout, "entry": entry, "path": local ? Input.absolute(image) : nil,
                "replace": replace ? "true" : nil,
            ])
        if bind.isEmpty {
            request.body = local ? [] : try Input.read(image)
            request.fields = [("Content-Type", "application/octet-stream")]
        } else {
            var body = Multipart()
            body.add(set: "image", ident: name, key: 0, data: try Input.read(image))
            for item in bind { try item.add(to: &body) }
            let (type, bytes) = body.body()
            request.fields = [("Content-Type", type)]
            request.body = bytes
        }
        let reply = try node.send(request)
        let version = (try? JSONReader.read(bytes: reply.body))?["version"]?.json ?? "1"
        Output.line("registered function \(name)" + (version == "1" ? "" : ", version \(version)"))
    }
}
