internal import Items
internal import Memory

/// One request of an HTTP/2 connection, while it arrives, is handled and is answered.
final class HTTP2Stream {
    let id: Int32
    let head = RequestHead()
    /// Nil unless the request is wrong; it is then answered with this.
    private(set) var problem: Problem?
    /// What is left of the response's content.
    private(set) lazy var output = OutputBuffer(limits.budget.own)
    /// The rest of the response is not to be sent any more.
    private(set) var isAbandoned = false
    var isAnswered = false
    /// Nothing more of the request is awaited.
    var isComplete = false
    /// Of content that arrived although the request is answered.
    private(set) var ignored = 0

    private let limits: Limits
    private var names: GrowingBytes
    private var content: GrowingBytes?
    private var hasPath = false
    private var hasHost = false

    /// What a time limit runs for.
    enum Waiting { case nothing, head, body, reply, end }
    private(set) var waiting = Waiting.nothing
    private var waitingSince: UInt32 = 0
    private var pace = Pace(at: 0)
    /// Bytes of the body or the answer that have passed while it was waited for them.
    var progress = 0

    init(id: Int32, limits: Limits) {
        self.id = id
        self.limits = limits
        names = GrowingBytes(limits.budget.own, .connections)
    }

    var body: Blob { content?.blob ?? .empty }
    var bodyCount: Int { content?.count ?? 0 }

    func releaseBody() { content = nil }

    func abandonOutput() {
        isAbandoned = true
        output.reset()
    }

    // MARK: Time

    func wait(for wanted: Waiting, at tick: UInt32) {
        waiting = wanted
        waitingSince = tick
        progress = 0
        pace = Pace(at: tick)
    }

    /// Counts the progress that was made.
    func note(at tick: UInt32) { pace.note(total: progress, at: tick) }

    /// Tick of a second at which the wait has lasted too long, by the limits that a connection of HTTP/1.1 has.
    var expiry: UInt32 {
        let seconds: UInt32
        switch waiting {
        case .nothing: return .max
        case .head: seconds = Patience.head
        case .body, .reply: return pace.expiry
        case .end: seconds = Patience.lingering
        }
        return waitingSince &+ seconds &+ 1
    }

    /// Takes a header field, which the session has checked for form.
    func add(name: Bytes, value: Bytes) {
        guard problem == nil else { return }
        do { try read(name: name, value: value) } catch { problem = error }
    }

    private func read(name: Bytes, value: Bytes) throws(Problem) {
        guard names.count + name.count + value.count <= limits.head, head.fields.count < limits.fields else {
            throw Problem(.headerFieldsTooLarge, "tooLarge", "header fields exceed \(limits.head) bytes")
        }
        let start = UInt32(names.count)
        try names.append(name)
        let middle = UInt32(names.count)
        try names.append(value)
        head.base = names.base
        let range = middle..<UInt32(names.count)
        if name.first != ASCII.colon {
            head.fields.append(RequestHead.Field(name: start..<middle, value: range))
            if name.equals("content-length") { head.contentLength = value.decimal }
            if name.equals("host") { try readHost(range) }
            if name.equals("expect") { head.expectsContinue = value.equalsIgnoringCase("100-continue") }
        } else if name.equals(":method") {
            head.method = Method(value)
        } else if name.equals(":path") {
            hasPath = head.split(target: range)
        } else if name.equals(":authority") {
            try read(authority: range)
        }
    }

    private func readHost(_ range: Range<UInt32>) throws(Problem) {
        guard !hasHost else { throw .malformed("more than one Host field") }
        hasHost = true
        try read(authority: range)
    }

    /// `:authority` or Host, which must agree where both are there (RFC 9113, 8.3.1).
    private func read(authority range: Range<UInt32>) throws(Problem) {
        let value = head.bytes(range)
        guard Authority.isValid(value) else { throw .malformed("the authority is not a host and a port") }
        guard head.authority.isEmpty || head.bytes(head.authority).isSame(as: value) else {
            throw .malformed("the Host field differs from :authority")
        }
        head.authority = range
    }

    /// Gives the request its name.
    func identify(by ids: inout RequestIDs) { head.identify(by: &ids) }

    func endHead(_ gate: HTTP2Session.Gatekeeper?) {
        if problem == nil, !hasPath { problem = .malformed(":path is not a path") }
        if (head.contentLength ?? 0) > limits.body { problem = problem ?? .bodyTooLarge(limits) }
        guard problem == nil else { return }
        do throws(Problem) {
            if let gate { head.caller = try gate(head) }
            try limits.admit(head, length: head.contentLength)
        } catch { problem = error }
    }

    func add(content bytes: Bytes) {
        guard problem == nil, !isAnswered else {
            ignored += bytes.count
            return
        }
        guard bytes.count <= limits.body - bodyCount else { return fail(.bodyTooLarge(limits)) }
        var content =
            content.take() ?? GrowingBytes(expected: head.contentLength ?? 0, limits.account(of: head), .bodies)
        do { try content.append(bytes) } catch { return fail(error) }
        self.content = content
    }

    func fail(_ problem: Problem) {
        self.problem = self.problem ?? problem
        content = nil
    }
}
