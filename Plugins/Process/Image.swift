import Glibc
import PluginABI
import PluginElf
import PluginKit

/// A function's image: its checked facts and a copy of the bytes that segments need.
final class Image: ComputeImage, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: fixed after init.
    let elf: ElfImage
    /// Page ranges that are not plain memory; what a child has to mprotect.
    let layout: [PageRange]
    private let bytes: [UInt8]

    /// Ranges that a child takes at most, twice: those of the image it was made ready for, and those of the one it runs.
    private static let maxRanges = 16

    init(_ bytes: UnsafeRawBufferPointer, contextMax: UInt64) throws(PluginError) {
        elf = try ElfImage(bytes: bytes, machine: .x86_64, addresses: SlotMemory.contextBegin..<contextMax)
        layout = try elf.protections(pageSize: pageSize)
        guard layout.count <= Image.maxRanges else {
            throw PluginError(
                DN_BAD_IMAGE, "more than \(Image.maxRanges) ranges of code and constants; link with defaults", at: 32)
        }
        self.bytes = [UInt8](bytes)
    }

    override var info: dn_image_info {
        var info = dn_image_info()
        info.pointer_bytes = 8
        info.entry = elf.entry
        info.system_data = elf.systemData
        info.data_begin = elf.end
        info.context_min = roundUp(elf.end)
        info.resident_bytes = UInt64(bytes.count)
        return info
    }

    /// Copies the segments into memory that is zero and at least context_min long.
    func place(in memory: borrowing SlotMemory) {
        bytes.withUnsafeBytes { file in
            for segment in elf.segments where segment.fileSize > 0 {
                // Safe: ElfImage checked the file's range, and the caller that the context holds every segment.
                guard let from = file.baseAddress else { return }
                memory.context(segment.address).copyMemory(
                    from: from + segment.fileOffset, byteCount: segment.fileSize)
            }
        }
    }
}
