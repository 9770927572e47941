internal import Failure
internal import Items
internal import Memory

/// Buffers that idle connections do without: one worker's, used by its thread alone.
final class BufferPool {
    private let account: MemoryAccount
    private var free: [HeldStorage] = []

    static let bufferSize = 16 << 10
    private static let mostKept = 256

    init(_ account: MemoryAccount) { self.account = account }

    /// - Parameter size: At least so many bytes.
    /// - Throws: 429 when connections hold as much as they may.
    func take(_ size: Int = bufferSize) throws(Problem) -> HeldStorage {
        if size <= Self.bufferSize, let kept = free.popLast() { return kept }
        let capacity = max(size, Self.bufferSize)
        var charge = MemoryCharge(account, .connections)
        do throws(Failure) { try charge.grow(by: capacity) } catch { throw Problem(error) }
        return HeldStorage(capacity: capacity, charge)
    }

    /// Takes back a buffer that nothing refers to any more; any other dies with its last reference.
    func give(_ buffer: consuming HeldStorage) {
        var buffer = buffer
        guard buffer.capacity == Self.bufferSize, free.count < Self.mostKept, isKnownUniquelyReferenced(&buffer)
        else { return }
        free.append(buffer)
    }
}
