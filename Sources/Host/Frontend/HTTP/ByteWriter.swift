internal import Items

/// Puts bytes where somebody has made sure that there is room for all of them.
struct ByteWriter {
    private let start: UnsafeMutableRawPointer
    private var next: UnsafeMutableRawPointer

    /// - Parameter start: of memory that has room for whatever will be put there.
    init(_ start: UnsafeMutableRawPointer) {
        self.start = start
        next = start
    }

    /// Bytes so far.
    var count: Int { next - start }

    // SAFETY of all below: who made the writer has counted what is put.

    @inline(__always) mutating func put(_ bytes: Bytes) {
        guard let base = bytes.baseAddress else { return }
        next.copyMemory(from: base, byteCount: bytes.count)
        next += bytes.count
    }

    @inline(__always) mutating func put(_ text: StaticString) {
        next.copyMemory(from: text.utf8Start, byteCount: text.utf8CodeUnitCount)
        next += text.utf8CodeUnitCount
    }

    mutating func put(_ text: String) {
        var text = text
        text.withUTF8 { put(Bytes($0)) }
    }

    mutating func put(_ array: [UInt8]) { array.withUnsafeBytes { put($0) } }

    @inline(__always) mutating func put(_ byte: UInt8) {
        next.storeBytes(of: byte, as: UInt8.self)
        next += 1
    }

    @inline(__always) mutating func put(digit: UInt64) { put(ASCII.zero &+ UInt8(truncatingIfNeeded: digit)) }

    mutating func put(decimal number: UInt64) {
        if number >= 10 { put(decimal: number / 10) }
        put(digit: number % 10)
    }

    mutating func put(_ id: RequestID) {
        id.write(to: next)
        next += RequestID.digits
    }
}

extension OutputBuffer {
    /// Has `body` write up to `most` bytes.
    @inline(__always) func write(atMost most: Int, _ body: (inout ByteWriter) -> Void) {
        var writer = ByteWriter(room(for: most))
        body(&writer)
        filled(writer.count)
    }
}
