import CProcess
import Glibc
import PluginABI
import PluginElf
import PluginKit

/// What a child has done before it waits, and what it must undo for another image.
struct Readiness {
    var layout: [PageRange] = []
    /// The mapped image, while it is loaded, and how.
    private(set) weak var mapped: Image?
    private(set) var plan: Plan?

    /// Over what files are mapped; nil = none is.
    var span: Range<UInt64>? { plan.flatMap { $0.mapped.isEmpty ? nil : $0.span } }

    init() {}

    /// - Parameter plan: nil = all of the image is copied.
    init(_ image: Image, _ plan: Plan?) {
        layout = image.layout
        mapped = plan == nil ? nil : image
        self.plan = plan
    }

    func fits(_ image: Image, _ plan: Plan?) -> Bool {
        layout == image.layout && self.plan === plan && (plan == nil || mapped === image)
    }

    /// It has an image mapped that was unloaded since.
    var isStale: Bool { span != nil && mapped == nil }
}

/// Lists of what a child does to its memory: before it waits, and once it is told what it runs.
extension Sandbox {
    /// Pages that a new child maps at once, so that the function need not fault on them: the image and some behind it.
    static let prefaultMax = 64 * pageSize
    /// Where the end of an image is expected before there was one.
    private static let usualEnd = SlotMemory.contextBegin &+ 12 * pageSize

    /// Asks the zygote for a child that is made ready for the image that ran here last. Memory must be zero and no child
    /// left. Does not wait.
    func askForChild() {
        let list = dp_prepare(memory.child)
        (list.pointee.count, list.pointee.message) = (0, 0)
        prepared = Readiness()
        if let image = expected {
            var plan = plan(for: image)
            if plan != nil, let file = image.contents.file, zygote.send(&list.pointee.message, [file]) != 0 {
                plan = nil
            }
            if plan != nil { keepSmall(image, list) }
            for part in plan?.mapped ?? [] { add(part, file: 0, to: list) }
            prepared = Readiness(image, plan)
            for range in image.layout { protect(range.begin, range.end, protection(range.rights), list) }
            if plan != nil { prefault(image, list) }
        }
        if prepared.span == nil {
            let begin = SlotMemory.contextBegin
            let end = min(roundUp(expected?.end ?? Self.usualEnd) &+ 4 * pageSize, begin &+ Sandbox.prefaultMax)
            advise(begin..<end, DP_POPULATE_READ, list)
        }
        advise(SlotMemory.stackHigh &- 2 * pageSize..<SlotMemory.stackHigh, DP_POPULATE_READ, list)
        asked = true
        zygote.ask()
    }

    /// Pages that a run of a mapped image touched, and those that every run does.
    private func prefault(_ image: Image, _ list: UnsafeMutablePointer<dp_operations>) {
        let habit = image.habits.bounded
        for range in habit.written { advise(range, DP_POPULATE_WRITE, list) }
        for range in habit.read { advise(range, DP_POPULATE_READ, list) }
        let end = image.end & ~(pageSize &- 1)
        advise(end..<end &+ 4 * pageSize, DP_POPULATE_READ, list)
    }

    /// What the child must do to have what the memory has now.
    func planChange() {
        let list = dp_change(memory.child)
        (list.pointee.count, list.pointee.message) = (0, 0)
        guard let loaded, !prepared.fits(loaded, memory.plan) else { return }
        if let span = prepared.span {
            let own = ImageContents.Part(
                address: span.lowerBound, offset: Int(memory.offset(span.lowerBound)), count: span.count)
            add(own, file: 0, sharing: DP_SHARED, to: list)
            advise(span.clamped(to: 0..<SlotMemory.smallEnd), MADV_NOHUGEPAGE, list)
        }
        if !memory.parts.isEmpty { keepSmall(loaded, list) }
        for part in memory.parts { add(part, file: 1, to: list) }
        for range in prepared.layout { protect(range.begin, range.end, UInt32(PROT_READ | PROT_WRITE), list) }
        for range in loaded.layout { protect(range.begin, range.end, protection(range.rights), list) }
    }

    func add(
        _ part: ImageContents.Part, file: UInt16, sharing: Int32 = 0, to list: UnsafeMutablePointer<dp_operations>
    ) {
        let how = UInt16(PROT_READ | PROT_WRITE | sharing)
        _ = dp_add(
            list,
            dp_operation(
                begin: part.address, size: UInt64(part.count), offset: UInt64(part.offset), call: UInt32(DP_MAP),
                how: how, file: file))
    }

    /// The image and what lies behind it has pages of 4 KiB, as in the host's view.
    private func keepSmall(_ image: Image, _ list: UnsafeMutablePointer<dp_operations>) {
        advise(SlotMemory.smallEnd..<min(memory.contextMax, SlotMemory.smallEnd(of: image)), MADV_NOHUGEPAGE, list)
    }

    private func protect(
        _ begin: UInt64, _ end: UInt64, _ rights: UInt32, _ list: UnsafeMutablePointer<dp_operations>
    ) {
        _ = dp_add(
            list,
            dp_operation(
                begin: begin, size: end &- begin, offset: 0, call: UInt32(DP_PROTECT), how: UInt16(rights), file: 0))
    }

    private func advise(_ range: Range<UInt64>, _ advice: Int32, _ list: UnsafeMutablePointer<dp_operations>) {
        _ = dp_add(
            list,
            dp_operation(
                begin: range.lowerBound, size: range.upperBound &- range.lowerBound, offset: 0,
                call: UInt32(DP_ADVISE), how: UInt16(advice), file: 0))
    }

    private func protection(_ rights: Rights) -> UInt32 {
        UInt32(rights.contains(.execute) ? PROT_READ | PROT_EXEC : PROT_READ)
    }
}
