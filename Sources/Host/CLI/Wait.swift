internal import ArgumentParser
internal import Config
internal import Transport
internal import Values

struct Wait: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Wait for an invocation that the node keeps, and print its result.",
        discussion: """
            The result is printed as `dandelion invoke` does.

              dandelion wait 0193f2a8c1d40b7e
              dandelion wait 0193f2a8c1d40b7e --timeout 5m --json

            The exit code is 1 when the invocation failed or was cancelled, and 75
            when it goes on after the time.
            """)

    @Argument(help: "Its id, as `dandelion invoke --async` prints it.")
    var id: String

    @Option(help: "Give up after this time, such as 5m; the invocation goes on.")
    var timeout: String?

    @Flag(help: "Print JSON, also for one item.")
    var json = false

    @OptionGroup var node: NodeOptions

    /// Nanoseconds that one request waits.
    private static let turn: UInt64 = 30_000_000_000

    func validate() throws {
        if let timeout, Units.time(timeout) == nil { throw ValidationError("--timeout must be a time such as 5m") }
    }

    func run() throws {
        var left = timeout.flatMap(Units.time) ?? .max
        while true {
            let wait = min(left, Self.turn)
            let facts = try NodeOptions.json(try node.send(request(wait: wait, accept: "application/json")))
            switch facts["state"]?.text {
            case "done": return try printResult(facts)
            case "waiting", "running":
                left = left == .max ? left : left - wait
                if left == 0 {
                    Output.note("dandelion: the invocation \(id) goes on")
                    throw ExitCode.notYet
                }
            default:
                Output.note("dandelion: \(facts["state"]?.text ?? "?"): \(facts["error"]?["detail"]?.text ?? "")")
                throw ExitCode.failure
            }
        }
    }

    private func request(wait: UInt64, accept: String) -> NodeRequest {
        var request = NodeRequest("GET", ["v1", "invocations", id], ["wait": "\(wait / 1_000_000)ms"])
        request.fields.append(("Accept", accept))
        return request
    }

    private func printResult(_ facts: ParsedValue) throws {
        let items = (facts["result"]?["sets"]?.elements ?? []).flatMap { $0["items"]?.elements ?? [] }
        if json || items.count != 1 {
            Output.result(Array((facts["result"]?.json ?? "{}").utf8))
        } else {
            Output.result(try node.send(request(wait: 0, accept: "application/octet-stream")).body)
        }
        guard let code = facts["exitCode"] else { return }
        Output.note("dandelion: the function left with exit code \(code.json)")
        throw ExitCode.failure
    }
}
