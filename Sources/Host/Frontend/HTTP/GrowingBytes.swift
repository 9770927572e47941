internal import Items

/// Bytes of unknown number, in memory that doubles.
struct GrowingBytes {
    private(set) var storage: HeapStorage
    private(set) var count = 0

    init(capacity: Int = 0) { storage = HeapStorage(capacity: capacity) }

    mutating func append(_ bytes: Bytes) {
        guard let from = bytes.baseAddress, bytes.count > 0 else { return }
        if count + bytes.count > storage.capacity {
            let larger = HeapStorage(capacity: max(4096, storage.capacity * 2, count + bytes.count))
            larger.base.copyMemory(from: storage.base, byteCount: count)
            storage = larger
        }
        // SAFETY: the capacity was made to fit above, and nobody else has seen this storage yet.
        (storage.base + count).copyMemory(from: from, byteCount: bytes.count)
        count += bytes.count
    }

    var blob: Blob { Blob(storage: storage, start: UnsafeRawPointer(storage.base), count: count) }
}
