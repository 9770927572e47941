public import Failure
public import Memory
internal import PluginABI
internal import Synchronization

/// An isolation backend: one started plugin seen through dn.compute/1.
public final class ComputeBackend: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: fixed after init; slots are called under the ABI's thread words.
    public let instance: PluginInstance
    public var name: String { instance.label }
    /// Contexts that one engine holds at once; 0 when memory decides.
    public let contextsPerEngine: Int
    /// Largest memory limit of a context, bytes.
    public let contextMax: UInt64
    /// A run ends at most this long after its deadline or an interrupt, ns.
    public let interruptLatency: UInt64
    public let imageFormats: String
    /// Large inputs can be mapped into its contexts.
    public let mapsFiles: Bool
    /// The function of an image at which runs begin can be chosen.
    public let namesEntries: Bool
    let slots: ComputeSlots
    private let retirement = Retirement()
    private let lastEngineFailure = Mutex<String?>(nil)
    /// Why the engine that was to be made last could not; nil when it was made.
    public var engineFailure: String? { lastEngineFailure.withLock { $0 } }
    func engineMade(_ failure: String?) { lastEngineFailure.withLock { $0 = failure } }
    /// A later generation has taken its place; engines of it end when they are idle.
    public var isRetired: Bool { retirement.isOver }

    /// - Throws: `Failure(.unavailable)` naming every required slot that is missing.
    public init(_ instance: PluginInstance) throws(Failure) {
        let what = "plugin \(instance.label)"
        guard let table = instance.library.interface(DN_COMPUTE_1) else {
            throw Failure(.unavailable, "\(what): is no isolation backend (offers no \(DN_COMPUTE_1))")
        }
        self.instance = instance
        var mine = dn_compute()
        withUnsafeMutablePointer(to: &mine) { ABI.copy(table, to: $0, MemoryLayout<dn_compute>.size) }
        slots = try ComputeSlots(mine, what)
        var caps = dn_compute_caps()
        caps.struct_size = UInt32(MemoryLayout<dn_compute_caps>.size)
        var error = ABI.emptyError()
        let status = slots.capabilities(instance.handle, &caps, &error)
        guard status == DN_OK else { throw ABI.failure(status, error, what) }
        guard caps.flags & (1 << 0) != 0 else {
            throw Failure(.unavailable, "\(what): its contexts are not visible to the host, which this host needs")
        }
        contextsPerEngine = Int(clamping: caps.contexts_per_engine)
        contextMax = caps.context_max
        interruptLatency = caps.interrupt_latency
        imageFormats = ABI.text(caps.image_formats)
        namesEntries = caps.flags & (1 << 5) != 0
        mapsFiles = caps.flags & (1 << 4) != 0 && slots.contextMap != nil
    }

    func retire() { retirement.begin() }

    /// Loads a function image; may take seconds, so not on an engine's thread.
    /// - Parameter account: What loading takes is charged there; what the image holds is the node's own.
    /// - Returns: nil when the image is of another backend's format.
    public func loadImage(
        _ bytes: UnsafeRawBufferPointer, label: String, entry: String? = nil, cacheDirectory: String,
        account: MemoryAccount, progress: (@Sendable (Int, String) -> Void)? = nil
    ) throws(Failure) -> ComputeImage? {
        var handle: OpaquePointer?
        var error = ABI.emptyError()
        let observer = progress.map { Unmanaged.passRetained(ProgressObserver($0)) }
        defer { observer?.release() }
        guard entry == nil || namesEntries else {
            throw Failure(.invalid, "images of backend \(name) begin where they say; 'entry' cannot be chosen")
        }
        let load = { (label: UnsafePointer<CChar>, cache: UnsafePointer<CChar>, entry: UnsafePointer<CChar>?) in
            dn_bytes.borrowing(bytes) { borrowed in
                var parameters = dn_image_params()
                parameters.struct_size = UInt32(MemoryLayout<dn_image_params>.size)
                parameters.bytes = borrowed
                (parameters.label, parameters.cache_directory, parameters.entry) = (label, cache, entry)
                parameters.account = account.id(for: .images)
                if let observer {
                    (parameters.progress_arg, parameters.progress) = (observer.toOpaque(), ProgressObserver.tell)
                }
                return self.slots.imageLoad(self.instance.handle, &parameters, &handle, &error)
            }
        }
        let status = label.withCString { label in
            cacheDirectory.withCString { cache in
                entry.map { $0.withCString { load(label, cache, $0) } } ?? load(label, cache, nil)
            }
        }
        if status == DN_UNSUPPORTED { return nil }
        guard status == DN_OK else { throw ABI.failure(status, error, "image \(label) on \(name)") }
        guard let handle else { throw Failure(.internal, "plugin \(name): image_load gave no image") }
        return try ComputeImage(backend: self, handle: handle)
    }
}

