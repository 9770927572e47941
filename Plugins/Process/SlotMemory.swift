import CPluginKit
import CProcess
import Glibc
import PluginABI
import PluginElf
import PluginKit

/// The memory file of one sandbox, mapped once: control pages, signal stack, guest stack, context. Over the context lie the
/// pages of a mapped image: the host's own private mapping of them, as the child has one of its own.
///
/// The file's size enforces the function's memory limit: what lies behind it faults in the child, and is never touched
/// here, because it would fault here too.
struct SlotMemory: ~Copyable {
    static let contextBegin = UInt64(DP_CONTEXT_BEGIN)
    static let stackHigh = UInt64(DP_STACK_HIGH)

    let file: Int32
    let stackBytes: UInt64
    let contextMax: UInt64
    private let base: UnsafeMutableRawPointer
    /// File offset of the context.
    private let contextOffset: UInt64
    private(set) var limit: UInt64
    /// The image that is mapped over the context, while it is loaded, and where it is mapped.
    weak var mapped: Image?
    var plan: Plan?
    var parts: [ImageContents.Part] { plan?.mapped ?? [] }
    /// Parts of others' files that the function sees, privately; here they are mapped privately, too, and what the function
    /// wrote to them is fetched.
    var inputs: [Input] = []
    /// Files have large pages where the host can make such.
    let hasLargePages: Bool

    struct Input {
        let range: dn_file_range
        /// The function has written to it.
        var isTouched = false
        var part: ImageContents.Part {
            ImageContents.Part(address: range.address, offset: Int(range.offset), count: Int(range.len))
        }
    }

    /// Guest addresses below have pages of 4 KiB, which are zeroed and kept; above, memory goes back after each run.
    static let smallEnd: UInt64 = 8 << 20
    private static let largePage: UInt64 = 2 << 20

    var resident = Resident()

    /// Bytes that were fetched into the mapped image's pages since they were made clean.
    var fetched: UInt64 = 0

    init(_ settings: Settings, _ services: HostServices) throws(PluginError) {
        stackBytes = settings.stackBytes
        contextMax = settings.contextMax
        // Congruent to guest addresses modulo a large page, so that such pages can be mapped as what they are.
        let before = UInt64(DP_CHILD_SIZE) + stackBytes
        contextOffset = (before + Self.largePage - 1) / Self.largePage * Self.largePage + SlotMemory.contextBegin
        limit = SlotMemory.contextBegin
        let large = services.hasLargePages ? services.memoryFile(contextOffset) : nil
        hasLargePages = large != nil
        let file = large ?? dk_memory_file("dandelion-context", contextOffset)
        guard file >= 0 else {
            throw PluginError(DN_NO_MEMORY, "no memory file for a sandbox: \(errorText(-file))", errno: -file)
        }
        guard let base = dp_map(file, contextOffset + contextMax - SlotMemory.contextBegin) else {
            let error = errno
            close(file)
            throw PluginError(DN_NO_MEMORY, "no addresses for a sandbox: \(errorText(error))", errno: error)
        }
        self.file = file
        self.base = base
        keepSmall(0..<contextOffset &+ Self.smallEnd)
    }

    /// Where the file has pages of 4 KiB only, by offsets.
    private func keepSmall(_ range: Range<UInt64>) {
        let small = range.clamped(to: 0..<smallOffsets)
        if !small.isEmpty { madvise(base + Int(small.lowerBound), small.count, MADV_NOHUGEPAGE) }
    }

    /// Offsets in the file below which pages are zeroed and kept.
    private var smallOffsets: UInt64 {
        hasLargePages ? contextOffset &+ Self.smallEnd &- SlotMemory.contextBegin : .max
    }

    /// After the slot's own memory was mapped again at a guest address.
    func laidOwn(_ address: dn_gaddr, _ count: Int) {
        keepSmall(offset(address)..<offset(address) &+ UInt64(count))
    }

    deinit {
        munmap(base, Int(contextOffset + contextMax - SlotMemory.contextBegin))
        close(file)
    }

    var child: UnsafeMutablePointer<dp_child> { base.assumingMemoryBound(to: dp_child.self) }
    var stackLow: UInt64 { SlotMemory.stackHigh - stackBytes }

    /// Where a byte of the context lies. The address must be inside the limit.
    func context(_ address: dn_gaddr) -> UnsafeMutableRawPointer {
        base + Int(offset(address))
    }

    /// Where the memory file's first byte lies.
    var origin: UnsafeMutableRawPointer { base }

