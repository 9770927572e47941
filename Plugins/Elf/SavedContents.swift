import Glibc
import PluginABI
public import PluginKit

/// A snapshot's contents as a row of bytes, for `image_save` and `image_restore`: a head, a table of parts, then whole pages.
///
/// The host vouches for bytes that it gives back. What a mistake could spoil is checked all the same.
extension ImageContents {
    private static let magic: UInt64 = 0x3150_4e53_4e44_4c44  // "DLDNSNP1"
    /// Magic, data_begin, number of parts, bytes of contents.
    private static let headSize = 32
    /// Address and bytes.
    private static let rowSize = 16
    private static let mostParts = 1 << 16

    /// Gives all of it to `take`, in pieces.
    public func save(
        dataBegin: UInt64, to take: (UnsafeRawBufferPointer) throws(PluginError) -> Void
    ) throws(PluginError) {
        var head = [Self.magic, dataBegin, UInt64(parts.count), UInt64(byteCount)]
        for part in parts { head += [part.address, UInt64(part.count)] }
        let table = head.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
        try table.withUnsafeBufferPointer { bytes throws(PluginError) in try take(UnsafeRawBufferPointer(bytes)) }
        for part in parts { try take(UnsafeRawBufferPointer(start: contents(of: part), count: part.count)) }
    }

    /// What `save` gave.
    /// - Parameter allowed: where whole pages may lie.
    /// - Throws: DN_UNSUPPORTED for another version's, DN_BAD_IMAGE with the byte offset.
    public static func restored(
        _ bytes: UnsafeRawBufferPointer, within allowed: [Range<UInt64>]
    ) throws(PluginError) -> (contents: ImageContents, dataBegin: UInt64) {
        guard bytes.count >= headSize, word(bytes, 0) == magic else {
            throw PluginError(DN_UNSUPPORTED, "no snapshot of this version", at: 0)
        }
        let count = word(bytes, 16)
        guard count <= UInt64(mostParts), bytes.count >= headSize + Int(count) * rowSize else {
            throw PluginError(DN_BAD_IMAGE, "a table of \(count) parts in \(bytes.count) bytes", at: 16)
        }
        let ranges = try table(bytes, Int(count), within: allowed)
        let begin = headSize + ranges.count * rowSize
        let size = ranges.reduce(0) { $0 + Int($1.upperBound - $1.lowerBound) }
        guard word(bytes, 24) == UInt64(size), bytes.count - begin == size else {
            throw PluginError(
                DN_BAD_IMAGE, "\(bytes.count - begin) bytes of contents, where the table tells of \(size)", at: 24)
        }
        var at = begin
        let contents = try ImageContents(ranges, wholePages: true) { range, memory in
            let piece = UnsafeRawBufferPointer(rebasing: bytes[at..<at + Int(range.upperBound - range.lowerBound)])
            at += piece.count
            // SAFETY: `memory` has room for the range, and the slice was checked to lie in the bytes.
            if let start = piece.baseAddress { memory.copyMemory(from: start, byteCount: piece.count) }
        }
        return (contents, word(bytes, 8))
    }

    private static func table(
        _ bytes: UnsafeRawBufferPointer, _ count: Int, within allowed: [Range<UInt64>]
    ) throws(PluginError) -> [Range<UInt64>] {
        var ranges: [Range<UInt64>] = []
        for index in 0..<count {
            let at = headSize + index * rowSize
            let begin = word(bytes, at)
            let (end, wraps) = begin.addingReportingOverflow(word(bytes, at + 8))
            guard !wraps, begin < end, begin % page == 0, end % page == 0,
                allowed.contains(where: { $0.lowerBound <= begin && end <= $0.upperBound }),
                !ranges.contains(where: { $0.overlaps(begin..<end) })
            else { throw PluginError(DN_BAD_IMAGE, "part \(index) is not in a context", at: UInt64(at)) }
            ranges.append(begin..<end)
        }
        return ranges
    }

    private static func word(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
    }
}
