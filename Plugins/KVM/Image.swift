import Glibc
import PluginABI
import PluginElf
import PluginKit

/// A function image, checked once. A small one is copied into a context for every run; a large one is mapped there.
final class Image: ComputeImage, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: fixed after init.
    let protections: [PageRange]
    let entry: UInt64
    private let systemData: UInt64
    private let dataBegin: UInt64
    /// Where dn_guest_snapshot lies, 0 = nowhere.
    private let snapshot: UInt64
    private let contents: Contents

    private enum Contents {
        case copied(Pieces)
        case mapped(ImageFile)
    }

    /// Images from so many bytes on are mapped. Copying a smaller one takes a fraction of a millisecond; where the two meet was
    /// not measured.
    private static let leastMapped = 1 << 20

    init(_ file: UnsafeRawBufferPointer) throws(PluginError) {
        let elf = try ElfImage(
            bytes: file, machine: .x86_64, addresses: GuestMap.lowest..<GuestMap.contextMax,
            symbols: [ElfImage.snapshotSymbol])
        protections = try elf.protections(pageSize: GuestMap.page)
        entry = elf.entry
        systemData = elf.systemData
        dataBegin = elf.end
        snapshot = try elf.snapshot()
        let segments = elf.segments.filter { $0.fileSize > 0 }
        let size = segments.reduce(0) { $0 + $1.fileSize }
        contents =
            size < Self.leastMapped
            ? .copied(Pieces(segments, of: file)) : .mapped(try ImageFile(segments, of: file))
    }

    /// What the program of `image` left in a context of its own, to be begun from again.
    /// - Parameter ranges: the pages of the context that hold something, as ImageFile wants them.
    init(
        snapshotOf image: Image, dataBegin: UInt64, _ ranges: [Range<UInt64>],
        fill: (Range<UInt64>, UnsafeMutableRawPointer) -> Void
    ) throws(PluginError) {
        protections = image.protections
        entry = image.entry
        systemData = image.systemData
        snapshot = image.snapshot
        self.dataBegin = dataBegin
        contents = .mapped(try ImageFile(ranges, fill: fill))
    }

    /// What a slot maps for this image; nil when it is copied.
    var file: ImageFile? { if case .mapped(let file) = contents { file } else { nil } }

    /// The smallest limit that holds the image: whole pages.
    var contextMin: UInt64 { GuestMap.pageUp(dataBegin) }

    override var info: dn_image_info {
        var info = dn_image_info()
        info.pointer_bytes = 8
        info.entry = entry
        info.system_data = systemData
        info.data_begin = dataBegin
        info.context_min = contextMin
        info.snapshot = snapshot
        switch contents {
        case .copied(let pieces): info.resident_bytes = UInt64(pieces.byteCount)
        case .mapped(let file): info.resident_bytes = UInt64(file.byteCount)
        }
        return info
    }

    /// Copies a small image into a clean context of at least contextMin bytes.
    func copy(to context: UnsafeMutableRawPointer) {
        if case .copied(let pieces) = contents { pieces.copy(to: context) }
    }
}

/// The segments of a small image, beside each other.
private final class Pieces {
    private let bytes: UnsafeMutableRawPointer
    private let pieces: [(address: Int, offset: Int, count: Int)]
    let byteCount: Int

    init(_ segments: [Segment], of file: UnsafeRawBufferPointer) {
        byteCount = segments.reduce(0) { $0 + $1.fileSize }
        bytes = .allocate(byteCount: max(byteCount, 1), alignment: 64)
        var offset = 0
        var pieces: [(Int, Int, Int)] = []
        for segment in segments {
            segment.copy(from: file, to: bytes + offset)
            pieces.append((Int(segment.address), offset, segment.fileSize))
            offset += segment.fileSize
        }
        self.pieces = pieces
    }

    deinit { bytes.deallocate() }

    func copy(to context: UnsafeMutableRawPointer) {
        for piece in pieces { memcpy(context + piece.address, bytes + piece.offset, piece.count) }
    }
}

extension ImageFile {
    /// The pages that hold bytes of a segment's file; segments may share a page.
    fileprivate convenience init(_ segments: [Segment], of file: UnsafeRawBufferPointer) throws(PluginError) {
        var ranges: [Range<UInt64>] = []
        for segment in segments {
            let begin = segment.address & ~(GuestMap.page - 1)
            let end = GuestMap.pageUp(segment.address + UInt64(segment.fileSize))
            if let last = ranges.last, begin <= last.upperBound {
                ranges[ranges.count - 1] = last.lowerBound..<max(end, last.upperBound)
            } else {
                ranges.append(begin..<end)
            }
        }
        try self.init(ranges) { range, memory in
            for segment in segments where range.contains(segment.address) {
                segment.copy(from: file, to: memory + Int(segment.address - range.lowerBound))
            }
        }
    }
}

extension Segment {
    fileprivate func copy(from file: UnsafeRawBufferPointer, to memory: UnsafeMutableRawPointer) {
        // SAFETY: ElfImage checked that the segment's bytes lie in the file.
        let from = UnsafeRawBufferPointer(rebasing: file[fileOffset..<fileOffset + fileSize])
        memory.copyMemory(from: from.baseAddress.unsafelyUnwrapped, byteCount: fileSize)
    }
}
