internal import Composition
internal import Dispatcher
internal import Engines
internal import Identity
internal import Platform
internal import Traces

/// Notes what requests were and how they were answered, where somebody wants to know.
final class RequestObserver: Sendable {
    private let logs: RequestLogs
    private let tracer: Tracer?
    private let recent: RecentInvocations?

    init(_ settings: Frontend.Settings) {
        logs = RequestLogs(access: settings.accessLog, audit: settings.audit)
        tracer = settings.tracer
        recent = settings.recent
    }

    /// A request has arrived, or as much of it as will. Nil when it is neither logged nor traced.
    func begin(_ head: RequestHead, _ bodyCount: Int, on connection: Connection, isHTTP2: Bool)
        -> RequestRecord?
    {
        let trace = trace(head, &connection.server.ids)
        let recent = connection.server.mayNote() ? recent : nil
        guard logs.areKept || trace != nil || recent != nil else { return nil }
        return RequestRecord(
            head, bodyCount, connection, isHTTP2: isHTTP2, logs: logs, trace: trace, recent: recent)
    }

    private func trace(_ head: RequestHead, _ ids: inout RequestIDs) -> Trace? {
        guard let tracer else { return nil }
        guard !head.traceParent.isEmpty else { return tracer.begin { ids.number(of: head) } }
        let states = head.fields.filter { head.bytes($0.name).equalsIgnoringCase("tracestate") }
        // A field that is none is as no field.
        return tracer.begin(
            parent: head.bytes(head.traceParent), states: states.map { head.bytes($0.value) },
            ids.number(of: head)) ?? tracer.begin { ids.number(of: head) }
    }
}

/// Who wants to know of requests.
struct RequestLogs: Sendable {
    let access: AccessLog?
    let audit: AuditTrail?

    var areKept: Bool { access != nil || audit != nil }
}

/// What is noted of one request. On its connection's loop.
final class RequestRecord: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: as its connection, it is touched on the worker's loop only.

    /// CLOCK_REALTIME ns at which the request was there.
    let wall = Clock.wall()
    private let began = Clock.now()
    let id: String
    let method: Method
    let route: Route?
    let target: String
    let remote: String
    let agent: String?
    /// Of HTTP.
    let version: String
    let isSecure: Bool
    let requestBytes: Int
    private(set) var tenant: String
    /// Of what was invoked; nil = nothing was.
    private(set) var name: String?
    var timeline: InvocationTimeline?
    /// ns, when it is answered.
    private(set) var duration: UInt64 = 0

    let trace: Trace?
    /// Who makes it, as identities are named; nil = nobody was asked, or believed.
    let caller: String?
    let action: AuditTrail.Action?
    private let logs: RequestLogs
    private let recent: RecentInvocations?
    /// Bytes of a target and of a client's name for itself.
    private static let longestTarget = 2048
    private static let longestAgent = 256

    fileprivate init(
        _ head: RequestHead, _ bodyCount: Int, _ connection: Connection, isHTTP2: Bool, logs: RequestLogs,
        trace: Trace?, recent: RecentInvocations?
    ) {
        id = head.idText ?? ""
        method = head.method
        route = Route(head.pathBytes)
        target = head.bytes(head.target).part(0..<Self.longestTarget).text
        remote = connection.peer.map { "\($0)" } ?? "unix"
        agent = head.value("user-agent").map { $0.part(0..<Self.longestAgent).text }
        version = isHTTP2 ? "2" : head.isHTTP10 ? "1.0" : "1.1"
        isSecure = connection.tls != nil
        requestBytes = bodyCount
        tenant =
            head.caller?.tenant.name ?? head.value("dandelion-tenant")?.part(0..<Self.longestAgent).text ?? "default"
        self.trace = trace
        caller = head.caller?.identity.name
        action = logs.audit?.action(of: head)
        self.logs = logs
        self.recent = recent
    }

    var methodName: String { "\(method)".uppercased() }

    func begins(_ invocation: borrowing InvocationRequest) {
        if let tenant = invocation.tenant { self.tenant = tenant.name }
        name =
            switch invocation.target {
            case .name(let name): name
            case .composition(let graph): graph.name
            }
    }

    /// The request is answered.
    func end(_ response: Response, _ problem: Problem?) {
        let now = Clock.now()
        duration = now &- began
        logs.access?.add(self, response, problem)
        logs.audit?.add(self, response)
        if name != nil, let recent { recent.add(AccessLog.json(self, response, problem)) }
        guard let trace, trace.isRecorded else { return }
        let isFailure = response.status.rawValue >= 500
        trace.end(
            ServedRequest(
                name: "\(methodName) \(route?.template ?? "")".trimmed, attributes: attributes(response, problem),
                begun: began, ended: now, failure: isFailure ? problem?.kind ?? "\(response.status.rawValue)" : nil))
    }

    /// By OpenTelemetry's semantic conventions for servers of HTTP and for functions.
    private func attributes(_ response: Response, _ problem: Problem?) -> [(name: String, value: ServedRequest.Value)] {
        var all: [(name: String, value: ServedRequest.Value)] = [
            ("http.request.method", .text(methodName)), ("url.scheme", .text(isSecure ? "https" : "http")),
            ("url.path", .text(String(target.prefix { $0 != "?" }))),
            ("http.response.status_code", .number(Int(response.status.rawValue))),
            ("network.protocol.version", .text(version)), ("client.address", .text(remote)),
            ("http.request.body.size", .number(requestBytes)),
            ("http.response.body.size", .number(bytes(of: response))),
            ("dandelion.request_id", .text(id)), ("dandelion.tenant", .text(tenant)),
        ]
        if let route { all.append(("http.route", .text("\(route.template)"))) }
        if let agent { all.append(("user_agent.original", .text(agent))) }
        if let name {
            all.append(("faas.trigger", .text("http")))
            all.append(("faas.name", .text(name)))
        }
        if let problem { all.append(("dandelion.problem", .text(problem.kind))) }
        return all
    }

    /// Of the content that is sent.
    func bytes(of response: Response) -> Int {
        method == .head || response.status == .noContent ? 0 : response.content.count
    }
}

extension String {
    fileprivate var trimmed: String { last == " " ? String(dropLast()) : self }
}
