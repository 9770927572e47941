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
    /// The same while an image is mapped: it and what programs usually write behind it have small pages.
    var smallEnd = SlotMemory.smallEnd

    static func smallEnd(of image: Image) -> UInt64 {
        max(smallEnd, (image.end &+ 2 * largePage) / largePage * largePage)
    }

    /// Ranges of the file, rising, that hold the mapped image's contents between runs and not zeros.
    var pristine: [Range<UInt64>] = []
    var pristineBytes: UInt64 { pristine.reduce(0) { $0 &+ UInt64($1.count) } }
    private static let largePage: UInt64 = 2 << 20

    var resident = Resident()

    /// Pages of the mapped image that the child wrote and that were fetched into the host's view, since it was restored.
    var own: [dp_pages] = []
    /// More than those may have been written in the host's view.
    var isOwnUnknown = false

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
        keepSmall(0..<offset(smallEnd))
    }

    /// Where the file has pages of 4 KiB only, by offsets.
    func keepSmall(_ range: Range<UInt64>) {
        let small = range.clamped(to: 0..<smallOffsets)
        if !small.isEmpty { madvise(base + Int(small.lowerBound), small.count, MADV_NOHUGEPAGE) }
    }

    /// Offsets in the file below which pages are zeroed and kept.
    var smallOffsets: UInt64 {
        hasLargePages ? contextOffset &+ smallEnd &- SlotMemory.contextBegin : .max
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

    /// Where guest addresses of context or stack lie in the memory file.
    func fileRange(of range: Range<UInt64>) -> Range<UInt64> {
        let begin = UInt64(place(range.lowerBound) - base)
        return begin..<begin &+ UInt64(range.count)
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
        // What an image keeps here would be cut off.
        if let last = pristine.last, last.upperBound > fileSize(bytes) { try map(nil, nil) }
        resident = Resident()
        guard ftruncate(file, Int(fileSize(bytes))) == 0 else {
            throw PluginError(DN_NO_MEMORY, "cannot size a context: \(errorText(errno))", errno: errno, retryable: true)
        }
        limit = bytes
    }

    private func fileSize(_ limit: UInt64) -> UInt64 {
        contextOffset + max(roundUp(limit), SlotMemory.contextBegin) - SlotMemory.contextBegin
    }

    /// Makes all memory zero but for what a mapped image keeps there: what is resident is overwritten, up to `keep` bytes, and
    /// the rest given back. The control pages are spared while a child waits on them. No process that ran untrusted code may
    /// have the memory any more, or it must be held.
    mutating func zero(keep: UInt64, sparingControlPages: Bool) throws(PluginError) {
        let first = sparingControlPages ? UInt64(DP_CONTROL_SIZE) : 0
        let taken = allocated
        if taken != resident.taken { try takeStock(taken, keep) }
        for run in resident.runs where run.upperBound > first {
            let begin = max(first, run.lowerBound)
            memset(base + Int(begin), 0, Int(run.upperBound &- begin))
        }
    }

    /// Finds what is resident, and gives back what is too much.
    private mutating func takeStock(_ taken: UInt64, _ keep: UInt64) throws(PluginError) {
        resident = Resident()
        var left = keep
        var position: UInt64 = 0
        let all = fileSize(limit)
        for range in pristine {
            try take(position..<range.lowerBound, &left)
            position = range.upperBound
        }
        try take(position..<all, &left)
        if (keep &- left) &+ pristineBytes == taken { resident.taken = taken }
    }

    /// Adds what is resident in a range of the file, as far as that is kept, and punches the rest.
    private mutating func take(_ range: Range<UInt64>, _ left: inout UInt64) throws(PluginError) {
        var begin: UInt64 = 0
        var end: UInt64 = 0
        var position = range.lowerBound
        while position < range.upperBound, dp_next_data(file, position, range.upperBound, &begin, &end) != 0 {
            let last = min(end, begin &+ left, smallOffsets)
            guard begin < last else { return try punch(begin, range.upperBound) }
            resident.runs.append(begin..<last)
            left &-= last &- begin
            position = last
        }
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
