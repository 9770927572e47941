import CKVM
import Glibc
import PluginABI
import PluginKit

/// The contents of a large image as a sealed file in memory. Slots map it privately, so what no function writes exists once
/// for all of them, and what one has written is put back from here.
final class ImageFile: Sendable {
    /// Whole pages of guest addresses and where their contents begin in the file.
    struct Part: Sendable {
        let address: UInt64
        let offset: Int
        let count: Int
    }

    let parts: [Part]
    let descriptor: Int32
    // SAFETY of nonisolated(unsafe): mapped for the life of this object, and read-only as the file is sealed.
    private nonisolated(unsafe) let pristine: UnsafeMutableRawPointer
    let byteCount: Int

    /// - Parameters:
    ///   - ranges: whole pages of guest addresses, in the order in which they lie in a slot.
    ///   - fill: writes the contents of one of them to memory that reads as zeros.
    init(
        _ ranges: [Range<UInt64>], fill: (Range<UInt64>, UnsafeMutableRawPointer) -> Void
    ) throws(PluginError) {
        var offset = 0
        var parts: [Part] = []
        for range in ranges {
            parts.append(
                Part(address: range.lowerBound, offset: offset, count: Int(range.upperBound - range.lowerBound)))
            offset += parts[parts.count - 1].count
        }
        let file = ckvm_memory_file(UInt64(offset))
        guard file >= 0 else { throw PluginError(DN_NO_MEMORY, "no memory file for an image", errno: -file) }
        do throws(PluginError) {
            pristine = try Self.sealed(file, offset) { memory in
                for (part, range) in zip(parts, ranges) { fill(range, memory + part.offset) }
            }
        } catch {
            close(file)
            throw error
        }
        self.parts = parts
        descriptor = file
        byteCount = offset
    }

    deinit {
        munmap(pristine, byteCount)
        close(descriptor)
    }

    /// The file's contents, as a mapping that cannot be written.
    private static func sealed(
        _ file: Int32, _ size: Int, fill: (UnsafeMutableRawPointer) -> Void
    ) throws(PluginError) -> UnsafeMutableRawPointer {
        let writable = try map(file, size, PROT_READ | PROT_WRITE)
        fill(writable)
        munmap(writable, size)
        let error = ckvm_seal(file)
        guard error == 0 else { throw PluginError(DN_FAILED, "an image's memory file cannot be sealed", errno: error) }
        return try map(file, size, PROT_READ)
    }

    private static func map(_ file: Int32, _ size: Int, _ rights: Int32) throws(PluginError) -> UnsafeMutableRawPointer
    {
        guard let base = mmap(nil, size, rights, MAP_SHARED, file, 0), base != MAP_FAILED else {
            throw PluginError(DN_NO_MEMORY, "no addresses for an image of \(size) bytes", errno: errno)
        }
        madvise(base, size, MADV_DONTFORK)
        return base
    }

    /// What `part` begins with.
    func contents(of part: Part) -> UnsafeRawPointer { UnsafeRawPointer(pristine + part.offset) }
}
