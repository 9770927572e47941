internal import Failure
internal import Values

/// Why a request gets no result, as it is told to the client: a problem document (RFC 9457).
struct Problem: Error, Equatable {
    var status: Status
    /// The last part of the type URI, `urn:dandelion:problem:<kind>`.
    var kind: String
    var detail: String
    /// Extension members of the document.
    var facts: [Failure.Fact]
    /// Seconds after which it may go well; nil: nobody knows.
    var wait: UInt64?
    /// For 405: the methods that the resource has.
    var allow: StaticString?
    /// The detail of a fault of the node's own, where it names paths of the machine: for the log only.
    var own: String?

    init(_ status: Status, _ kind: String, _ detail: String, _ facts: [Failure.Fact] = []) {
        self.status = status
        self.kind = kind
        self.detail = detail
        self.facts = facts
    }

    /// What a function told: its own words, in which no path is the machine's. Hiding those that look so would tell the
    /// function which ones there are.
    private static let functionsWords: Set<String> = ["exception", "message", "traceback", "stdout", "stderr"]

    /// Without the paths of the machine that the failure may name.
    init(_ failure: Failure) {
        let detail = failure.kind == .functionFailed ? failure.detail : ServerPaths.hidden(in: failure.detail)
        self.init(
            Self.status(of: failure.kind), failure.kind.rawValue, detail,
            failure.facts.map { fact in
                Self.functionsWords.contains(fact.name)
                    ? fact : .init(fact.name, ServerPaths.hidden(in: fact.value))
            })
        if case .transient(let seconds) = failure.cause { wait = seconds }
        if failure.kind == .internal { own = failure.detail }
    }

    /// A request that breaks the protocol or a format.
    static func malformed(_ detail: String, _ facts: [Failure.Fact] = []) -> Problem {
        Problem(.badRequest, Failure.Kind.invalid.rawValue, detail, facts)
    }

    static func malformed(_ detail: String, at offset: Int) -> Problem {
        .malformed("\(detail) (byte \(offset))", [.init("offset", String(offset))])
    }

    static func bodyTooLarge(_ limits: Limits) -> Problem {
        Problem(
            .contentTooLarge, Failure.Kind.tooLarge.rawValue, "the body exceeds \(limits.body) bytes",
            [.init("limit", String(limits.body))])
    }

    static var noRoute: Problem { Problem(.notFound, Failure.Kind.notFound.rawValue, "nothing is at this path") }

    static func methodNotAllowed(_ allow: StaticString) -> Problem {
        var problem = Problem(.methodNotAllowed, "methodNotAllowed", "this resource has the methods \(allow)")
        problem.allow = allow
        return problem
    }

    static func == (a: Problem, b: Problem) -> Bool {
        a.status == b.status && a.kind == b.kind && a.detail == b.detail && a.facts == b.facts
    }

    static func status(of kind: Failure.Kind) -> Status {
        switch kind {
        case .invalid: .badRequest
        case .notFound: .notFound
        case .conflict: .conflict
        case .tooLarge: .contentTooLarge
        case .functionFault, .functionFailed, .limit: .unprocessableContent
        case .busy: .tooManyRequests
        case .memory: .insufficientStorage
        case .upstream: .badGateway
        case .unavailable: .serviceUnavailable
        case .deadline: .gatewayTimeout
        case .cancelled: .clientClosedRequest
        case .denied: .forbidden
        case .internal: .internalServerError
        }
    }

    /// The document; `instance` is the request's target, `request` its id.
    func document(instance: String, request: String? = nil) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.member("type", "urn:dandelion:problem:\(kind)")
            json.member("title", "\(status.reason)")
            json.member("status", Int(status.rawValue))
            json.member("detail", detail)
            json.member("instance", instance)
            if let request { json.member("requestId", request) }
            if let wait { json.member("retryAfter", Int(clamping: wait)) }
            // A fact cannot overwrite a member of the standard's.
            for fact in facts where !Self.reserved.contains(fact.name) { json.member(fact.name, fact.value) }
        }
        return json.bytes
    }

    /// Title and detail, then a line for each fact and one for the request's id.
    func text(request: String?) -> [UInt8] {
        let lines =
            facts.map { "\n  \($0.name): \($0.value)" }.joined() + (request.map { "\n  requestId: \($0)" } ?? "")
        return Array("\(status.reason): \(detail)\(lines)\n".utf8)
    }

    static let reserved = ["type", "title", "status", "detail", "instance", "requestId", "retryAfter"]
}
