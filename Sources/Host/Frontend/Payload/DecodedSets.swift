internal import Failure
internal import Items
internal import Memory

/// Item sets that were read from a body, and the memory that their description takes; the data are mostly views of the body.
struct DecodedSets: Sendable {
    var sets: [ItemSet] = []
    /// To be kept as long as the sets.
    var charge: ItemCharge?
}

/// Counts the sets and items that a decoder makes, and charges their memory before it is taken: an item may take a few bytes in
/// a body, and has a hundred here.
struct ItemCounter {
    /// Sets and items of one body.
    static let most = 100_000
    /// Not charged: so many are part of what any request costs.
    private static let free = 16
    /// Bytes of an item and of the room that arrays keep to grow.
    private static let bytesEach = 2 * MemoryLayout<Item>.stride

    private let account: MemoryAccount
    private let limit: Int
    private var charged = ItemCounter.free
    private var count = 0
    private(set) var charge: ItemCharge?

    init(_ account: MemoryAccount, limit: Int = ItemCounter.most) {
        self.account = account
        self.limit = limit
    }

    /// One more item or set is about to be made.
    mutating func add() throws(Problem) {
        count += 1
        guard count <= limit else {
            throw Problem(
                .contentTooLarge, Failure.Kind.tooLarge.rawValue, "the body holds more than \(limit) sets and items",
                [.init("limit", String(limit))])
        }
        guard count > charged else { return }
        try add(bytes: charged * Self.bytesEach)
        charged *= 2
    }

    /// Bytes beside sets and items are about to be taken.
    mutating func add(bytes: Int) throws(Problem) {
        let charge = charge ?? ItemCharge(account)
        self.charge = charge
        do throws(Failure) { try charge.grow(by: bytes) } catch { throw Problem(error) }
    }
}

/// Memory that is charged until the last reference to this is gone.
final class ItemCharge: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: the charge grows only while one thread decodes.
    private var charge: MemoryCharge

    init(_ account: MemoryAccount) { charge = MemoryCharge(account, .decoded) }

    func grow(by count: Int) throws(Failure) { try charge.grow(by: count) }
}

/// Memory for values that do not stand in the body as they are; charged before it is taken.
struct DecodeArena {
    private let account: MemoryAccount
    private var chunk: ChargedStorage?
    private var used = 0
    private var nextChunk = 1 << 10

    private static let largestChunk = 64 << 10

    init(_ account: MemoryAccount) { self.account = account }

    /// Memory for `count` bytes, until `take`. Of what is large no more than the beginning is charged: the rest is to be
    /// charged by `fill`, for the kernel gives memory when it is written.
    mutating func room(for count: Int) throws(Problem) -> UnsafeMutableRawPointer {
        if let chunk, chunk.capacity - used >= count { return chunk.base + used }
        let capacity = max(count, nextChunk)
        nextChunk = min(nextChunk * 2, Self.largestChunk)
        do throws(Failure) {
            let fresh = try ChargedStorage(capacity: capacity, account, .decoded)
            try fresh.fill(to: min(capacity, Self.largestChunk))
            chunk = fresh
            used = 0
            return fresh.base
        } catch { throw Problem(error) }
    }

    /// Bytes of a large room that may be written once they are charged.
    static let piece = 1 << 20

    /// The first `count` bytes of the last room are about to be written.
    func fill(_ count: Int) throws(Problem) {
        do throws(Failure) { try chunk?.fill(to: used + count) } catch { throw Problem(error) }
    }

    /// The first `count` bytes of the last room, which were written.
    mutating func take(_ count: Int) -> Blob {
        guard let chunk, count > 0 else { return .empty }
        defer { used += count }
        return Blob(storage: chunk, start: UnsafeRawPointer(chunk.base + used), count: count)
    }
}

/// What names of sets and items may be where a client chooses them.
enum Identifier {
    static let longest = 65_535

    /// Nil if the bytes may be a name, else what they are.
    static func objection(to bytes: Bytes) -> String? {
        if bytes.count > longest { return "is longer than \(longest) bytes" }
        if bytes.firstIndex(of: 0, from: 0) != nil { return "holds a zero byte" }
        return bytes.isUTF8 ? nil : "is not valid UTF-8"
    }
}

extension Bytes {
    var isUTF8: Bool {
        do throws(UTF8.ValidationError) {
            _ = try UTF8Span(validating: bindMemory(to: UInt8.self).span)
            return true
        } catch { return false }
    }
}
