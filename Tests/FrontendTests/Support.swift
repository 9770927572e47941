import Engines
import Items
import Memory

@testable import Frontend

/// SplitMix64: the same seed gives the same test.
struct Random: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// One to four small changes of the kind that break parsers.
func mutated(_ original: [UInt8], _ random: inout Random) -> [UInt8] {
    var bytes = original
    for _ in 0..<Int.random(in: 1...4, using: &random) {
        let at = bytes.isEmpty ? 0 : Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<6, using: &random) {
        case 0 where !bytes.isEmpty: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 1 where !bytes.isEmpty:
            bytes[at] = [0, 0xff, 0x7f, 0x80, 10, 13, 32, 58].randomElement(using: &random) ?? 0
        case 2 where !bytes.isEmpty: bytes.remove(at: at)
        case 3: bytes.insert(UInt8.random(in: 0...255, using: &random), at: at)
        case 4: bytes = Array(bytes.prefix(at))
        default: bytes.insert(contentsOf: bytes.suffix(Int.random(in: 0...16, using: &random)), at: at)
        }
    }
    return bytes
}

extension ItemCounter {
    static var unlimited: ItemCounter { ItemCounter(MemoryBudget().own) }
}

extension BufferPool {
    convenience init() { self.init(MemoryBudget().own) }
}

extension OutputBuffer {
    convenience init() { self.init(MemoryBudget().own) }

    /// Everything that is to be sent, without sending it.
    var all: [UInt8] {
        let copy = OutputBuffer()
        copy.append(contentsOf: self)
        var result = [UInt8](repeating: 0, count: copy.count)
        let count = result.withUnsafeMutableBytes { bytes in
            bytes.baseAddress.map { copy.read(into: $0, limit: bytes.count) } ?? 0
        }
        return Array(result.prefix(count))
    }

    var text: String { String(decoding: all, as: UTF8.self) }
}

extension ItemSet {
    init(_ name: String, _ items: [(ident: String, key: UInt32, data: [UInt8])]) {
        self.init(
            name: Blob(name), items: items.map { Item(ident: Blob($0.ident), key: $0.key, data: Blob($0.data)) })
    }
}

/// Sets as plain values, to compare.
struct PlainSet: Equatable {
    struct PlainItem: Equatable {
        var ident: String
        var key: UInt32
        var data: [UInt8]
    }

    var name: String
    var items: [PlainItem]

    init(_ set: ItemSet) {
        name = set.name.text
        items = set.items.map { PlainItem(ident: $0.ident.text, key: $0.key, data: $0.data.array) }
    }
}

extension Blob {
    /// Whether the bytes lie in those of `other`.
    func lies(in other: Blob) -> Bool {
        guard let start, let first = other.start else { return count == 0 }
        return start >= first && start + count <= first + other.count
    }
}

extension String {
    func withBytes<R>(_ body: (Bytes) throws -> R) rethrows -> R {
        try Array(utf8).withUnsafeBytes { try body($0) }
    }
}
