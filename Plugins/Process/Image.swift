import CProcess
import Glibc
import PluginABI
import PluginElf
import PluginKit
import Synchronization

/// A function's image, checked once: an ELF file, or what a program left to begin from.
final class Image: ComputeImage, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: fixed after init, but for `habit` and `learnt`, which have locks, and an atomic.
    /// A run has changed so much of what was mapped for it that a copy would have cost less.
    let changesInputs = Atomic(false)
    let entry: UInt64
    /// Page ranges that are not plain memory; what a child has to mprotect.
    let layout: [PageRange]
    let contents: ImageContents
    /// How sandboxes take the contents, as long as no run has been seen.
    private let first: Plan
    /// And since then: what runs write is copied, too.
    private let learnt: Mutex<(plan: Plan, lessons: Int)>
    /// One past the last byte that the image takes.
    let end: UInt64
    private let systemData: UInt64
    /// Where dn_guest_snapshot lies, 0 = nowhere.
    private let snapshot: UInt64
    /// Where a context's addresses end, and the size of its stack.
    private let contextMax: UInt64
    private let stackBytes: UInt64
    private let habit = Mutex(Habit())

    /// Ranges that a child takes at most, twice: those of the image it was made ready for, and those of the one it runs.
    private static let maxRanges = 16
    init(_ bytes: UnsafeRawBufferPointer, _ settings: Settings) throws(PluginError) {
        contextMax = settings.contextMax
        stackBytes = settings.stackBytes
        let elf = try ElfImage(
            bytes: bytes, machine: .x86_64, addresses: SlotMemory.contextBegin..<contextMax,
            symbols: [ElfImage.snapshotSymbol])
        layout = try elf.protections(pageSize: pageSize)
        guard layout.count <= Image.maxRanges else {
            throw PluginError(
                DN_BAD_IMAGE, "more than \(Image.maxRanges) ranges of code and constants; link with defaults", at: 32)
        }
        entry = elf.entry
        systemData = elf.systemData
        snapshot = try elf.snapshot()
        end = elf.end
        contents = try ImageContents(elf.segments, of: bytes)
        first = Plan.first(contents, systemData: systemData, snapshot: snapshot, end: end, layout: layout)
        learnt = Mutex((first, 0))
    }

    /// What the program of `image` left in memory of its own, to be begun from again; `end` is where its memory ends.
    init(snapshotOf image: Image, end: UInt64, _ contents: ImageContents) {
        contextMax = image.contextMax
        stackBytes = image.stackBytes
        layout = image.layout
        entry = image.entry
        systemData = image.systemData
        snapshot = image.snapshot
        self.end = end
        self.contents = contents
        first = Plan.first(contents, systemData: systemData, snapshot: snapshot, end: end, layout: layout)
        learnt = Mutex((first, 0))
    }

    override var info: dn_image_info {
        var info = dn_image_info()
        info.pointer_bytes = 8
        info.entry = entry
        info.system_data = systemData
        info.data_begin = end
        info.context_min = roundUp(end)
        info.resident_bytes = UInt64(contents.byteCount)
        info.snapshot = snapshot
        return info
    }

    override func save(to take: (UnsafeRawBufferPointer) throws(PluginError) -> Void) throws(PluginError) {
        try contents.save(dataBegin: end, to: take)
    }

    override func restored(_ bytes: UnsafeRawBufferPointer) throws(PluginError) -> ComputeImage {
        let (contents, end) = try ImageContents.restored(
            bytes,
            within: [
                SlotMemory.contextBegin..<contextMax, SlotMemory.stackHigh - stackBytes..<SlotMemory.stackHigh,
            ])
        guard end >= self.end, end <= contextMax else {
            throw PluginError(DN_BAD_IMAGE, "a snapshot whose memory ends at 0x\(hex(end))", at: 8)
        }
        return Image(snapshotOf: self, end: end, contents)
    }

    /// What the first run of a process touched, which the next one's probably does too.
    var habits: Habit { habit.withLock { $0 } }
    func remember(_ seen: Habit) { habit.withLock { $0 = seen } }

    /// Pages that runs wrote and that were still mapped, by the plan that they ran with.
    func learn(_ written: [Range<UInt64>], under plan: Plan) {
        guard !written.isEmpty else { return }
        learnt.withLock { learnt in
            guard learnt.plan === plan, learnt.lessons < Image.mostLessons else { return }
            // A few pages now and then do not make a new process for each sandbox worth while.
            guard learnt.lessons == 0 || written.reduce(0, { $0 + $1.count }) >= Image.leastLesson else { return }
            learnt = (plan.copying(written) ?? plan, learnt.lessons + 1)
        }
    }

    private static let mostLessons = 4
    private static let leastLesson = 16 * Int(pageSize)

    /// How sandboxes take the contents now.
    var plan: Plan { learnt.withLock { $0.plan } }
    var isMappable: Bool { !first.mapped.isEmpty }

    /// Copies parts into a sandbox's own memory, which is at least context_min long and zero there.
    func copy(_ parts: [ImageContents.Part], to memory: borrowing SlotMemory) {
        for part in parts {
            // Safe: the image was checked to lie in the context, and a snapshot's parts to lie in context or stack.
            memory.place(part.address).copyMemory(from: contents.contents(of: part), byteCount: part.count)
        }
    }
}

/// Pages that runs of an image touch: the next child makes them its own before it is needed.
struct Habit: Equatable {
    /// Pages that were in memory, and pages that were written.
    var read: [Range<UInt64>] = []
    var written: [Range<UInt64>] = []

    /// Bounds of what a child maps ahead, in ranges and in pages: time and memory of each child that waits.
    private static let mostRanges = 256
    private static let mostRead: UInt64 = 1024
    private static let mostWritten: UInt64 = 512

    /// Takes in pages that are one after another and alike; addresses rise from call to call.
    mutating func add(_ pages: Range<UInt64>, written isWritten: Bool) {
        if isWritten {
            Habit.add(pages, to: &written, gap: 1)
        } else {
            Habit.add(pages, to: &read, gap: 16)
        }
    }

    private static func add(_ pages: Range<UInt64>, to list: inout [Range<UInt64>], gap: UInt64) {
        if let last = list.last, pages.lowerBound - last.upperBound <= gap * pageSize {
            list[list.count - 1] = last.lowerBound..<pages.upperBound
        } else if list.count < mostRanges {
            list.append(pages)
        }
    }

    /// The same within the bounds.
    var bounded: Habit {
        Habit(read: Habit.first(Habit.mostRead, of: read), written: Habit.first(Habit.mostWritten, of: written))
    }

    private static func first(_ most: UInt64, of ranges: [Range<UInt64>]) -> [Range<UInt64>] {
        var left = most * pageSize
        return ranges.prefix { range in
            let size = range.upperBound - range.lowerBound
            defer { left -= min(left, size) }
            return size <= left
        }
    }
}
