import PluginABI
import PluginElf
import PluginKit
import Synchronization

/// A place of an engine's pool, and the `dn_context` while it is held: a sandbox, and what was done to it.
///
/// Used by the engine's thread, but for `release` (any thread) and the reads of a finished context (one thread at a time,
/// ordered by the host).
final class Context: ComputeContext, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: see above; `released` is the only field that two threads touch at once.
    unowned let engine: Engine
    var sandbox: Sandbox?
    /// Handed out by context_create and not cleaned since.
    var held = false
    private var placed = false
    /// The memory was viewed or written, so that the sandbox cannot be swapped for another any more.
    private var touched = false
    private var ran = false
    private let released = Atomic<Bool>(false)

    init(engine: Engine) { self.engine = engine }

    /// Held, but given up by the host.
    var isReleased: Bool { held && released.load(ordering: .acquiring) }

    func hold() {
        held = true
        placed = false
        touched = false
        ran = false
        released.store(false, ordering: .relaxed)
    }

    override func release() { released.store(true, ordering: .releasing) }

    override func load(_ given: ComputeImage) throws(PluginError) {
        // SAFETY: an image of this plugin.
        let image = unsafeDowncast(given, to: Image.self)
        guard !placed else { throw PluginError(DN_MISUSE, "an image is placed already") }
        guard var sandbox else { throw PluginError(DN_MISUSE, "the context is not held") }
        let limit = sandbox.memory.limit
        guard roundUp(image.end) <= roundUp(limit) else {
            throw PluginError(DN_LIMIT, "the image needs \(roundUp(image.end)) bytes, the memory limit is \(limit)")
        }
        if !touched, !sandbox.isPrepared(for: image), let other = engine.trade(self, for: image) {
            try other.setLimit(limit)
            sandbox = other
        }
        try sandbox.load(image)
        placed = true
    }

    override var info: dn_context_info {
        var info = dn_context_info()
        info.low = SlotMemory.contextBegin
        info.limit = sandbox?.memory.limit ?? 0
        info.stack_low = sandbox?.memory.stackLow ?? 0
        info.stack_high = SlotMemory.stackHigh
        info.exit_address = Engine.exitAddress
        return info
    }

    override func view(
        _ address: dn_gaddr, _ size: UInt64, writing: Bool
    ) throws(PluginError) -> UnsafeMutableRawPointer {
        guard let sandbox else { throw PluginError(DN_MISUSE, "the context is not held") }
        touched = true
        let view = try sandbox.memory.view(address, size)
        if writing { sandbox.announceWrite(address..<address &+ size) }
        return view
    }

    /// After the run: no process has the memory any more.
    override func settle() {
        if ran { sandbox?.killChild() }
    }

    override func map(_ range: dn_file_range) throws(PluginError) {
        guard let sandbox, placed, !ran else { throw PluginError(DN_MISUSE, "files are mapped before the run") }
        touched = true
        try sandbox.show(range)
    }

    override func export(_ address: dn_gaddr, _ length: UInt64) throws(PluginError) -> dn_file_range {
        guard let sandbox, ran else { throw PluginError(DN_MISUSE, "nothing has run in the context") }
        return try sandbox.memory.export(address, length)
    }

    override var memoryTaken: UInt64 { sandbox?.memory.used ?? 0 }

    override func snapshot(dataBegin: dn_gaddr) throws(PluginError) -> ComputeImage {
        guard let sandbox, ran else { throw PluginError(DN_MISUSE, "nothing has run in the context") }
        return try sandbox.snapshot(end: dataBegin)
    }

    /// The sandbox of the one run that a context allows.
    func begin() throws(PluginError) -> Sandbox {
        guard let sandbox, placed, !ran else {
            throw PluginError(DN_MISUSE, ran ? "a context runs once" : "no image is placed")
        }
        ran = true
        return sandbox
    }
}
