import CKVM
import Glibc
import PluginABI
import PluginElf
import PluginKit
import Synchronization

/// One context's worth of memory, registered with the engine's VM: a context of the ABI while it is held.
///
/// The host sees it as one range: the stack, then the guest's addresses from 0 on.
final class Slot: PooledContext, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: as `PooledContext`.
    let index: Int
    let memory: UnsafeMutableRawPointer
    // SAFETY of unowned(unsafe): the engine owns its slots, and contexts end before it (engine_destroy).
    unowned(unsafe) let engine: Engine
    /// Index into GuestMap.registeredSteps: how much of the memory the VM knows.
    var step = 0
    var limit: UInt64 = 0
    /// The root of the context's page tables, in the VM of this id.
    var root: UInt64 = 0
    var mappedBy: UInt64 = 0
    private(set) var image: Image?
    /// What is mapped in the memory, also while the slot is clean.
    private(set) var file: ImageContents?
    /// The file that the context's memory beyond the window is, with large pages, so that others can map it; -1 when the host
    /// has none, and that memory is the process's own.
    let backing: Int32
    /// Parts of files of others that the context shows, by offsets.
    var inputs: [(pages: Range<Int>, range: dn_file_range)] = []

    static let bytes = Int(GuestMap.stackBytes + GuestMap.contextMax)
    /// Memory around the stack's top and the context's begin that stays resident between runs.
    private static let stackKept = 256 << 10
    private static let contextKept = 8 << 20
    /// What even an idle engine keeps: a small function's stack, image and data.
    static let idleStackKept: UInt64 = 64 << 10
    static let idleContextKept: UInt64 = 448 << 10
    static let window = (Int(GuestMap.stackBytes) - stackKept)..<(Int(GuestMap.stackBytes) + contextKept)

    init(index: Int, engine: Engine) throws(PluginError) {
        self.index = index
        self.engine = engine
        // Aligned as large pages are, so that host and guest agree about them.
        let alignment = Int(GuestMap.largePage)
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let reserved = mmap(nil, Self.bytes + alignment, PROT_READ | PROT_WRITE, flags, -1, 0),
            reserved != MAP_FAILED
        else { throw PluginError(DN_NO_MEMORY, "no addresses for a context of \(Self.bytes) bytes", errno: errno) }
        let begin = (Int(bitPattern: reserved) + alignment - 1) & ~(alignment - 1)
        let lead = begin - Int(bitPattern: reserved)
        memory = reserved + lead
        if lead > 0 { munmap(reserved, lead) }
        munmap(memory + Self.bytes, alignment - lead)
        let services = engine.instance.services
        backing = services.hasLargePages ? services.memoryFile(UInt64(Self.bytes - Self.window.upperBound)) ?? -1 : -1
        super.init()
        advise(0..<Self.window.upperBound)
        try own(Self.window.upperBound..<Self.bytes)
    }

    /// Tells the kernel how fresh memory is used, by offsets.
    private func advise(_ range: Range<Int>) {
        // A fork of this process would make every page copy-on-write.
        madvise(memory + range.lowerBound, range.count, MADV_DONTFORK)
        let small = range.clamped(to: 0..<Self.window.upperBound)
        let large = range.clamped(to: Self.window.upperBound..<Self.bytes)
        if !small.isEmpty { madvise(memory + small.lowerBound, small.count, MADV_NOHUGEPAGE) }
        if !large.isEmpty, backing < 0 { madvise(memory + large.lowerBound, large.count, MADV_HUGEPAGE) }
    }

    /// Puts the slot's own memory where something else is mapped: zeros, or what its file holds there.
    /// - Throws: DN_LIMIT when the process may not have another mapping; what was there stays.
    func own(_ range: Range<Int>) throws(PluginError) {
        let border = backing >= 0 ? Self.window.upperBound : Self.bytes
        for (part, file) in [(range.clamped(to: 0..<border), -1), (range.clamped(to: border..<Self.bytes), backing)]
        where !part.isEmpty {
            let flags = (file < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED) | MAP_FIXED | MAP_NORESERVE
            let offset = file < 0 ? 0 : off_t(part.lowerBound - border)
            // SAFETY: the range is whole pages of this slot's own memory, and nobody runs in it now.
            guard mmap(memory + part.lowerBound, part.count, PROT_READ | PROT_WRITE, flags, file, offset) != MAP_FAILED
            else { throw PluginError(DN_LIMIT, "a context's memory cannot be mapped", errno: errno, retryable: true) }
            advise(part)
        }
    }

    deinit {
        munmap(memory, Self.bytes)
        if backing >= 0 { close(backing) }
    }

    /// The context's guest address 0.
    var context: UnsafeMutableRawPointer { memory + Int(GuestMap.stackBytes) }

    /// The host's address of guest memory [address, address + length), nil when that leaves context and stack.
    func view(_ address: UInt64, _ length: UInt64) -> UnsafeMutableRawPointer? {
        let (end, wrapped) = address.addingReportingOverflow(length)
        guard !wrapped else { return nil }
        if end <= limit { return address >= GuestMap.lowest ? context + Int(address) : nil }
        guard address >= GuestMap.stackLow, end <= GuestMap.stackHigh else { return nil }
        return memory + Int(address - GuestMap.stackLow)
    }

    override func view(
        _ address: dn_gaddr, _ length: UInt64, writing: Bool
    ) throws(PluginError) -> UnsafeMutableRawPointer {
        if let bytes = view(address, length) { return bytes }
        throw PluginError(
            DN_OUT_OF_RANGE, "\(length) bytes at 0x\(hex(address)) leave the context of \(limit) bytes and its stack")
    }

    override var info: dn_context_info {
        var info = dn_context_info()
        info.low = GuestMap.lowest
        info.limit = limit
        info.stack_low = GuestMap.stackLow
        info.stack_high = GuestMap.stackHigh
        info.exit_address = SystemArea.exitAddress
        return info
    }

    override func map(_ range: dn_file_range) throws(PluginError) { try show(range) }

    override func export(_ address: dn_gaddr, _ length: UInt64) throws(PluginError) -> dn_file_range {
        try filePart(address, length)
    }

    override var memoryTaken: UInt64 { bytesTaken }

    // MARK: Contents

    override func load(_ image: ComputeImage) throws(PluginError) {
        // SAFETY: an image of this plugin.
        try engine.place(unsafeDowncast(image, to: Image.self), in: self)
    }

    override func snapshot(dataBegin: dn_gaddr) throws(PluginError) -> ComputeImage {
        try snapshot(dataBegin, with: engine.recycler)
    }

    func place(_ image: Image) throws(PluginError) {
        self.image = image
        if image.file !== file { try unmapFile() }
        guard let contents = image.file else { return image.copy(to: self) }
        if file == nil { try map(contents) }
    }

    /// Makes zeros of what the last function and the host left, or a mapped image's own contents where it lies.
    override func recycle() -> Bool {
        engine.signals.touched(self)
        do throws(PluginError) { try clean() } catch {
            engine.instance.services.log(DN_LOG_ERROR, "giving up a context: \(error.message)")
            return false
        }
        image = nil
        mappedBy = 0
        limit = 0
        return true
    }

    private func clean() throws(PluginError) {
        while let input = inputs.last {
            let written = engine.recycler.written(memory + input.pages.lowerBound, input.pages.count)
            if written > input.pages.count / 16 { image?.changesInputs.store(true, ordering: .relaxed) }
            try own(input.pages)
            inputs.removeLast()
        }
        let end = Int(GuestMap.stackBytes + limit)
        // What lies beyond is the file's, if there is one.
        let zeroed = 0..<(backing >= 0 ? min(end, Self.window.upperBound) : end)
        var begin = 0
        for part in file?.parts ?? [] {
            let range = offsets(of: part)
            engine.recycler.zero(memory, (begin..<range.lowerBound).clamped(to: zeroed), keeping: Self.window)
            if let file { engine.recycler.restore(memory + range.lowerBound, to: file.contents(of: part), range.count) }
            begin = range.upperBound
        }
        engine.recycler.zero(memory, (begin..<max(begin, end)).clamped(to: zeroed), keeping: Self.window)
        try emptyFile()
    }

    /// Where guest addresses lie in `memory`.
    func offsets(of part: ImageContents.Part) -> Range<Int> {
        let begin =
            part.address >= GuestMap.stackLow
            ? Int(part.address - GuestMap.stackLow) : Int(GuestMap.stackBytes + part.address)
        return begin..<begin + part.count
    }

    private func map(_ file: ImageContents) throws(PluginError) {
        guard let descriptor = file.file else { return }
        self.file = file
        for part in file.parts {
            let range = offsets(of: part)
            let flags = MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE
            let rights = PROT_READ | PROT_WRITE
            // SAFETY: the range is whole pages of this slot's own memory, and nobody runs in it now.
            let mapped = mmap(
                memory + range.lowerBound, range.count, rights, flags, descriptor, off_t(part.offset))
            guard mapped != MAP_FAILED else {
                let error = errno
                try unmapFile()
                throw PluginError(DN_NO_MEMORY, "an image cannot be mapped into a context", errno: error)
            }
            madvise(memory + range.lowerBound, range.count, MADV_DONTFORK)
        }
    }

    /// Puts fresh memory where an image was mapped.
    private func unmapFile() throws(PluginError) {
        for part in file?.parts ?? [] { try own(offsets(of: part)) }
        file = nil
    }
}