/// A loaded image; unloaded with the last reference.
public final class ComputeImage: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: fixed after init; image_info and image_unload are [any-thread].
    public let backend: ComputeBackend
    public let pointerBytes: Int
    public let systemData: UInt64
    public let dataBegin: UInt64
    /// Smallest memory limit that holds the image, bytes.
    public let contextMin: UInt64
    /// Host memory that the image holds, bytes.
    public let residentBytes: UInt64
    /// Where the image's dn_guest_snapshot lies; 0 when it has none, or the backend cannot begin from snapshots.
    public let snapshot: UInt64
    /// A snapshot can be kept as bytes.
    public var canBeRestored: Bool { backend.slots.imageSave != nil && backend.slots.imageRestore != nil }
    let handle: OpaquePointer
    private let charge: MemoryCharge

    init(backend: ComputeBackend, handle: OpaquePointer) throws(Failure) {
        self.backend = backend
        self.handle = handle
        var info = dn_image_info()
        info.struct_size = UInt32(MemoryLayout<dn_image_info>.size)
        var error = ABI.emptyError()
        let status = backend.slots.imageInfo(handle, &info, &error)
        pointerBytes = Int(info.pointer_bytes)
        systemData = info.system_data
        dataBegin = info.data_begin
        contextMin = info.context_min
        snapshot = backend.slots.imageSnapshot == nil ? 0 : info.snapshot
        // A bound on what a plugin may claim, so that sums of it do not overflow.
        residentBytes = min(info.resident_bytes, 1 << 48)
        var charge = MemoryCharge(backend.instance.memory.own, .images)
        charge.note(Int(residentBytes))
        self.charge = charge
        guard status == DN_OK, info.pointer_bytes == 4 || info.pointer_bytes == 8 else {
            throw ABI.failure(status, error, "plugin \(backend.name): image_info")
        }
    }

    deinit { backend.slots.imageUnload(handle) }

    /// Which code it runs now.
    public var version: ImageVersion? {
        var info = dn_image_info()
        info.struct_size = UInt32(MemoryLayout<dn_image_info>.size)
        var error = ABI.emptyError()
        guard backend.slots.imageInfo(handle, &info, &error) == DN_OK else { return nil }
        return ImageVersion(state: info.version, reason: ABI.text(info.version_reason))
    }
}

/// The code of an image that a backend makes better while it serves.
public enum ImageVersion: Sendable, Equatable {
    /// The best one is still to come.
    case first
    case best
    /// The first one stays, because of this.
    case stays(String)

    /// Nil for an image that has one version.
    init?(state: Int32, reason: String) {
        switch state {
        case DN_VERSION_FIRST: self = .first
        case DN_VERSION_BEST: self = .best
        case DN_VERSION_STAYS: self = .stays(reason)
        default: return nil
        }
    }

    public var name: String {
        switch self {
        case .first: "first"
        case .best: "best"
        case .stays: "stays"
        }
    }
}

