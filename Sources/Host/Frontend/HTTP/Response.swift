internal import Dispatcher
internal import Failure
internal import Items

/// What a request is answered with, before either version of HTTP writes it.
struct Response: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: made by one thread and handed over whole, never shared.
    enum Content {
        case none
        case text(StaticString)
        case bytes([UInt8])
        case blob(Blob)
        case prepared(OutputBuffer)
        /// Of the length of some lines.
        case document(BSONReply)

        var count: Int {
            switch self {
            case .none: 0
            case .text(let text): text.utf8CodeUnitCount
            case .bytes(let bytes): bytes.count
            case .blob(let blob): blob.count
            case .prepared(let output): output.count
            case .document(let reply): reply.size
            }
        }

        func write(to output: OutputBuffer) {
            switch self {
            case .none: break
            case .text(let text): output.append(text)
            case .bytes(let bytes): output.append(bytes)
            case .blob(let blob): output.append(blob)
            case .prepared(let prepared): output.append(contentsOf: prepared)
            case .document(let reply): reply.write(to: output)
            }
        }
    }

    /// A field beside Content-Length, Content-Type and Date; the name in lower case.
    struct Field {
        var name: StaticString
        var value: String
    }

    var status: Status
    var contentType: StaticString?
    var content: Content
    var fields: [Field] = []
    /// Of an invocation, for the field Server-Timing.
    var timeline: InvocationTimeline?
    /// What was registered, where the request's path does not say it; for records.
    var subject: String?

    init(_ status: Status, contentType: StaticString? = nil, _ content: Content = .none) {
        self.status = status
        self.contentType = contentType
        self.content = content
    }

    /// - Parameters:
    ///   - instance: The target of the request that failed.
    ///   - request: Its id.
    ///   - asText: For people: what the document says, as lines.
    init(_ problem: Problem, instance: String, request: String? = nil, asText: Bool = false) {
        if asText {
            self.init(problem.status, contentType: "text/plain; charset=utf-8", .bytes(problem.text(request: request)))
        } else {
            self.init(
                problem.status, contentType: "application/problem+json",
                .bytes(problem.document(instance: instance, request: request)))
        }
        if let allow = problem.allow { fields.append(Field(name: "allow", value: "\(allow)")) }
        if problem.status == .unauthorized { fields.append(Field(name: "www-authenticate", value: "Bearer")) }
        if problem.status == .tooManyRequests || problem.status == .serviceUnavailable {
            fields.append(Field(name: "retry-after", value: String(problem.wait ?? 1)))
        }
    }
}
