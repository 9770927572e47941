import Glibc
import PluginABI
import PluginSupport

/// A function image, checked once and copied into a context for every run.
final class Image: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: fixed after init.
    let protections: [PageRange]
    private let elf: ElfImage
    private let bytes: UnsafeMutableRawPointer
    private let pieces: [Piece]
    private let byteCount: Int

    /// Bytes of the image that go to one place.
    private struct Piece {
        let address: Int
        let offset: Int
        let count: Int
    }

    init(_ file: UnsafeRawBufferPointer) throws(PluginError) {
        elf = try ElfImage(bytes: file, machine: .x86_64, addresses: GuestMap.lowest..<GuestMap.contextMax)
        protections = try elf.protections(pageSize: GuestMap.page)
        var offset = 0
        var pieces: [Piece] = []
        for segment in elf.segments where segment.fileSize > 0 {
            pieces.append(Piece(address: Int(segment.address), offset: offset, count: segment.fileSize))
            offset += segment.fileSize
        }
        self.pieces = pieces
        byteCount = offset
        bytes = .allocate(byteCount: max(offset, 1), alignment: 64)
        for (piece, segment) in zip(pieces, elf.segments.lazy.filter { $0.fileSize > 0 }) {
            // SAFETY: ElfImage checked that the segment's bytes lie in the file.
            let from = UnsafeRawBufferPointer(rebasing: file[segment.fileOffset..<segment.fileOffset + piece.count])
            (bytes + piece.offset).copyMemory(from: from.baseAddress.unsafelyUnwrapped, byteCount: piece.count)
        }
    }

    deinit { bytes.deallocate() }

    var entry: UInt64 { elf.entry }
    /// The smallest limit that holds the image: whole pages.
    var contextMin: UInt64 { (elf.end + GuestMap.page - 1) & ~(GuestMap.page - 1) }

    var info: dn_image_info {
        var info = dn_image_info()
        info.pointer_bytes = 8
        info.entry = elf.entry
        info.system_data = elf.systemData
        info.data_begin = elf.end
        info.context_min = contextMin
        info.resident_bytes = UInt64(byteCount)
        return info
    }

    /// Copies the image into a clean context of at least contextMin bytes.
    func place(in context: UnsafeMutableRawPointer) {
        for piece in pieces { memcpy(context + piece.address, bytes + piece.offset, piece.count) }
    }
}
