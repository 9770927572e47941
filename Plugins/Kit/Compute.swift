public import PluginABI

// What a compute backend is to the host: four kinds of objects behind handles, whose classes a plugin derives from these.
// They are classes and not protocols because the ABI's slots are C functions, which know nothing but a handle's one pointer.

/// A started compute plugin. Any thread.
open class ComputeInstance: PluginInstance, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: as `PluginInstance`.
    open var capabilities: dn_compute_caps { dn_compute_caps() }

    /// Parses and checks an image; keeps no pointer into the parameters.
    /// - Throws: DN_UNSUPPORTED for another format, DN_BAD_IMAGE with the byte offset for a malformed one.
    open func load(_ params: dn_image_params) throws(PluginError) -> ComputeImage { throw .missing("image_load") }

    /// Makes an engine for the calling thread.
    open func makeEngine(_ params: dn_engine_params) throws(PluginError) -> ComputeEngine {
        throw .missing("engine_create")
    }
}

/// A loaded image. Any thread.
open class ComputeImage: @unchecked Sendable {
    // SAFETY of @unchecked Sendable, of subclasses too: fixed after init, or guarded by a lock.
    public init() {}

    open var info: dn_image_info { dn_image_info() }

    /// See `ComputeSlots.restores`: gives a snapshot to `take`, in pieces.
    open func save(to take: (UnsafeRawBufferPointer) throws(PluginError) -> Void) throws(PluginError) {
        throw .missing("image_save")
    }

    /// See `ComputeSlots.restores`: what `save` gave of a snapshot that a program of this image left.
    open func restored(_ bytes: UnsafeRawBufferPointer) throws(PluginError) -> ComputeImage {
        throw .missing("image_restore")
    }
}

/// What runs functions on one thread. Used there, but for `interrupt`.
open class ComputeEngine {
    public init() {}

    /// Takes a fresh sandbox: all memory is zero.
    /// - Throws: DN_BUSY, DN_LIMIT, DN_NO_MEMORY, DN_ENGINE_DEAD as compute.h says.
    open func makeContext(_ params: dn_context_params) throws(PluginError) -> ComputeContext {
        throw .missing("context_create")
    }

    /// Does postponed work for about `budget` ns, at least one step. True when more is left.
    open func idle(budget: UInt64) -> Bool { false }

    /// Runs the image in the context to its end.
    open func run(_ context: ComputeContext, _ params: dn_run_params) throws(PluginError) -> dn_run_result {
        throw .missing("run")
    }

    /// Asks the run named `id` to stop. Any thread.
    /// - Parameter reason: DN_INTERRUPT_*.
    open func interrupt(run id: UInt64, reason: Int32) {}
}

/// The memory of one invocation. Used by one thread at a time, ordered by the host, but for `release`.
open class ComputeContext {
    public init() {}

    /// Places the image, once.
    open func load(_ image: ComputeImage) throws(PluginError) { throw .missing("context_load") }

    open var info: dn_context_info { dn_context_info() }

    /// The host's address of `length` bytes at a guest address.
    /// - Throws: DN_OUT_OF_RANGE when they wrap or leave the context.
    open func view(_ address: dn_gaddr, _ length: UInt64, writing: Bool) throws(PluginError) -> UnsafeMutableRawPointer
    {
        throw .missing("context_view")
    }

    /// The host gives the context up. Any thread.
    open func release() {}

    /// See `ComputeSlots.settles`.
    open func settle() throws(PluginError) { throw .missing("context_settle") }

    /// See `ComputeSlots.snapshots`.
    open func snapshot(dataBegin: dn_gaddr) throws(PluginError) -> ComputeImage { throw .missing("image_snapshot") }

    /// Shows a part of a file in the place of the context's own memory, privately. See `ComputeSlots.mapsFiles`.
    open func map(_ range: dn_file_range) throws(PluginError) { throw .missing("context_map") }

    /// Where memory of a context that has run lies in a file. Any thread.
    open func export(_ address: dn_gaddr, _ length: UInt64) throws(PluginError) -> dn_file_range {
        throw .missing("context_export")
    }

    /// Bytes that the context takes, without what is mapped into it.
    open var memoryTaken: UInt64 { 0 }
}

extension dn_image_params {
    /// The image's bytes, for as long as the call lasts.
    public var file: UnsafeRawBufferPointer {
        // SAFETY: borrow-call bytes of the host.
        UnsafeRawBufferPointer(start: bytes.data, count: Int(clamping: bytes.len))
    }
}

extension PluginError {
    fileprivate static func missing(_ slot: String) -> PluginError {
        PluginError(DN_UNSUPPORTED, "this plugin has no \(slot)")
    }
}

/// The slots that a backend may leave out.
public struct ComputeSlots: OptionSet, Sendable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }
    /// A run's end does not ensure yet that nothing else touches the memory.
    public static let settles = ComputeSlots(rawValue: 1)
    /// Images can be made of what a program built in its context.
    public static let snapshots = ComputeSlots(rawValue: 2)
    /// Such images can be kept as bytes.
    public static let restores = ComputeSlots(rawValue: 4)
    /// Contexts show parts of files, and say where their own memory lies in one.
    public static let mapsFiles = ComputeSlots(rawValue: 8)
}
