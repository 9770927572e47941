import Glibc
import PluginABI
import PluginElf
import PluginKit
import Synchronization

/// The memory of one invocation, used again for the next. Private and anonymous: shared pages keep no capabilities.
///
/// SAFETY: all pointers lie in the slot's place of the arena; only the engine's thread uses it, but for `state` and the
/// reads of a finished context, which the host orders.
final class Slot: @unchecked Sendable {
    enum State: UInt32 { case clean, held, dirty }

    private let arena: Arena
    let memory: UnsafeMutableRawPointer
    private let state = Atomic<UInt32>(State.clean.rawValue)
    private(set) var image: Image?
    private(set) var layout: ContextLayout?
    /// A run has given pages the image's rights.
    private var isProtected = false
    private(set) var hasRun = false

    init(_ arena: Arena) throws(PluginError) {
        self.arena = arena
        memory = try arena.take()
    }

    deinit { arena.give(memory) }

    func claim(from old: State) -> Bool {
        state.compareExchange(
            expected: old.rawValue, desired: State.held.rawValue, ordering: .acquiring
        ).exchanged
    }

    /// Any thread.
    func release(as new: State) { state.store(new.rawValue, ordering: .releasing) }

    var isDirty: Bool { state.load(ordering: .relaxed) == State.dirty.rawValue }

    // MARK: One invocation

    /// Makes the memory of a context accessible.
    func open(_ wanted: ContextLayout) throws(PluginError) {
        guard wanted != layout else { return }
        if let layout { try protect(memory, PageRange(begin: 0, end: layout.size, rights: [])) }
        layout = nil
        for range in wanted.memory { try protect(memory, range) }
        layout = wanted
    }

    func place(_ image: Image) throws(PluginError) {
        guard self.image == nil else { throw PluginError(DN_MISUSE, "an image is placed already") }
        guard let layout else { throw PluginError(DN_MISUSE, "the context is not held") }
        guard image.info.context_min <= layout.limit else {
            throw PluginError(
                DN_LIMIT, "the image needs \(image.info.context_min) bytes, its memory limit is \(layout.limit)")
        }
        image.place(in: memory)
        self.image = image
    }

    /// The one run that a context allows.
    func begin(argument: dn_gaddr) throws(PluginError) -> Entry {
        guard let image, let layout, !hasRun else {
            throw PluginError(DN_MISUSE, hasRun ? "a context runs once" : "no image is placed")
        }
        (hasRun, isProtected) = (true, true)
        return Entry(
            memory: memory, layout: layout, protections: image.protections, codeBytes: image.codeBytes,
            entry: image.elf.entry, argument: argument, slot: image.slot)
    }

    /// Makes all memory zero again; false when the slot cannot be used any more.
    func recycle() -> Bool {
        image = nil
        hasRun = false
        guard let layout else { return true }
        guard madvise(memory, Int(layout.size), MADV_DONTNEED) == 0 else { return false }
        guard isProtected else { return true }
        isProtected = false
        return (try? protect(memory, PageRange(begin: 0, end: layout.limit, rights: [.read, .write]))) != nil
    }

    // MARK: The host's view

    var info: dn_context_info {
        var info = dn_context_info()
        info.low = image?.low ?? 0
        info.limit = layout?.limit ?? 0
        info.stack_low = layout?.stackLow ?? 0
        info.stack_high = layout?.size ?? 0
        info.exit_address = image?.exit == .stub ? ContextLayout.stub : 0
        return info
    }

    func bytes(_ address: dn_gaddr, _ count: UInt64) throws(PluginError) -> UnsafeMutableRawPointer {
        guard let layout, let image else { throw PluginError(DN_MISUSE, "no image is placed") }
        let (end, wrapped) = address.addingReportingOverflow(count)
        let inContext = address >= image.low && end <= layout.limit
        let inStack = address >= layout.stackLow && end <= layout.size
        guard !wrapped, inContext || inStack else {
            throw PluginError(
                DN_OUT_OF_RANGE,
                "\(count) bytes at 0x\(hex(address)) leave the context of \(layout.limit) bytes and its stack")
        }
        return memory + Int(address)
    }

    /// As `bytes`, for a caller that writes: a run has made code and constants read-only for the host too.
    func writableBytes(_ address: dn_gaddr, _ count: UInt64) throws(PluginError) -> UnsafeMutableRawPointer {
        let bytes = try bytes(address, count)
        let isReadOnly = (image?.protections ?? []).contains { $0.begin < address &+ count && address < $0.end }
        guard !isProtected || !isReadOnly else {
            throw PluginError(DN_OUT_OF_RANGE, "0x\(hex(address)) lies in code or constants of a function that has run")
        }
        return bytes
    }
}
