/// What a function that did not end well left for its caller; empty where it says nothing. Nothing of it can be relied on.
public struct GuestReport {
    /// The ends of its standard streams.
    public var output: [UInt8] = []
    public var error: [UInt8] = []
    public var failure: GuestFailure?
}

/// A failure in a function's own words; each text is UTF-8 if the function is honest.
public struct GuestFailure {
    /// What kind it is, such as the class of an exception.
    public var type: [UInt8]
    public var message: [UInt8]
    /// Where it happened, such as a traceback.
    public var trace: [UInt8]

    /// Bytes of each text that are read at most: the ends of longer traces, the beginnings of the others.
    public static let (mostType, mostMessage, mostTrace) = (256, 16 << 10, 64 << 10)
}

/// dn_guest_report of guest.h, which the entry block points to.
enum Report {
    static let entryOffset = 80
    static let magic: UInt32 = 0x3152_4c44
    static let bytes: UInt64 = 24
    static let outputOffset = 8
    static let errorOffset = 16
    static let failureOffset = 24
    static let bytesWithFailure: UInt64 = 32
}

extension GuestMemory {
    /// Reads what a function that has stopped says of its end; at most `most` bytes of the end of each stream. Trusts nothing
    /// in the memory: whatever lies counts as nothing.
    public func report(entryBlock: UInt64, pointerBytes: Int, most: Int) -> GuestReport {
        guard let tables = try? Tables(pointerBytes: pointerBytes),
            let report = reported(entryBlock, size: Report.bytes)
        else { return GuestReport() }
        func tail(_ offset: Int) -> [UInt8] {
            text(at: report.loadUnaligned(fromByteOffset: offset, as: UInt64.self), tables, most, isTail: true) ?? []
        }
        return GuestReport(
            output: tail(Report.outputOffset), error: tail(Report.errorOffset),
            failure: failure(entryBlock: entryBlock, pointerBytes: pointerBytes))
    }

    /// What a function that has stopped says of its failure; nil when it says nothing.
    public func failure(entryBlock: UInt64, pointerBytes: Int) -> GuestFailure? {
        guard let report = reported(entryBlock, size: Report.bytesWithFailure) else { return nil }
        // SAFETY: `reported` checked the range; integers have no invalid bytes, and any alignment is read.
        let address = report.loadUnaligned(fromByteOffset: Report.failureOffset, as: UInt64.self)
        guard address != 0, let tables = try? Tables(pointerBytes: pointerBytes) else { return nil }
        let pair = UInt64(2 * tables.word)
        guard let type = text(at: address, tables, GuestFailure.mostType, isTail: false),
            let message = text(at: address &+ pair, tables, GuestFailure.mostMessage, isTail: false),
            let trace = text(at: address &+ 2 &* pair, tables, GuestFailure.mostTrace, isTail: true)
        else { return nil }
        return GuestFailure(type: type, message: message, trace: trace)
    }

    /// The report that an entry block names, if it has `size` bytes at least.
    private func reported(_ entryBlock: UInt64, size: UInt64) -> UnsafeMutableRawPointer? {
        guard let field = bytes(at: entryBlock &+ UInt64(Report.entryOffset), count: 8) else { return nil }
        // SAFETY: `bytes` checked the ranges; integers have no invalid bytes, and any alignment is read.
        let address = field.loadUnaligned(as: UInt64.self)
        guard address != 0, let report = bytes(at: address, count: size),
            report.loadUnaligned(as: UInt32.self) == Report.magic,
            report.loadUnaligned(fromByteOffset: 4, as: UInt32.self) >= UInt32(size)
        else { return nil }
        return report
    }

    /// The bytes that two words at `address` name, or one end of them; nil when they are not in the memory.
    private func text(at address: UInt64, _ tables: Tables, _ most: Int, isTail: Bool) -> [UInt8]? {
        guard address != 0, let words = bytes(at: address, count: UInt64(2 * tables.word)) else { return nil }
        let start = tables.load(Words.address, of: words)
        let count = tables.load(Words.length, of: words)
        guard count > 0 else { return [] }
        guard let data = bytes(at: start, count: count) else { return nil }
        let kept = Int(min(count, UInt64(most)))
        // SAFETY: `bytes` checked [start, start + count).
        return [UInt8](UnsafeRawBufferPointer(start: isTail ? data + Int(count) - kept : data, count: kept))
    }

    private enum Words: Int { case address, length }
}
