internal import ArgumentParser
internal import Config
internal import Glibc
internal import Values

/// Which node a client command speaks to.
struct NodeOptions: ParsableArguments {
    @Option(help: "URL of the node. (default: environment variable DANDELION_NODE, else http://127.0.0.1:8080)")
    var node: String?

    var url: String {
        // SAFETY: getenv(3) gives a NUL-terminated text, and nothing here changes the environment.
        node ?? getenv("DANDELION_NODE").map { String(cString: $0) } ?? "http://127.0.0.1:8080"
    }

    func validate() throws {
        guard NodeAddress(url) != nil else { throw ValidationError("the node must be http://HOST:PORT, not '\(url)'") }
    }

    /// Sends a request; whatever is not a success is told to the user and thrown.
    func send(_ request: NodeRequest) throws -> NodeReply {
        let reply = try reach(request)
        guard reply.isSuccess else { throw Self.refused(reply) }
        return reply
    }

    /// Sends a request; that there is no answer is told to the user and thrown.
    func reach(_ request: NodeRequest) throws -> NodeReply {
        do throws(NodeUnreachable) { return try fetch(request) } catch {
            Output.note("dandelion: no answer from the node at \(error); `dandelion serve` starts one")
            throw ExitCode.unreachable
        }
    }

    /// Tells the user why the node refused.
    static func refused(_ reply: NodeReply) -> ExitCode {
        Output.note(problem(reply))
        return .failure
    }

    /// Whatever the node answers.
    func fetch(_ request: NodeRequest) throws(NodeUnreachable) -> NodeReply {
        guard let address = NodeAddress(url) else { throw NodeUnreachable(description: "\(url): is no URL of a node") }
        return try NodeClient(address: address).send(request)
    }

    /// What went wrong, from a problem document (RFC 9457) or, failing that, from whatever text came.
    static func problem(_ reply: NodeReply) -> String {
        guard let document = try? JSONReader.read(bytes: reply.body), let detail = document["detail"]?.text else {
            let text = String(decoding: reply.body.prefix(2000), as: UTF8.self)
            return "dandelion: \(reply.status) \(reply.reason)" + (text.isEmpty ? "" : ": \(text)")
        }
        let known = ["type", "title", "status", "detail", "instance"]
        let facts = document.entries.filter { !known.contains($0.key) }
        return (["dandelion: \(detail)"] + facts.map { "  \($0.key): \($0.value.text ?? $0.value.json)" })
            .joined(separator: "\n")
    }

    /// The JSON of a reply.
    static func json(_ reply: NodeReply) throws -> ParsedValue {
        do {
            return try JSONReader.read(bytes: reply.body)
        } catch {
            Output.note(
                "dandelion: the node's answer is no JSON: \(error.place.line):\(error.place.column): \(error.message)")
            throw ExitCode.failure
        }
    }
}
