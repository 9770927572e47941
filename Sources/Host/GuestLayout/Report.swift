/// The ends of what a function wrote to its standard streams before it died; empty where it says nothing.
public struct GuestStreams {
    public var output: [UInt8] = []
    public var error: [UInt8] = []

    public init() {}

    init(output: [UInt8], error: [UInt8]) {
        self.output = output
        self.error = error
    }
}

/// dn_guest_report of guest.h, which the entry block points to.
enum Report {
    static let entryOffset = 80
    static let magic: UInt32 = 0x3152_4c44
    static let bytes: UInt64 = 24
    static let outputOffset = 8
    static let errorOffset = 16
}

extension GuestMemory {
    /// Copies at most `most` bytes of the end of each stream of a function that has stopped. Trusts nothing in the memory:
    /// whatever lies counts as nothing.
    public func streams(entryBlock: UInt64, pointerBytes: Int, most: Int) -> GuestStreams {
        guard let tables = try? Tables(pointerBytes: pointerBytes),
            let field = bytes(at: entryBlock &+ UInt64(Report.entryOffset), count: 8)
        else { return GuestStreams() }
        // SAFETY: `bytes` checked the ranges; integers have no invalid bytes, and any alignment is read.
        let address = field.loadUnaligned(as: UInt64.self)
        guard address != 0, let report = bytes(at: address, count: Report.bytes),
            report.loadUnaligned(as: UInt32.self) == Report.magic,
            report.loadUnaligned(fromByteOffset: 4, as: UInt32.self) >= UInt32(Report.bytes)
        else { return GuestStreams() }
        func tail(_ offset: Int) -> [UInt8] {
            stream(at: report.loadUnaligned(fromByteOffset: offset, as: UInt64.self), tables, most)
        }
        return GuestStreams(output: tail(Report.outputOffset), error: tail(Report.errorOffset))
    }

    /// The end of the bytes that two words at `address` name.
    private func stream(at address: UInt64, _ tables: Tables, _ most: Int) -> [UInt8] {
        guard address != 0, let words = bytes(at: address, count: UInt64(2 * tables.word)) else { return [] }
        let start = tables.load(Words.address, of: words)
        let count = tables.load(Words.length, of: words)
        guard count > 0, let data = bytes(at: start, count: count) else { return [] }
        let kept = Int(min(count, UInt64(most)))
        // SAFETY: `bytes` checked [start, start + count).
        return [UInt8](UnsafeRawBufferPointer(start: data + Int(count) - kept, count: kept))
    }

    private enum Words: Int { case address, length }
}
