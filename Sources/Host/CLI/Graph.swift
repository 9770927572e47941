internal import ArgumentParser
internal import Composition
internal import Config
internal import Failure

struct Graph: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Draw the compositions of a text.",
        discussion: """
            Checks a text in the composition language without a node, and writes its
            graph in the language of Graphviz. Boxes are functions, filled ones
            communication functions, folders compositions; a double line runs in many
            instances, a dashed one may carry nothing.

              dandelion graph log.dandelion | dot -Tsvg >log.svg
            """)

    @Argument(help: "The text in the composition language: a file, or - for standard input.")
    var file: String

    @Option(
        name: .customLong("config"),
        help: "The config that names the communication functions. (default: the built-in config)")
    var configFile: String?

    func run() throws {
        let config = try ConfigFile.loadOrBuiltIn(configFile)
        let names = Set(config.functions.map(\.name.value))
        let bytes = try Input.read(file)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            Output.note("dandelion: \(file): the text is not UTF-8")
            throw ExitCode.failure
        }
        do throws(Failure) {
            Output.bytes(Array(try CompositionGraph.picture(of: text, isCommunication: names.contains).utf8))
        } catch {
            Output.note("dandelion: \(file): \(error.detail)")
            throw ExitCode.failure
        }
    }
}
