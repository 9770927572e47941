import Glibc

/// Bytes that come at one end and go at the other.
struct Buffer: ~Copyable {
    private var memory: UnsafeMutableRawPointer
    private var capacity: Int
    private var first = 0
    private var end = 0

    init(capacity: Int) {
        self.capacity = capacity
        memory = .allocate(byteCount: capacity, alignment: 16)
    }

    deinit { memory.deallocate() }

    var count: Int { end - first }

    /// What is in it; valid until the next change.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: memory + first, count: count) }

    mutating func dropFirst(_ count: Int) {
        first += count
        if first == end { removeAll() }
    }

    mutating func removeAll() {
        first = 0
        end = 0
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return }
        memcpy(room(bytes.count), base, bytes.count)
        end += bytes.count
    }

    /// Receives from a socket; the result of recv(2).
    mutating func receive(_ descriptor: Int32, atMost most: Int) -> Int {
        let count = recv(descriptor, room(most), most, 0)
        if count > 0 { end += count }
        return count
    }

    /// Where `count` more bytes go.
    private mutating func room(_ count: Int) -> UnsafeMutableRawPointer {
        if capacity - end < count, first > 0 {
            memmove(memory, memory + first, end - first)
            end -= first
            first = 0
        }
        if capacity - end < count {
            let larger = max(capacity * 2, end + count)
            let moved = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
            memcpy(moved, memory, end)
            memory.deallocate()
            memory = moved
            capacity = larger
        }
        return memory + end
    }
}
