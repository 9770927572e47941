internal import Items
internal import Memory

/// One request of an HTTP/2 connection, while it arrives, is handled and is answered.
final class HTTP2Stream {
    let id: Int32
    private(set) var head = RequestHead()
    /// Nil unless the request is wrong; it is then answered with this.
    private(set) var problem: Problem?
    /// What is left of the response's content.
    var output = OutputBuffer()
    var isAnswered = false
    /// Nothing more of the request is awaited.
    var isComplete = false
    /// Of content that arrived although the request is answered.
    private(set) var ignored = 0

    private let limits: Limits
    private var names: GrowingBytes
    private var content: GrowingBytes?
    private var upgraded: Blob?
    private var hasPath = false

    init(id: Int32, limits: Limits) {
        self.id = id
        self.limits = limits
        names = GrowingBytes(limits.budget.own, .connections)
    }

    /// A request that came as HTTP/1.1 and asked for an upgrade: its head is copied, its body shared.
    init(id: Int32, upgrading head: RequestHead, body: Blob, limits: Limits) {
        self.id = id
        self.limits = limits
        names = GrowingBytes(limits.budget.own, .connections)
        let end = max(head.target.upperBound, head.fields.last?.value.upperBound ?? 0)
        do { try names.append(Bytes(start: head.base, count: Int(end))) } catch { problem = error }
        self.head = head
        self.head.base = names.base
        upgraded = body
    }

    var body: Blob { upgraded ?? content?.blob ?? .empty }
    var bodyCount: Int { content?.count ?? 0 }

    func releaseBody() {
        content = nil
        upgraded = nil
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
            if name.equals("expect") { head.expectsContinue = value.equalsIgnoringCase("100-continue") }
        } else if name.equals(":method") {
            head.method = Method(value)
        } else if name.equals(":path") {
            hasPath = head.split(target: range)
        }
    }

    func endHead() {
        if problem == nil, !hasPath { problem = .malformed(":path is not a path") }
        if (head.contentLength ?? 0) > limits.body { problem = problem ?? .bodyTooLarge(limits) }
        guard problem == nil else { return }
        do throws(Problem) { try limits.admit(head, length: head.contentLength) } catch { problem = error }
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
