public import Failure
public import Items
public import Memory

/// Item sets as the store keeps them: little-endian numbers of 32 bits, names and data behind their lengths, and a sum over
/// everything, since SQLite keeps none of its pages' content.
public enum StoredSets {
    private static let version: UInt32 = 1
    private static let sumBytes = 8

    /// Bytes that `encode` gives.
    public static func size(of sets: [ItemSet]) -> Int {
        sets.reduce(8 + sumBytes) { sum, set in
            set.items.reduce(sum + 8 + set.name.count) { $0 + 12 + $1.ident.count + $1.data.count }
        }
    }

    /// No sets at all.
    static let nothing: Blob = {
        let heap = HeapStorage(capacity: 8 + sumBytes)
        return fill(heap.base, heap, 8 + sumBytes, with: [])
    }()

    /// - Throws: `.tooLarge` for what has more than `limit` bytes, or as the account refuses it.
    public static func encode(
        _ sets: [ItemSet], limit: Int, _ account: MemoryAccount
    ) throws(Failure) -> Blob {
        let size = size(of: sets)
        guard size <= limit, size <= Int(UInt32.max) else {
            throw Failure(
                .tooLarge, "\(size) bytes are to be kept; \(limit) are admitted (max_payload)",
                [.init("limit", String(limit))])
        }
        let storage = try ChargedStorage(capacity: size, account, .decoded)
        try storage.fill(to: size)
        return fill(storage.base, storage, size, with: sets)
    }

    /// `base` is memory of the storage, and has `size` bytes, as many as the sets take.
    private static func fill(
        _ base: UnsafeMutableRawPointer, _ storage: Storage, _ size: Int, with sets: [ItemSet]
    ) -> Blob {
        var writer = Writer(base: base)
        writer.put(version)
        writer.put(UInt32(sets.count))
        for set in sets {
            writer.put(set.name)
            writer.put(UInt32(set.items.count))
            for item in set.items {
                writer.put(item.ident)
                writer.put(item.key)
                writer.put(item.data)
            }
        }
        let body = UnsafeRawBufferPointer(start: base, count: writer.offset)
        let sum = sum(of: body)
        writer.put(UInt32(truncatingIfNeeded: sum))
        writer.put(UInt32(truncatingIfNeeded: sum >> 32))
        return Blob(storage: storage, start: UnsafeRawPointer(base), count: size)
    }

    /// Sets whose names and data lie in `blob`.
    /// - Throws: `.internal` for bytes that `encode` has not made.
    public static func decode(_ blob: Blob) throws(Failure) -> [ItemSet] {
        let bodyCount = blob.count - sumBytes
        guard bodyCount >= 8 else { throw damaged }
        let isSound = blob.withUnsafeBytes { bytes in
            sum(of: UnsafeRawBufferPointer(rebasing: bytes[..<bodyCount]))
                == bytes.loadUnaligned(fromByteOffset: bodyCount, as: UInt64.self).littleEndian
        }
        guard isSound else { throw damaged }
        var reader = Reader(blob: blob.slice(0..<bodyCount))
        guard try reader.number() == version else { throw damaged }
        var sets: [ItemSet] = []
        for _ in 0..<(try reader.number()) {
            var set = ItemSet(name: try reader.bytes())
            let count = try reader.number()
            try blob.chargeBeside(Int(count) * MemoryLayout<Item>.stride)
            for _ in 0..<count {
                set.items.append(
                    Item(ident: try reader.bytes(), key: try reader.number(), data: try reader.bytes()))
            }
            sets.append(set)
        }
        return sets
    }

    private static var damaged: Failure { Failure(.internal, "what the store holds of the invocation is damaged") }

    /// FNV-1a over words of eight bytes, then over what is left.
    private static func sum(of bytes: UnsafeRawBufferPointer) -> UInt64 {
        let prime: UInt64 = 0x100_0000_01b3
        var sum: UInt64 = 0xcbf2_9ce4_8422_2325 ^ UInt64(bytes.count)
        let words = bytes.count / 8
        for word in 0..<words {
            sum = (sum ^ bytes.loadUnaligned(fromByteOffset: word * 8, as: UInt64.self).littleEndian) &* prime
            sum ^= sum >> 32
        }
        for byte in bytes[(words * 8)...] { sum = (sum ^ UInt64(byte)) &* prime }
        return sum
    }

    private struct Writer {
        let base: UnsafeMutableRawPointer
        var offset = 0

        mutating func put(_ number: UInt32) {
            // SAFETY: the memory has the size that was counted for the same sets.
            base.storeBytes(of: number.littleEndian, toByteOffset: offset, as: UInt32.self)
            offset += 4
        }

        mutating func put(_ blob: Blob) {
            put(UInt32(blob.count))
            blob.withUnsafeBytes { bytes in
                // SAFETY: as above.
                if let start = bytes.baseAddress { (base + offset).copyMemory(from: start, byteCount: bytes.count) }
            }
            offset += blob.count
        }
    }

    private struct Reader {
        let blob: Blob
        var offset = 0

        mutating func number() throws(Failure) -> UInt32 {
            guard blob.count - offset >= 4 else { throw damaged }
            defer { offset += 4 }
            return blob.withUnsafeBytes { [offset] in
                $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self).littleEndian
            }
        }

        mutating func bytes() throws(Failure) -> Blob {
            let count = Int(try number())
            guard count <= blob.count - offset else { throw damaged }
            defer { offset += count }
            return blob.slice(offset..<offset + count)
        }
    }
}
