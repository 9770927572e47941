import Glibc
import PluginABI
import PluginElf
import PluginKit

/// The memory of one invocation, used again for the next. Private and anonymous: shared pages keep no capabilities.
///
/// SAFETY: all pointers lie in the slot's place of the arena.
final class Slot: PooledContext, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: as `PooledContext`.
    private let instance: Instance
    let memory: UnsafeMutableRawPointer
    private(set) var image: Image?
    private(set) var layout: ContextLayout?
    /// A run has given pages the image's rights.
    private var isProtected = false
    private(set) var hasRun = false

    init(_ instance: Instance) throws(PluginError) {
        self.instance = instance
        memory = try instance.arena.take()
    }

    deinit { instance.arena.give(memory) }

    // MARK: One invocation

    /// Makes the memory of a context accessible.
    func open(_ wanted: ContextLayout) throws(PluginError) {
        guard wanted != layout else { return }
        if let layout { try protect(memory, PageRange(begin: 0, end: layout.size, rights: [])) }
        layout = nil
        for range in wanted.memory { try protect(memory, range) }
        layout = wanted
    }

    override func load(_ given: ComputeImage) throws(PluginError) {
        // SAFETY: an image of this plugin.
        let image = unsafeDowncast(given, to: Image.self)
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

    override func recycle() -> Bool {
        image = nil
        hasRun = false
        guard let layout else { return true }
        var isClean = madvise(memory, Int(layout.size), MADV_DONTNEED) == 0
        if isProtected {
            isProtected = false
            let plain = PageRange(begin: 0, end: layout.limit, rights: [.read, .write])
            isClean = (try? protect(memory, plain)) != nil && isClean
        }
        if !isClean { instance.services.log(DN_LOG_ERROR, "dropping a context whose memory cannot be cleaned") }
        return isClean
    }

    // MARK: The host's view

    override var info: dn_context_info {
        var info = dn_context_info()
        info.low = image?.low ?? 0
        info.limit = layout?.limit ?? 0
        info.stack_low = layout?.stackLow ?? 0
        info.stack_high = layout?.size ?? 0
        info.exit_address = image?.exit == .stub ? ContextLayout.stub : 0
        return info
    }

    /// Bytes to be written may not lie in code or constants of a function that has run: they are read-only for the host too.
    override func view(
        _ address: dn_gaddr, _ count: UInt64, writing: Bool
    ) throws(PluginError) -> UnsafeMutableRawPointer {
        guard let layout, let image else { throw PluginError(DN_MISUSE, "no image is placed") }
        let (end, wrapped) = address.addingReportingOverflow(count)
        let inContext = address >= image.low && end <= layout.limit
        let inStack = address >= layout.stackLow && end <= layout.size
        guard !wrapped, inContext || inStack else {
            throw PluginError(
                DN_OUT_OF_RANGE,
                "\(count) bytes at 0x\(hex(address)) leave the context of \(layout.limit) bytes and its stack")
        }
        let isReadOnly = { image.protections.contains { $0.begin < end && address < $0.end } }
        guard !writing || !isProtected || !isReadOnly() else {
            throw PluginError(DN_OUT_OF_RANGE, "0x\(hex(address)) lies in code or constants of a function that has run")
        }
        return memory + Int(address)
    }
}
