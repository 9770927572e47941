internal import Items

/// Buffers that idle connections do without: one worker's, used by its thread alone.
final class BufferPool {
    private var free: [HeapStorage] = []

    static let bufferSize = 16 << 10
    private static let mostKept = 256

    func take() -> HeapStorage { free.popLast() ?? HeapStorage(capacity: Self.bufferSize) }

    /// Takes back a buffer that nothing refers to any more; any other dies with its last reference.
    func give(_ buffer: consuming HeapStorage) {
        var buffer = buffer
        guard buffer.capacity == Self.bufferSize, free.count < Self.mostKept, isKnownUniquelyReferenced(&buffer)
        else { return }
        free.append(buffer)
    }
}
