internal import Composition
internal import Dispatcher
internal import Engines
internal import Platform

/// Notes what requests were and how they were answered; there is one only where somebody wants to know.
final class RequestObserver: Sendable {
    private let log: AccessLog

    init?(_ settings: Frontend.Settings) {
        guard let log = settings.accessLog else { return nil }
        self.log = log
    }

    /// A request has arrived, or as much of it as will.
    func begin(_ head: borrowing RequestHead, _ bodyCount: Int, on connection: Connection, isHTTP2: Bool)
        -> RequestRecord
    {
        RequestRecord(head, bodyCount, connection, isHTTP2: isHTTP2, log: log)
    }
}

/// What is noted of one request. On its connection's loop.
final class RequestRecord: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: as its connection, it is touched on the worker's loop only.

    /// CLOCK_REALTIME ns at which the request was there.
    let wall = Clock.wall()
    private let began = Clock.now()
    let id: String
    let method: Method
    let target: String
    let remote: String
    let agent: String?
    let protocolName: String
    let requestBytes: Int
    private(set) var tenant: String
    /// Of what was invoked; nil = nothing was.
    private(set) var name: String?
    var timeline: InvocationTimeline?
    /// ns, when it is answered.
    private(set) var duration: UInt64 = 0

    private let log: AccessLog
    /// Bytes of a target and of a client's name for itself.
    private static let longestTarget = 2048
    private static let longestAgent = 256

    fileprivate init(
        _ head: borrowing RequestHead, _ bodyCount: Int, _ connection: Connection, isHTTP2: Bool, log: AccessLog
    ) {
        id = head.idText ?? ""
        method = head.method
        target = head.bytes(head.target).part(0..<Self.longestTarget).text
        remote = connection.peer.map { "\($0)" } ?? "unix"
        agent = head.value("user-agent").map { $0.part(0..<Self.longestAgent).text }
        protocolName = isHTTP2 ? "HTTP/2" : head.isHTTP10 ? "HTTP/1.0" : "HTTP/1.1"
        requestBytes = bodyCount
        tenant =
            head.caller?.tenant.name ?? head.value("dandelion-tenant")?.part(0..<Self.longestAgent).text ?? "default"
        self.log = log
    }

    func begins(_ invocation: InvocationRequest) {
        if let tenant = invocation.tenant { self.tenant = tenant.name }
        name =
            switch invocation.target {
            case .name(let name): name
            case .composition(let graph): graph.name
            }
    }

    /// The request is answered.
    func end(_ response: Response, _ problem: Problem?) {
        duration = Clock.now() &- began
        log.add(self, response, problem)
    }

    /// Of the content that is sent.
    func bytes(of response: Response) -> Int {
        method == .head || response.status == .noContent ? 0 : response.content.count
    }
}
