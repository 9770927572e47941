internal import ArgumentParser
internal import Transport

struct Remove: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Remove a function or a composition from a node.",
        discussion: """
              dandelion remove upper
            """)

    @Argument(help: "The name that it was registered under, or NAME@VERSION for one version.")
    var name: String

    @OptionGroup var node: NodeOptions

    func run() throws {
        var reply = try delete("functions")
        // A name stands for one thing only: what is no function may be a composition.
        if reply.status == 404 {
            let other = try delete("compositions")
            if other.status != 404 { reply = other }
        }
        guard reply.isSuccess else { throw NodeOptions.refused(reply) }
        Output.line("removed \(name)")
    }

    private func delete(_ collection: String) throws -> HTTPReply {
        try node.reach(NodeRequest("DELETE", ["v1", collection, name]))
    }
}
