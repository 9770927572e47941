internal import ArgumentParser
internal import Config
internal import Transport

struct Invoke: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a function or a composition and print what it gives.",
        discussion: """
            A result of one item is printed as it is, any other as JSON. On a terminal a
            line feed follows it, and a result that is no text is only counted.

              dandelion invoke upper --text hello
              dandelion invoke matmul --file matrix.bin >product.bin
              dandelion invoke LogProcessing --text 'my token' --timing
              dandelion invoke join --item left#1=a.csv --item right#1=b.csv
              dandelion invoke matmul --file matrix.bin --async

            With --async the node keeps the invocation, and its id is printed; see
            `dandelion wait`.

            The exit code is 1 when the function left with another code than 0; its
            outputs are printed all the same.
            """)

    @Argument(help: "The function or composition.")
    var name: String

    @Option(help: "The first input is this text.")
    var text: String?

    @Option(help: "The first input is this file, or - for standard input.")
    var file: String?

    @Option(help: "An item of an input: SET=FILE, or SET#KEY=FILE; as often as needed.")
    var item: [ItemArgument] = []

    @Option(name: .customLong("class"), help: "Run it in this function class instead of its own.")
    var className: String?

    @Option(help: "Give up after this time, such as 5s.")
    var timeout: String?

    @Flag(name: .customLong("async"), help: "Print the invocation's id as soon as the node has it on disk.")
    var isAsync = false

    @Option(name: .customLong("idempotency-key"), help: "The same key with the same input is the same invocation.")
    var idempotencyKey: String?

    @Flag(help: "Read the image from disk instead of memory.")
    var cold = false

    @Flag(help: "Print JSON, also for one item.")
    var json = false

    @Flag(help: "Tell where the time went, on standard error.")
    var timing = false

    @OptionGroup var node: NodeOptions

    func validate() throws {
        let ways = (text == nil ? 0 : 1) + (file == nil ? 0 : 1) + (item.isEmpty ? 0 : 1)
        if ways > 1 { throw ValidationError("--text, --file and --item exclude each other") }
        if let timeout, Units.time(timeout) == nil { throw ValidationError("--timeout must be a time such as 5s") }
    }

    func run() throws {
        let reply = try node.send(try request())
        if reply.status == 202 {
            return Output.line(reply["location"]?.split(separator: "/").last.map(String.init) ?? "")
        }
        Output.result(reply.body)
        if timing, let stages = reply["server-timing"] { Output.table(Self.rows(stages), to: Output.note) }
        if let code = reply["dandelion-exit-code"] {
            Output.note("dandelion: the function left with exit code \(code)")
            throw ExitCode.failure
        }
    }

    private func request() throws -> NodeRequest {
        var request = NodeRequest(
            "POST", ["v1", "invoke", name], ["class": className, "fresh": cold ? "true" : nil])
        if json { request.fields.append(("Accept", "application/json")) }
        if let timeout { request.fields.append(("Dandelion-Timeout", timeout)) }
        if isAsync { request.fields.append(("Prefer", "respond-async")) }
        if let idempotencyKey { request.fields.append(("Idempotency-Key", idempotencyKey)) }
        if !item.isEmpty {
            var body = Multipart()
            for item in item { try item.add(to: &body) }
            let (type, bytes) = body.body()
            request.fields.append(("Content-Type", type))
            request.body = bytes
        } else if text != nil || file != nil {
            request.fields.append(("Content-Type", "application/octet-stream"))
            request.body = try text.map { Array($0.utf8) } ?? file.map(Input.read) ?? []
        }
        return request
    }

    /// "run;dur=0.012, sandboxes;desc=1" as rows.
    private static func rows(_ stages: String) -> [[String]] {
        stages.split(separator: ",").map { stage in
            let parts = stage.split(separator: ";").map { $0.drop { $0 == " " } }
            let value = parts.dropFirst().first.map(String.init) ?? ""
            let text = value.hasPrefix("dur=") ? value.dropFirst(4) + " ms" : value.drop { $0 != "=" }.dropFirst()
            return ["  " + (parts.first.map(String.init) ?? ""), String(text)]
        }
    }
}
