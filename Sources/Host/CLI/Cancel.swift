internal import ArgumentParser

struct Cancel: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "End an invocation that the node keeps, running or not.",
        discussion: """
              dandelion cancel 0193f2a8c1d40b7e
            """)

    @Argument(help: "Its id.")
    var id: String

    @OptionGroup var node: NodeOptions

    func run() throws {
        _ = try node.send(NodeRequest("DELETE", ["v1", "invocations", id]))
        Output.line("cancelled \(id)")
    }
}