/// The required slots of dn_compute, checked once.
struct ComputeSlots {
    typealias Error = UnsafeMutablePointer<dn_error>
    let capabilities: @convention(c) (OpaquePointer, UnsafeMutablePointer<dn_compute_caps>, Error) -> dn_status
    let imageLoad:
        @convention(c) (
            OpaquePointer, UnsafePointer<dn_image_params>, UnsafeMutablePointer<OpaquePointer?>, Error
        ) -> dn_status
    let imageInfo: @convention(c) (OpaquePointer, UnsafeMutablePointer<dn_image_info>, Error) -> dn_status
    let imageUnload: @convention(c) (OpaquePointer) -> Void
    let engineCreate:
        @convention(c) (
            OpaquePointer, UnsafePointer<dn_engine_params>, UnsafeMutablePointer<OpaquePointer?>, Error
        ) -> dn_status
    let engineDestroy: @convention(c) (OpaquePointer) -> Void
    let engineIdle: (@convention(c) (OpaquePointer, UInt64) -> Int32)?
    let contextCreate:
        @convention(c) (
            OpaquePointer, UnsafePointer<dn_context_params>, UnsafeMutablePointer<OpaquePointer?>, Error
        ) -> dn_status
    let contextLoad: @convention(c) (OpaquePointer, OpaquePointer, Error) -> dn_status
    let contextInfo: @convention(c) (OpaquePointer, UnsafeMutablePointer<dn_context_info>, Error) -> dn_status
    let contextView:
        @convention(c) (
            OpaquePointer, dn_gaddr, UInt64, Int32, UnsafeMutablePointer<UnsafeMutableRawPointer?>, Error
        ) -> dn_status
    let contextTransfer:
        (@convention(c) (OpaquePointer, dn_gaddr, OpaquePointer, dn_gaddr, UInt64, Error) -> dn_status)?
    let contextDestroy: @convention(c) (OpaquePointer) -> Void
    let contextSettle: (@convention(c) (OpaquePointer, Error) -> dn_status)?
    let run:
        @convention(c) (
            OpaquePointer, OpaquePointer, UnsafePointer<dn_run_params>, UnsafeMutablePointer<dn_run_result>, Error
        ) -> dn_status
    let interrupt: @convention(c) (OpaquePointer, UInt64, Int32) -> Void
    let contextMap: (@convention(c) (OpaquePointer, UnsafePointer<dn_file_range>, Error) -> dn_status)?
    let contextExport:
        (@convention(c) (OpaquePointer, dn_gaddr, UInt64, UnsafeMutablePointer<dn_file_range>, Error) -> dn_status)?
    let contextMemory: (@convention(c) (OpaquePointer) -> UInt64)?
    let imageSnapshot:
        (@convention(c) (OpaquePointer, dn_gaddr, UnsafeMutablePointer<OpaquePointer?>, Error) -> dn_status)?
    let imageSave: (@convention(c) (OpaquePointer, dn_sink, UnsafeMutableRawPointer?, Error) -> dn_status)?
    let imageRestore:
        (@convention(c) (OpaquePointer, dn_bytes, UnsafeMutablePointer<OpaquePointer?>, Error) -> dn_status)?

    init(_ table: dn_compute, _ what: String) throws(Failure) {
        guard let capabilities = table.capabilities, let imageLoad = table.image_load,
            let imageInfo = table.image_info, let imageUnload = table.image_unload,
            let engineCreate = table.engine_create, let engineDestroy = table.engine_destroy,
            let contextCreate = table.context_create, let contextLoad = table.context_load,
            let contextInfo = table.context_info, let contextView = table.context_view,
            table.context_read != nil, table.context_write != nil,
            let contextDestroy = table.context_destroy, let run = table.run, let interrupt = table.interrupt
        else {
            let missing = [
                ("capabilities", table.capabilities == nil), ("image_load", table.image_load == nil),
                ("image_info", table.image_info == nil), ("image_unload", table.image_unload == nil),
                ("engine_create", table.engine_create == nil), ("engine_destroy", table.engine_destroy == nil),
                ("context_create", table.context_create == nil), ("context_load", table.context_load == nil),
                ("context_info", table.context_info == nil), ("context_view", table.context_view == nil),
                ("context_read", table.context_read == nil), ("context_write", table.context_write == nil),
                ("context_destroy", table.context_destroy == nil), ("run", table.run == nil),
                ("interrupt", table.interrupt == nil),
            ].filter(\.1).map(\.0)
            throw Failure(.unavailable, "\(what): \(DN_COMPUTE_1) lacks \(missing.joined(separator: ", "))")
        }
        self.capabilities = capabilities
        self.imageLoad = imageLoad
        self.imageInfo = imageInfo
        self.imageUnload = imageUnload
        self.engineCreate = engineCreate
        self.engineDestroy = engineDestroy
        self.engineIdle = table.engine_idle
        self.contextCreate = contextCreate
        self.contextLoad = contextLoad
        self.contextInfo = contextInfo
        self.contextView = contextView
        self.contextTransfer = table.context_transfer
        self.contextDestroy = contextDestroy
        contextSettle = table.context_settle
        self.run = run
        self.interrupt = interrupt
        imageSnapshot = table.image_snapshot
        imageSave = table.image_save
        imageRestore = table.image_restore
        contextMap = table.context_map
        contextExport = table.context_export
        contextMemory = table.context_memory
    }
}
