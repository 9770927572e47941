internal import ArgumentParser
internal import Values

struct Invocations: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the invocations that a node keeps, the latest first.",
        discussion: """
              dandelion invocations --state dead
              dandelion invocations --name matmul --limit 20 --json
              dandelion invocations --retry 0193f2a8c1d40b7e
            """)

    @Option(help: "Only those that are waiting, running, done, failed, cancelled, dead or uncertain.")
    var state: String?

    @Option(help: "Only those of this function or composition.")
    var name: String?

    @Option(help: "So many at most.")
    var limit = 100

    @Option(help: "Run this one again, which failed, is dead or was cancelled.")
    var retry: String?

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var node: NodeOptions

    func validate() throws {
        if limit < 1 { throw ValidationError("--limit must be 1 at least") }
    }

    func run() throws {
        if let retry {
            _ = try node.send(NodeRequest("POST", ["v1", "invocations", retry, "retry"]))
            return Output.line("waiting \(retry)")
        }
        let all = try invocations()
        if json { return Output.line(ParsedValue.table(["invocations": .array(all)]).json) }
        Output.table(
            all.map { one in
                func text(_ key: String) -> String { one[key]?.text ?? "" }
                return [
                    text("id"), text("state"), text("accepted"), text("name"), one["error"]?["detail"]?.text ?? "",
                ]
            })
    }

    /// The node gives long lists in parts.
    private func invocations() throws -> [ParsedValue] {
        var all: [ParsedValue] = []
        var after: String?
        repeat {
            let request = NodeRequest(
                "GET", ["v1", "invocations"],
                ["state": state, "name": name, "after": after, "limit": "\(min(limit - all.count, 1000))"])
            let page = try NodeOptions.json(try node.send(request))
            all += page["invocations"]?.elements ?? []
            after = page["next"]?.text
        } while after != nil && all.count < limit
        return all
    }
}
