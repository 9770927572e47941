public import PluginABI
public import PluginKit

/// What a segment's bytes may be used for.
public struct Rights: OptionSet, Sendable, Hashable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    // The numbers of ELF's p_flags (elf(5)).
    public static let execute = Rights(rawValue: 1)
    public static let write = Rights(rawValue: 2)
    public static let read = Rights(rawValue: 4)
}

/// A loadable segment: `fileSize` bytes of the file at `fileOffset`, then zeros up to `memorySize`.
public struct Segment: Sendable, Equatable {
    public let address: dn_gaddr
    public let memorySize: UInt64
    public let fileOffset: Int
    public let fileSize: Int
    public let rights: Rights
    /// One past the last byte.
    public var end: dn_gaddr { address &+ memorySize }
}

/// The machine that an image's code is for.
public enum Machine: UInt16, Sendable {
    case x86_64 = 62
    case aarch64 = 183

    var name: String { self == .x86_64 ? "x86-64" : "AArch64" }
}

/// The facts of a static ELF executable, checked: a backend may place what is written here without further thought.
///
/// Segments are sorted, do not overlap, lie inside the allowed addresses and the file; none is writable and executable;
/// the entry lies in code and the system data in a segment. Format: elf(5).
public struct ElfImage: Sendable, Equatable {
    public let entry: dn_gaddr
    /// Where `__dandelion_system_data` (72 bytes, guest.h) lies.
    public let systemData: dn_gaddr
    /// Sorted by address.
    public let segments: [Segment]
    /// One past the last byte of the last segment.
    public let end: dn_gaddr
    /// Addresses of those symbols that were asked for and are defined; they may lie anywhere.
    public let symbols: [String: dn_gaddr]

    /// Reads an image. `addresses` is where segments may lie, `symbols` what is looked up besides the system data.
    ///
    /// Throws DN_UNSUPPORTED for what is not a little-endian 64-bit ELF file of this machine, DN_BAD_IMAGE with a byte
    /// offset for one that is malformed.
    public init(
        bytes: UnsafeRawBufferPointer, machine: Machine, addresses: Range<dn_gaddr>, symbols names: [String] = []
    ) throws(PluginError) {
        let reader = try ElfReader(bytes: bytes, machine: machine)
        defer { reader.close() }
        segments = try reader.segments(in: addresses)
        end = segments.last?.end ?? 0
        entry = try reader.entry(in: segments)
        systemData = try reader.systemData(in: segments)
        var symbols: [String: dn_gaddr] = [:]
        for name in names { symbols[name] = try reader.symbol(name)?.address }
        self.symbols = symbols
    }

    /// The symbol at which an image has its dn_guest_snapshot (guest.h), for `symbols`.
    public static let snapshotSymbol = "__dandelion_snapshot"

    /// The address of the image's dn_guest_snapshot, 0 when it has none.
    ///
    /// Throws DN_BAD_IMAGE when it is not in memory that the program can write.
    public func snapshot() throws(PluginError) -> dn_gaddr {
        guard let address = symbols[Self.snapshotSymbol] else { return 0 }
        let size = UInt64(MemoryLayout<dn_guest_snapshot>.size)
        guard address % 8 == 0,
            segments.contains(where: {
                $0.rights.contains(.write) && $0.address <= address && address <= $0.end && $0.end - address >= size
            })
        else {
            throw PluginError(
                DN_BAD_IMAGE, "\(Self.snapshotSymbol) at 0x\(hex(address)) is not in the image's variables")
        }
        return address
    }

    /// Page ranges that need other rights than read and write, in order and merged; every other page is plain memory.
    ///
    /// Segments that share a page give it the union of their rights; DN_BAD_IMAGE when that is writable and executable.
    public func protections(pageSize: UInt64) throws(PluginError) -> [PageRange] {
        var ranges: [PageRange] = []
        for segment in segments {
            // Cannot wrap: the end was checked against an upper bound that is far from the top.
            var begin = segment.address & ~(pageSize &- 1)
            let end = (segment.end &+ pageSize &- 1) & ~(pageSize &- 1)
            if let last = ranges.last, last.end > begin {
                let rights = last.rights.union(segment.rights)
                guard !rights.isSuperset(of: [.write, .execute]) else {
                    throw PluginError(
                        DN_BAD_IMAGE, "code and writable data share the page at 0x\(hex(begin)); link them apart",
                        at: UInt64(segment.fileOffset))
                }
                ranges.removeLast()
                append(PageRange(begin: last.begin, end: begin, rights: last.rights), to: &ranges)
                append(PageRange(begin: begin, end: last.end, rights: rights), to: &ranges)
                begin = last.end
            }
            append(PageRange(begin: begin, end: end, rights: segment.rights), to: &ranges)
        }
        return ranges.filter { !$0.rights.contains(.write) }
    }

    private func append(_ range: PageRange, to ranges: inout [PageRange]) {
        guard range.begin < range.end else { return }
        if let last = ranges.last, last.end == range.begin, last.rights == range.rights {
            ranges[ranges.count - 1] = PageRange(begin: last.begin, end: range.end, rights: range.rights)
        } else {
            ranges.append(range)
        }
    }
}

/// Whole pages of one set of rights.
public struct PageRange: Sendable, Hashable {
    public let begin: dn_gaddr
    public let end: dn_gaddr
    public let rights: Rights

    public init(begin: dn_gaddr, end: dn_gaddr, rights: Rights) {
        self.begin = begin
        self.end = end
        self.rights = rights
    }
}
