import PluginABI
import PluginElf
import PluginKit

/// A function's image: its checked facts and a copy of the bytes that segments need.
final class Image: ComputeImage, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: fixed after init.
    /// How a function leaves.
    enum Exit: Equatable {
        /// By the platform's stub, at the exit address of the entry block.
        case stub
        /// By the sealed pair that it finds in its own data, as functions of the original system.
        case own(slot: dn_gaddr)
    }

    let elf: ElfImage
    let exit: Exit
    /// End of the code capability, which begins at 0; representable.
    let codeBytes: UInt64
    /// Pages that are not plain memory.
    let protections: [PageRange]
    /// Where the code makes a system call, nil when it nowhere does.
    let systemCall: dn_gaddr?
    private let bytes: [UInt8]

    private static let returnAddress = "__dandelion_return_address"

    init(_ file: UnsafeRawBufferPointer, contextMax: UInt64) throws(PluginError) {
        elf = try ElfImage(
            bytes: file, machine: .aarch64, addresses: 0..<contextMax, symbols: [Self.returnAddress])
        exit = try Self.exit(of: elf)
        try Self.requireWritable(elf.systemData, 72, "__dandelion_system_data", elf)
        let pages = try elf.protections(pageSize: ContextLayout.page)
        codeBytes = try Self.codeBytes(elf, pages)
        protections = Self.lowPages(exit, elf) + pages
        bytes = [UInt8](file)
        systemCall = Self.systemCall(in: pages, elf, file)
    }

    private static func exit(of elf: ElfImage) throws(PluginError) -> Exit {
        if let slot = elf.symbols[returnAddress] {
            guard slot % 16 == 0 else {
                throw PluginError(DN_BAD_IMAGE, "\(returnAddress) at 0x\(hex(slot)) is not 16-byte aligned")
            }
            try requireWritable(slot, 16, returnAddress, elf)
            return .own(slot: slot)
        }
        let first = elf.segments.first?.address ?? 0
        guard first >= ContextLayout.lowest else {
            throw PluginError(
                DN_BAD_IMAGE,
                "it begins at 0x\(hex(first)) and has no \(returnAddress); link it at 0x\(hex(ContextLayout.lowest))")
        }
        return .stub
    }

    /// The host writes there, and pages of code and constants are its own too.
    private static func requireWritable(
        _ address: dn_gaddr, _ count: UInt64, _ name: String, _ elf: ElfImage
    ) throws(PluginError) {
        let inside = elf.segments.contains { segment in
            segment.rights.contains(.write) && address >= segment.address && address < segment.end
                && count <= segment.end - address
        }
        guard inside else {
            throw PluginError(DN_BAD_IMAGE, "\(name) at 0x\(hex(address)) does not lie in a writable segment")
        }
    }

    /// The code capability reaches from 0 to the last page of code and covers nothing that can be written.
    private static func codeBytes(_ elf: ElfImage, _ pages: [PageRange]) throws(PluginError) -> UInt64 {
        let end = pages.last { $0.rights.contains(.execute) }?.end ?? 0
        let length = Representable.bounds(end).length
        for segment in elf.segments where segment.rights.contains(.write) && segment.address < length {
            throw PluginError(
                DN_BAD_IMAGE,
                "code up to 0x\(hex(end)) needs capability bounds up to 0x\(hex(length)), which cover writable data at "
                    + "0x\(hex(segment.address)); link data behind the code",
                at: UInt64(segment.fileOffset))
        }
        return length
    }

    private static func lowPages(_ exit: Exit, _ elf: ElfImage) -> [PageRange] {
        let first = (elf.segments.first?.address ?? 0) & ~(ContextLayout.page - 1)
        guard exit == .stub else { return first == 0 ? [] : [PageRange(begin: 0, end: first, rights: [])] }
        return [
            PageRange(begin: 0, end: ContextLayout.stub, rights: []),
            PageRange(begin: ContextLayout.stub, end: ContextLayout.slot, rights: [.read, .execute]),
        ]
    }

    private static func systemCall(
        in pages: [PageRange], _ elf: ElfImage, _ file: UnsafeRawBufferPointer
    ) -> dn_gaddr? {
        for range in pages where range.rights.contains(.execute) {
            // Whole pages become executable, with what other segments have there.
            var code = [UInt8](repeating: 0, count: Int(range.end - range.begin))
            code.withUnsafeMutableBytes { code in
                for segment in elf.segments {
                    let from = max(segment.address, range.begin)
                    let to = min(segment.address + UInt64(segment.fileSize), range.end)
                    guard from < to else { continue }
                    let source = segment.fileOffset + Int(from - segment.address)
                    // Safe: ElfImage checked the segment's bytes, and [from, to) lies in the range.
                    code[Int(from - range.begin)..<Int(to - range.begin)]
                        .copyBytes(from: file[source..<source + Int(to - from)])
                }
            }
            if let offset = code.withUnsafeBytes({ SystemCalls.first(in: $0) }) { return range.begin + UInt64(offset) }
        }
        return nil
    }

    override var info: dn_image_info {
        var info = dn_image_info()
        info.pointer_bytes = 8
        info.entry = elf.entry
        info.system_data = elf.systemData
        // Inputs must not share a page with code or constants.
        info.data_begin = roundUp(elf.end, ContextLayout.page)
        info.context_min = info.data_begin
        info.resident_bytes = UInt64(bytes.count)
        return info
    }

    /// The lowest address that is a function's memory.
    var low: dn_gaddr { exit == .stub ? ContextLayout.lowest : (elf.segments.first?.address ?? 0) }

    /// Copies the image into a context's memory, which is zero and at least context_min long.
    func place(in memory: UnsafeMutableRawPointer) {
        bytes.withUnsafeBytes { file in
            for segment in elf.segments where segment.fileSize > 0 {
                // Safe: ElfImage checked the file's range, and the caller that the context holds every segment.
                guard let from = file.baseAddress else { return }
                (memory + Int(segment.address))
                    .copyMemory(from: from + segment.fileOffset, byteCount: segment.fileSize)
            }
        }
        guard exit == .stub else { return }
        for (index, word) in ContextLayout.stubWords.enumerated() {
            (memory + Int(ContextLayout.stub)).storeBytes(
                of: word.littleEndian, toByteOffset: index * 4, as: UInt32.self)
        }
    }

    /// Where the sealed return pair goes.
    var slot: dn_gaddr {
        switch exit {
        case .stub: ContextLayout.slot
        case .own(let slot): slot
        }
    }
}
