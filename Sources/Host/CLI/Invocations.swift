internal import ArgumentParser
internal import Transport
internal import Values

struct Invocations: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the invocations that a node keeps, the latest first.",
        discussion: """
              dandelion invocations --state dead
              dandelion invocations --name matmul --limit 20 --json
              dandelion invocations --retry 0193f2a8c1d40b7e
              dandelion invocations --resume 0193f2a8c1d40b7e --decision repeat
            """)

    @Option(help: "Only those that are waiting, running, done, failed, cancelled, dead or uncertain.")
    var state: String?

    @Option(help: "Only those of this function or composition.")
    var name: String?

    @Option(help: "So many at most.")
    var limit = 100

    @Option(help: "Run this one again, which failed, is dead or was cancelled.")
    var retry: String?

    @Option(help: "Go on with this one, which is uncertain: requests of unknown effect are decided on.")
    var resume: String?

    @Option(help: "With --resume: repeat, they had no effect, or done, they had it.")
    var decision: String?

    @Option(help: "With --resume: of this request only, by its place.")
    var request: String?

    @Option(help: "With --decision done: the answer, a file with sets as JSON, or - for standard input.")
    var answer: String?

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var node: NodeOptions

    func validate() throws {
        if (resume == nil) != (decision == nil) { throw ValidationError("--resume and --decision belong together") }
        if limit < 1 { throw ValidationError("--limit must be 1 at least") }
    }

    func run() throws {
        if let retry {
            _ = try node.send(NodeRequest("POST", ["v1", "invocations", retry, "retry"]))
            return Output.line("waiting \(retry)")
        }
        if let resume { return try goOn(with: resume) }
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

    private func goOn(with id: String) throws {
        var order = NodeRequest(
            "POST", ["v1", "invocations", id, "resume"], ["decision": decision, "request": request])
        if let answer {
            order.fields.append(("Content-Type", "application/json"))
            order.body = try Input.read(answer)
        }
        let reply = try node.send(order)
        guard reply.status != 202 else { return Output.line("waiting \(id)") }
        Output.line("uncertain \(id): \(try NodeOptions.json(reply)["undecided"]?.json ?? "?") more")
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
