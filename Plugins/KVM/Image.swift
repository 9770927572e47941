import Glibc
import PluginABI
import PluginElf
import PluginKit
import Synchronization

/// A function image, checked once.
final class Image: ComputeImage, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: fixed after init, but for an atomic.
    /// A run has changed so much of what was mapped for it that a copy would have cost less.
    let changesInputs = Atomic(false)
    let protections: [PageRange]
    let entry: UInt64
    private let systemData: UInt64
    let dataBegin: UInt64
    /// Where dn_guest_snapshot lies, 0 = nowhere.
    private let snapshot: UInt64
    /// Small contents are copied into a context for every run; large ones are mapped there.
    private let contents: ImageContents

    init(_ file: UnsafeRawBufferPointer) throws(PluginError) {
        let elf = try ElfImage(
            bytes: file, machine: .x86_64, addresses: GuestMap.lowest..<GuestMap.contextMax,
            symbols: [ElfImage.snapshotSymbol])
        protections = try elf.protections(pageSize: GuestMap.page)
        entry = elf.entry
        systemData = elf.systemData
        dataBegin = elf.end
        snapshot = try elf.snapshot()
        contents = try ImageContents(elf.segments, of: file)
    }

    /// What the program of `image` left in a context of its own, to be begun from again.
    init(snapshotOf image: Image, dataBegin: UInt64, _ contents: ImageContents) {
        protections = image.protections
        entry = image.entry
        systemData = image.systemData
        snapshot = image.snapshot
        self.dataBegin = dataBegin
        self.contents = contents
    }

    /// What a slot maps for this image; nil when it is copied.
    var file: ImageContents? { contents.file == nil ? nil : contents }

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
        info.resident_bytes = UInt64(contents.byteCount)
        return info
    }

    /// Copies small contents into a clean slot of at least contextMin bytes.
    func copy(to slot: Slot) {
        for part in contents.parts {
            memcpy(slot.memory + slot.offsets(of: part).lowerBound, contents.contents(of: part), part.count)
        }
    }

    override func save(to take: (UnsafeRawBufferPointer) throws(PluginError) -> Void) throws(PluginError) {
        try contents.save(dataBegin: dataBegin, to: take)
    }

    override func restored(_ bytes: UnsafeRawBufferPointer) throws(PluginError) -> ComputeImage {
        let (contents, dataBegin) = try ImageContents.restored(
            bytes,
            within: [GuestMap.lowest..<GuestMap.contextMax, GuestMap.stackLow..<GuestMap.stackHigh])
        guard dataBegin >= self.dataBegin, dataBegin <= GuestMap.contextMax else {
            throw PluginError(DN_BAD_IMAGE, "a snapshot whose memory ends at 0x\(hex(dataBegin))", at: 8)
        }
        return Image(snapshotOf: self, dataBegin: dataBegin, contents)
    }
}
