internal import Failure
internal import Items
internal import Memory

/// The receiving side of an HTTP/1.1 connection: bytes in, one request after the other out.
///
/// The owner reads into `room`, tells `received`, asks `advance` until it wants more bytes, answers a complete request
/// and calls `finish`. Head and body are views of the receive buffer (a long body has memory of its own), which is
/// neither moved nor overwritten while a request, or an item cut from its body, refers to it.
struct RequestReader: ~Copyable {
    enum Progress: Equatable {
        /// More bytes are needed.
        case starved
        /// The head is complete; answer `100 Continue` if it expects that, then go on reading. Told once.
        case head
        /// `head` and `body` are complete.
        case request
    }

    private enum Stage { case head, announced, fixed, long, chunked, complete }

    private let pool: BufferPool
    private let limits: Limits
    /// Nil while nothing is received: thousands of idle connections hold no buffer.
    private var buffer: HeldStorage?
    /// The request's first byte and the end of what is received, in `buffer`.
    private var start = 0
    private var end = 0
    /// End of the head, and of the part of the body that is used up, from `start`.
    private var consumed = 0

    private var stage = Stage.head
    private var parser = HeadParser()
    private var chunks = ChunkedDecoder()
    private var growing: GrowingBytes?
    private var long: ChargedStorage?
    private var longCount = 0

    let head = RequestHead()
    private(set) var body = Blob.empty

    init(pool: BufferPool, limits: Limits) {
        self.pool = pool
        self.limits = limits
        head.fields.reserveCapacity(16)
    }

    /// Nothing of a next request has arrived.
    var isIdle: Bool { stage == .head && start == end }

    /// Bytes of the body that have arrived; nil while a head is awaited.
    var bodyProgress: Int? {
        switch stage {
        case .head, .announced: nil
        case .long: longCount
        case .chunked: growing?.count ?? 0
        case .fixed, .complete: end - start - consumed
        }
    }

    /// Bytes received that no request has used yet.
    var unused: Bytes {
        guard let buffer else { return Bytes(start: nil, count: 0) }
        return Bytes(start: buffer.base + start, count: end - start)
    }

    /// Where to read the next bytes to; never empty, valid until the next call.
    /// - Throws: 429 when connections hold as much memory as they may.
    mutating func room() throws(Problem) -> UnsafeMutableRawBufferPointer {
        if stage == .long, let long {
            return UnsafeMutableRawBufferPointer(start: long.base + longCount, count: long.capacity - longCount)
        }
        let buffer = try makeRoom()
        // SAFETY: start <= end < capacity, kept by makeRoom.
        return UnsafeMutableRawBufferPointer(start: buffer.base + end, count: buffer.capacity - end)
    }

    /// `count` bytes were read to `room`.
    mutating func received(_ count: Int) {
        if stage == .long { longCount += count } else { end += count }
    }

    mutating func advance() throws(Problem) -> Progress {
        switch stage {
        case .head:
            guard start < end, try parser.advance(unused, limits: limits, head: head) else { return .starved }
            consumed = parser.position
            stage = .announced
            return .head
        case .announced:
            try beginBody()
            return try advance()
        case .fixed:
            let length = head.contentLength ?? 0
            guard end - start - consumed >= length else { return .starved }
            if let buffer, length > 0 {
                body = Blob(storage: buffer, start: UnsafeRawPointer(buffer.base + start + consumed), count: length)
            }
            consumed += length
            stage = .complete
            return .request
        case .long:
            guard let long else { return .starved }
            do throws(Failure) { try long.fill(to: longCount) } catch { throw Problem(error) }
            guard longCount == long.capacity else { return .starved }
            body = Blob(storage: long, start: UnsafeRawPointer(long.base), count: longCount)
            stage = .complete
            return .request
        case .chunked: return try advanceChunks()
        case .complete: return .request
        }
    }

    /// Says who makes the request whose head has just arrived.
    func set(caller: Caller?) { head.caller = caller }

    /// Gives the request its name, so far as its head has arrived.
    func identify(by ids: inout RequestIDs) { head.identify(by: &ids) }

    /// Whether nothing follows the head that has just arrived.
    var hasNoBody: Bool { !head.isChunked && (head.contentLength ?? 0) == 0 }

    /// Whoever handles the request has its body: what is not kept there is given back now, not after the answer.
    mutating func releaseBody() {
        body = .empty
        long = nil
        growing = nil
    }

    /// The request is answered: forget it. Bytes of the next one stay.
    mutating func finish() {
        releaseBody()
        start += consumed
        consumed = 0
        parser = HeadParser()
        head.reset()
        stage = .head
        if start == end { release() }
    }

    /// Gives the buffer back, with whatever was received.
    mutating func release() {
        start = 0
        end = 0
        guard let buffer else { return }
        self.buffer = nil
        pool.give(buffer)
    }

    private mutating func beginBody() throws(Problem) {
        if head.isChunked {
            try limits.admit(head, length: nil)
            chunks = ChunkedDecoder()
            growing = GrowingBytes(limits.account(of: head), .bodies)
            stage = .chunked
            return
        }
        let length = head.contentLength ?? 0
        guard length <= limits.body else { throw .bodyTooLarge(limits) }
        guard let buffer, length > buffer.capacity - start - consumed else {
            stage = .fixed
            return
        }
        let arrived = end - start - consumed
        try limits.admit(head, length: length)
        let long: ChargedStorage
        do throws(Failure) { long = try ChargedStorage(capacity: length, limits.account(of: head), .bodies) } catch {
            throw Problem(error)
        }
        // SAFETY: arrived < length, because the whole body would not fit into the buffer's rest.
        long.base.copyMemory(from: buffer.base + start + consumed, byteCount: arrived)
        longCount = arrived
        consumed += arrived
        self.long = long
        stage = .long
    }

    private mutating func advanceChunks() throws(Problem) -> Progress {
        guard var growing = growing.take(), let buffer else { return .starved }
        let raw = Bytes(start: buffer.base + start + consumed, count: end - start - consumed)
        consumed += try chunks.decode(raw, limits: limits, into: &growing)
        guard chunks.isDone else {
            // The coded bytes are used up: the next ones may take their place, behind the head.
            end = start + parser.position
            consumed = parser.position
            self.growing = growing
            return .starved
        }
        body = growing.blob
        stage = .complete
        return .request
    }

    /// A buffer with room behind `end`; the bytes from `start` may move while a head is incomplete.
    private mutating func makeRoom() throws(Problem) -> HeldStorage {
        guard let current = buffer else {
            let fresh = try pool.take()
            buffer = fresh
            return fresh
        }
        if end < current.capacity { return current }
        // Full, so this is a head, or a coded body behind one. An earlier request's items may share the buffer:
        // they stay where they are, and this request moves to another.
        let count = end - start
        let larger = try pool.take(count * 2)
        larger.base.copyMemory(from: current.base + start, byteCount: count)
        buffer = larger
        start = 0
        end = count
        head.base = UnsafeRawPointer(larger.base)
        pool.give(current)
        return larger
    }
}
