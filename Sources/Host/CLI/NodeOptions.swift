internal import ArgumentParser
internal import Config
internal import Glibc
internal import Transport
internal import Values

/// Which node a client command speaks to.
struct NodeOptions: ParsableArguments {
    @Option(
        help: """
            URL of the node: http, https, or unix:PATH. (default: environment variable
            DANDELION_NODE, else http://127.0.0.1:8080)
            """)
    var node: String?

    @Option(help: "File with the token to show. (default: the token in environment variable DANDELION_TOKEN)")
    var tokenFile: String?

    @Option(help: "PEM file of the authorities to believe. (default: DANDELION_AUTHORITIES, else the system's)")
    var authorities: String?

    @Option(help: "PEM file of an own certificate to show, with --key.")
    var certificate: String?

    @Option(help: "PEM file of the certificate's key.")
    var key: String?

    var url: String { node ?? Self.variable("DANDELION_NODE") ?? "http://127.0.0.1:8080" }

    private static func variable(_ name: String) -> String? {
        // SAFETY: getenv(3) gives a NUL-terminated text, and nothing here changes the environment.
        getenv(name).map { String(cString: $0) }
    }

    func validate() throws {
        guard NodeAddress(url) != nil else {
            throw ValidationError("the node must be http://HOST:PORT, https://HOST:PORT or unix:PATH, not '\(url)'")
        }
        guard (certificate == nil) == (key == nil) else {
            throw ValidationError("--certificate and --key belong together")
        }
    }

    /// The token to show; nil = none.
    private func token() throws(NodeUnreachable) -> String? {
        guard let tokenFile else { return Self.variable("DANDELION_TOKEN") }
        do {
            let text = String(decoding: try Input.read(tokenFile), as: UTF8.self)
            return String(text.prefix { !$0.isNewline })
        } catch {
            throw NodeUnreachable(description: "\(url): no token in \(tokenFile)")
        }
    }

    /// Sends a request; whatever is not a success is told to the user and thrown.
    func send(_ request: NodeRequest) throws -> HTTPReply {
        let reply = try reach(request)
        guard reply.isSuccess else { throw Self.refused(reply) }
        return reply
    }

    /// Sends a request; that there is no answer is told to the user and thrown.
    func reach(_ request: NodeRequest) throws -> HTTPReply {
        do throws(NodeUnreachable) { return try fetch(request) } catch {
            Output.note("dandelion: no answer from the node at \(error); `dandelion serve` starts one")
            throw ExitCode.unreachable
        }
    }

    /// Tells the user why the node refused.
    static func refused(_ reply: HTTPReply) -> ExitCode {
        Output.note(problem(reply))
        return .failure
    }

    /// Whatever the node answers.
    func fetch(_ request: NodeRequest) throws(NodeUnreachable) -> HTTPReply {
        guard let address = NodeAddress(url) else { throw NodeUnreachable(description: "\(url): is no URL of a node") }
        var request = request
        if let token = try token() { request.fields.append(("Authorization", "Bearer \(token)")) }
        let tls = TLSClient.Settings(
            authorities: authorities ?? Self.variable("DANDELION_AUTHORITIES"),
            certificate: certificate.flatMap { chain in key.map { (chain, $0) } })
        return try NodeClient(address: address, tls: tls).send(request)
    }

    /// What went wrong, from a problem document (RFC 9457) or, failing that, from whatever text came.
    static func problem(_ reply: HTTPReply) -> String {
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
    static func json(_ reply: HTTPReply) throws -> ParsedValue {
        do {
            return try JSONReader.read(bytes: reply.body)
        } catch {
            Output.note(
                "dandelion: the node's answer is no JSON: \(error.place.line):\(error.place.column): \(error.message)")
            throw ExitCode.failure
        }
    }
}
