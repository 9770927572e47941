/// Memory that stays readable while somebody refers to it: a request's body, a context that has run, a plugin's reply.
///
/// Subclasses give the memory back in `deinit`, which may run on any thread.
open class Storage: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: a Storage is written only before it is shared, and read-only from then on.
    public init() {}

    /// Where bytes of this storage lie in a file that can be mapped elsewhere; nil when they do not. Any thread.
    open func filePart(of bytes: UnsafeRawBufferPointer) -> FilePart? { nil }
}

/// The whole pages of some bytes that lie in a file in memory. While the storage lives nobody writes to them.
public struct FilePart: Sendable, Equatable {
    public var descriptor: Int32
    /// Of the first page in the file, bytes.
    public var offset: Int
    /// How many of the bytes lie before it.
    public var lead: Int
    /// Bytes of the pages. The last may reach beyond the bytes, with zeros.
    public var count: Int

    public static let page = 4096

    public init(descriptor: Int32, offset: Int, lead: Int, count: Int) {
        self.descriptor = descriptor
        self.offset = offset
        self.lead = lead
        self.count = count
    }

    /// The whole pages of `range` of a file; nil when there is none.
    /// - Parameter zeroFrom: Bytes of the file from there on are zero to the end of their page.
    public init?(descriptor: Int32, of range: Range<Int>, zeroFrom: Int? = nil) {
        let mask = Self.page - 1
        let first = (range.lowerBound + mask) & ~mask
        let end = (range.upperBound == zeroFrom ? range.upperBound + mask : range.upperBound) & ~mask
        guard first < end else { return nil }
        self.init(descriptor: descriptor, offset: first, lead: first - range.lowerBound, count: end - first)
    }
}

/// Bytes inside a `Storage`. A value: copying one shares the memory.
public struct Blob: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: the bytes are not written after a Blob exists, and `storage` keeps them alive.
    public let storage: Storage?
    public let start: UnsafeRawPointer?
    public let count: Int

    /// `start ..< start + count` must stay valid and unwritten while `storage` lives.
    public init(storage: Storage?, start: UnsafeRawPointer?, count: Int) {
        self.storage = storage
        self.start = start
        self.count = count
    }

    public static let empty = Blob(storage: nil, start: nil, count: 0)

    /// Copies `bytes` to memory of its own.
    public init(copying bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress, bytes.count > 0 else {
            self = .empty
            return
        }
        let heap = HeapStorage(capacity: bytes.count)
        // SAFETY: heap has room for exactly bytes.count bytes and nobody else knows it yet.
        heap.base.copyMemory(from: base, byteCount: bytes.count)
        self.init(storage: heap, start: UnsafeRawPointer(heap.base), count: bytes.count)
    }

    public init(_ text: String) {
        var text = text
        self = text.withUTF8 { Blob(copying: UnsafeRawBufferPointer($0)) }
    }

    public init(_ bytes: [UInt8]) {
        self = bytes.withUnsafeBytes { Blob(copying: $0) }
    }

    /// The bytes, valid during the call.
    public func withUnsafeBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        defer { withExtendedLifetime(storage) {} }
        // SAFETY: storage keeps start..<start+count valid until after body.
        return try body(UnsafeRawBufferPointer(start: start, count: count))
    }

    /// A part of the bytes, clamped to them.
    public func slice(_ range: Range<Int>) -> Blob {
        let range = range.clamped(to: 0..<count)
        guard let start, !range.isEmpty else { return .empty }
        return Blob(storage: storage, start: start + range.lowerBound, count: range.count)
    }

    /// Where the bytes lie in a file that can be mapped elsewhere; nil when they do not.
    public var filePart: FilePart? { storage?.filePart(of: UnsafeRawBufferPointer(start: start, count: count)) }

    /// The bytes as text; invalid UTF-8 is repaired.
    public var text: String { withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }

    public var array: [UInt8] { withUnsafeBytes { [UInt8]($0) } }
}

/// Memory from malloc, freed with the last reference.
public final class HeapStorage: Storage, @unchecked Sendable {
    public let base: UnsafeMutableRawPointer
    public let capacity: Int

    public init(capacity: Int) {
        self.capacity = capacity
        base = .allocate(byteCount: max(capacity, 1), alignment: 16)
        super.init()
    }

    deinit { base.deallocate() }
}