    /// Where a byte of context or stack lies.
    func place(_ address: dn_gaddr) -> UnsafeMutableRawPointer {
        address >= stackLow ? base + Int(UInt64(DP_CHILD_SIZE) &+ (address &- stackLow)) : context(address)
    }

    /// Where a byte of the context lies in the memory file.
    func offset(_ address: dn_gaddr) -> UInt64 { contextOffset &+ (address &- SlotMemory.contextBegin) }

    /// The host's view of a range of guest addresses.
    func view(_ address: dn_gaddr, _ size: UInt64) throws(PluginError) -> UnsafeMutableRawPointer {
        let (end, wrapped) = address.addingReportingOverflow(size)
        if !wrapped, address >= SlotMemory.contextBegin, end <= limit { return context(address) }
        if !wrapped, address >= stackLow, end <= SlotMemory.stackHigh {
            return base + Int(UInt64(DP_CHILD_SIZE) &+ (address &- stackLow))
        }
        throw PluginError(
            DN_OUT_OF_RANGE,
            "\(size) bytes at 0x\(hex(address)) leave the context (0x\(hex(SlotMemory.contextBegin)) to 0x\(hex(limit)))"
        )
    }

    /// Bytes that the file takes, and that were fetched beside it.
    var used: UInt64 { fetched &+ allocated }

    private var allocated: UInt64 {
        var status = stat()
        return fstat(file, &status) == 0 ? UInt64(status.st_blocks) &* 512 : 0
    }

    /// Sets the memory limit of the next function; the memory must be zero.
    mutating func setLimit(_ bytes: UInt64) throws(PluginError) {
        guard roundUp(bytes) != roundUp(limit) else {
            limit = bytes
            return
        }
        resident = Resident()
        guard ftruncate(file, Int(fileSize(bytes))) == 0 else {
            throw PluginError(DN_NO_MEMORY, "cannot size a context: \(errorText(errno))", errno: errno, retryable: true)
        }
        limit = bytes
    }

    private func fileSize(_ limit: UInt64) -> UInt64 {
        contextOffset + max(roundUp(limit), SlotMemory.contextBegin) - SlotMemory.contextBegin
    }

    /// Makes all memory zero: what is resident is overwritten, up to `keep` bytes, and the rest given back. The control
    /// pages are spared while a child waits on them. No process that ran untrusted code may have the memory any more, or it
    /// must be held.
    mutating func zero(keep: UInt64, sparingControlPages: Bool) throws(PluginError) {
        let all = fileSize(limit)
        let size = min(all, smallOffsets)
        let first = sparingControlPages ? UInt64(DP_CONTROL_SIZE) : 0
        let taken = allocated
        if taken == resident.taken {
            for run in resident.runs where run.upperBound > first {
                let begin = max(first, run.lowerBound)
                memset(base + Int(begin), 0, Int(run.upperBound &- begin))
            }
            return
        }
        resident = Resident()
        var runs: [Range<UInt64>] = []
        var begin: UInt64 = 0
        var end: UInt64 = 0
        if size < all, dp_next_data(file, size, all, &begin, &end) != 0 { try punch(size, all) }
        var position: UInt64 = 0
        var kept: UInt64 = 0
        while dp_next_data(file, position, size, &begin, &end) != 0 {
            let stays = begin..<begin &+ min(end &- begin, keep &- kept)
            let dirty = stays.clamped(to: first..<max(first, stays.upperBound))
            memset(base + Int(dirty.lowerBound), 0, dirty.count)
            kept &+= stays.upperBound &- stays.lowerBound
            position = stays.upperBound
            runs.append(stays)
            guard kept >= keep else { continue }
            return try punch(position, size)
        }
        if kept == taken { resident = Resident(taken: taken, runs: runs) }
    }

    private func punch(_ begin: UInt64, _ end: UInt64) throws(PluginError) {
        let error = dp_punch(file, begin, end &- begin)
        guard error == 0 else {
            throw PluginError(DN_ENGINE_DEAD, "cannot give memory back: \(errorText(-error))", errno: -error)
        }
    }

    /// Which parts of the file take memory, as far as that is known: as long as the file takes as much and nothing was given
    /// back, those are the parts that do, because functions can only add to them.
    struct Resident {
        var taken = UInt64.max
        var runs: [Range<UInt64>] = []
    }
}

/// The system's words for an error number.
func errorText(_ error: Int32) -> String { String(cString: strerror(error)) }
