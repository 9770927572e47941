internal import ArgumentParser
internal import Config
internal import Values

struct Compose: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Register the compositions of a text.",
        discussion: """
              dandelion compose LogProcessing Examples/log-processing/log.dandelion
            """)

    @Argument(help: "The name of a composition that the text defines.")
    var name: String

    @Argument(help: "The text in the composition language: a file, or - for standard input.")
    var file: String

    @OptionGroup var node: NodeOptions

    func run() throws {
        var request = NodeRequest("PUT", ["v1", "compositions", name])
        request.fields = [("Content-Type", "text/plain; charset=utf-8")]
        request.body = try Input.read(file)
        let reply = try NodeOptions.json(try node.send(request))
        let names = reply["compositions"]?.elements.compactMap(\.text) ?? [name]
        Output.line("registered \(names.count == 1 ? "composition" : "compositions") \(names.joined(separator: ", "))")
    }
}
