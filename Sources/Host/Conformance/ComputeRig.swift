internal import Failure
internal import Glibc
internal import Platform
internal import PluginABI
internal import PluginHost

/// One engine of the plugin on the calling thread, driven slot by slot.
final class ComputeRig: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: only `interrupt`, which the ABI allows anywhere, is called on other threads.
    let instance: PluginInstance
    let table: dn_compute
    let caps: dn_compute_caps
    let watch: Watch
    private(set) var engine: OpaquePointer
    private var runID: UInt64 = 0
    private let guests: String?
    private var images: [OpaquePointer] = []

    convenience init(_ subject: Subject) throws { try self.init(subject, try subject.start()) }

    /// The calling thread becomes the engine's.
    init(_ subject: Subject, _ instance: PluginInstance) throws {
        guests = subject.guests
        let watch = subject.watch
        self.watch = watch
        self.instance = instance
        subject.contract.enterEngine()
        guard let interface = instance.library.interface(DN_COMPUTE_1) else {
            throw NotApplicable(why: "it offers no \(DN_COMPUTE_1)")
        }
        // Every required slot is there, and the capabilities answer.
        _ = try watch.call("capabilities") { try ComputeBackend(instance) }
        let table = Self.table(at: interface)
        self.table = table
        var caps = dn_compute_caps()
        caps.struct_size = UInt32(MemoryLayout<dn_compute_caps>.size)
        var error = Self.error()
        _ = watch.call("capabilities") { table.capabilities?(instance.handle, &caps, &error) }
        self.caps = caps
        var params = dn_engine_params()
        params.struct_size = UInt32(MemoryLayout<dn_engine_params>.size)
        params.core = -1
        params.engine_id = 1
        var made: OpaquePointer?
        let status = watch.call("engine_create") { table.engine_create?(instance.handle, &params, &made, &error) }
        try Self.check(status, error, "engine_create")
        guard let made else { throw Violation(what: "engine_create gave no engine") }
        engine = made
    }

    deinit {
        for image in images { unload(image) }
        watch.call("engine_destroy") { table.engine_destroy?(engine) }
    }

    /// As far as the plugin's minor has it; slots that are newer are null.
    private static func table(at theirs: UnsafeRawPointer) -> dn_compute {
        var mine = dn_compute()
        // SAFETY: the table begins with its size, for which the plugin vouches; no more than our own is copied.
        let size = Int(theirs.loadUnaligned(as: UInt32.self))
        withUnsafeMutableBytes(of: &mine) { mine in
            mine.copyMemory(from: UnsafeRawBufferPointer(start: theirs, count: min(size, mine.count)))
        }
        return mine
    }

    static func error() -> dn_error {
        var error = dn_error()
        error.struct_size = UInt32(MemoryLayout<dn_error>.size)
        error.input_offset = UInt64.max
        return error
    }

    static func check(_ status: dn_status?, _ error: dn_error, _ what: String) throws {
        guard status != DN_OK else { return }
        let message = withUnsafeBytes(of: error.message) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        throw Violation(what: "\(what) gave \(ABIName.status(status))\(message.isEmpty ? "" : ": \(message)")")
    }

    /// An image in a format of the backend: the user's, or the kit's for the machine that it knows.
    /// - Throws: `NotApplicable` when there is none.
    func bytes(_ guest: Guest) throws -> [UInt8] {
        if let guests { return try guest.read(from: guests) }
        let formats = caps.image_formats.map { String(cString: $0) } ?? ""
        guard formats.split(separator: " ").contains("elf-x86_64") else {
            throw NotApplicable(why: "the kit has no images of the formats '\(formats)'; give yours by --guests")
        }
        return guest.native.bytes
    }

    /// The status of loading these bytes; what was loaded is the caller's.
    func load(_ bytes: [UInt8], entry: StaticString? = nil) -> (
        status: dn_status, image: OpaquePointer?, error: dn_error
    ) {
        var image: OpaquePointer?
        var error = Self.error()
        let status = bytes.withUnsafeBufferPointer { buffer in
            var params = dn_image_params()
            params.struct_size = UInt32(MemoryLayout<dn_image_params>.size)
            params.bytes = dn_bytes(data: buffer.baseAddress, len: UInt64(buffer.count))
            // SAFETY: a static text ends with a NUL.
            params.entry = entry.map { UnsafeRawPointer($0.utf8Start).assumingMemoryBound(to: CChar.self) }
            return watch.call("image_load") { table.image_load?(instance.handle, &params, &image, &error) ?? DN_FAILED }
        }
        return (status, image, error)
    }

    func unload(_ image: OpaquePointer) { watch.call("image_unload") { table.image_unload?(image) } }

    func facts(of image: OpaquePointer) throws -> dn_image_info {
        var facts = dn_image_info()
        facts.struct_size = UInt32(MemoryLayout<dn_image_info>.size)
        var error = Self.error()
        let status = watch.call("image_info") { table.image_info?(image, &facts, &error) }
        try Self.check(status, error, "image_info")
        return facts
    }

    /// Unloaded with the rig, before which every context of it must be ended.
    func image(_ guest: Guest) throws -> OpaquePointer {
        let loaded = load(try bytes(guest))
        try Self.check(loaded.status, loaded.error, "image_load")
        guard let handle = loaded.image else { throw Violation(what: "image_load gave no image") }
        images.append(handle)
        return handle
    }

    /// A context with the image in it and an entry block behind the image, which has `argument` where a function finds its
    /// first random number.
    func context(_ image: OpaquePointer, limit: UInt64 = 1 << 20, argument: UInt64 = 0) throws -> Sandbox {
        let made = makeContext(image, limit: limit)
        try Self.check(made.status, made.error, made.call)
        guard let handle = made.context else { throw Violation(what: "context_create gave no context") }
        let sandbox = Sandbox(rig: self, handle: handle)
        try sandbox.prepare(image, argument)
        return sandbox
    }

    /// Makes a context and places the image; on a failure nothing is left, and `call` is what failed.
    func makeContext(
        _ image: OpaquePointer, limit: UInt64
    ) -> (status: dn_status?, context: OpaquePointer?, error: dn_error, call: String) {
        var params = dn_context_params()
        params.struct_size = UInt32(MemoryLayout<dn_context_params>.size)
        params.limit = limit
        var made: OpaquePointer?
        var error = Self.error()
        var status = watch.call("context_create") { table.context_create?(engine, &params, &made, &error) }
        guard status == DN_OK, let context = made else { return (status, nil, error, "context_create") }
        status = watch.call("context_load") { table.context_load?(context, image, &error) }
        guard status == DN_OK else {
            destroy(context)
            return (status, nil, error, "context_load")
        }
        return (status, context, error, "")
    }

    var nextRun: UInt64 { runID &+ 1 }

    /// Runs to the end; `deadline` is nanoseconds from now, 0 = none.
    func run(_ sandbox: Sandbox, deadline: UInt64 = 0) throws -> dn_run_result {
        runID &+= 1
        var params = dn_run_params()
        params.struct_size = UInt32(MemoryLayout<dn_run_params>.size)
        params.run_id = runID
        params.deadline = deadline == 0 ? 0 : Clock.now() &+ deadline
        params.entry_block = sandbox.entryBlock
        var result = dn_run_result()
        result.struct_size = UInt32(MemoryLayout<dn_run_result>.size)
        result.outcome = -1
        var error = Self.error()
        let status = watch.call("run") { table.run?(engine, sandbox.handle, &params, &result, &error) }
        try Self.check(status, error, "run")
        return result
    }

    /// Runs an image in a context of its own, destroys the context and does the postponed work.
    func runOnce(
        _ image: OpaquePointer, deadline: UInt64 = 5_000_000_000, argument: UInt64 = 0
    ) throws -> dn_run_result {
        let sandbox = try context(image, argument: argument)
        defer { end(sandbox) }
        return try run(sandbox, deadline: deadline)
    }

    /// - Returns: nil where the backend has no such slot.
    func settle(_ sandbox: Sandbox) -> dn_status? {
        guard let settle = table.context_settle else { return nil }
        var error = Self.error()
        return watch.call("context_settle") { settle(sandbox.handle, &error) }
    }

    func end(_ sandbox: Sandbox) {
        destroy(sandbox.handle)
        idle()
    }

    func destroy(_ context: OpaquePointer) { watch.call("context_destroy") { table.context_destroy?(context) } }

    /// Has the engine do all that it postponed.
    func idle() {
        var steps = 0
        while watch.call("engine_idle", { table.engine_idle?(engine, 1_000_000) }) == 1, steps < 10_000 { steps += 1 }
    }

    func map(_ sandbox: Sandbox, _ range: dn_file_range) -> dn_status {
        var (range, error) = (range, Self.error())
        return watch.call("context_map") { table.context_map?(sandbox.handle, &range, &error) ?? DN_UNSUPPORTED }
    }

    func export(_ sandbox: Sandbox, _ address: UInt64, _ length: UInt64) -> (status: dn_status, range: dn_file_range) {
        var (range, error) = (dn_file_range(), Self.error())
        range.struct_size = UInt32(MemoryLayout<dn_file_range>.size)
        let status = watch.call("context_export") {
            table.context_export?(sandbox.handle, address, length, &range, &error) ?? DN_UNSUPPORTED
        }
        return (status, range)
    }

    /// Nil when the plugin does not count.
    func memory(of sandbox: Sandbox) -> UInt64? {
        guard let memory = table.context_memory else { return nil }
        return watch.call("context_memory") { memory(sandbox.handle) }
    }

    func interrupt(_ run: UInt64) {
        watch.call("interrupt") { table.interrupt?(engine, run, DN_INTERRUPT_CANCEL) }
    }
}

/// A context that the image was placed in.
final class Sandbox {
    let handle: OpaquePointer
    private(set) var info = dn_context_info()
    private(set) var entryBlock: UInt64 = 0
    private(set) var systemData: UInt64 = 0
    private let rig: ComputeRig

    init(rig: ComputeRig, handle: OpaquePointer) {
        self.rig = rig
        self.handle = handle
    }

    fileprivate func prepare(_ image: OpaquePointer, _ argument: UInt64) throws {
        var error = ComputeRig.error()
        info.struct_size = UInt32(MemoryLayout<dn_context_info>.size)
        let asked = rig.watch.call("context_info") { rig.table.context_info?(handle, &info, &error) }
        try ComputeRig.check(asked, error, "context_info")
        let facts = try rig.facts(of: image)
        systemData = facts.system_data
        entryBlock = (facts.data_begin &+ 127) & ~127
        var block = dn_guest_entry()
        block.magic = DN_GUEST_ENTRY_MAGIC
        block.struct_size = UInt32(MemoryLayout<dn_guest_entry>.size)
        block.exit_address = info.exit_address
        block.system_data = facts.system_data
        block.stack_low = info.stack_low
        block.stack_high = info.stack_high
        block.random.0 = argument
        let status = withUnsafeBytes(of: block) { write(entryBlock, Array($0)) }
        try require(status == DN_OK, "context_write of the entry block gave \(ABIName.status(status))")
    }

    func write(_ address: UInt64, _ bytes: [UInt8]) -> dn_status {
        bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress else { return DN_OK }
            return write(address, base, claiming: UInt64(buffer.count))
        }
    }

    /// A right plugin reads nothing at `from` when the range is not the context's.
    func write(_ address: UInt64, _ from: UnsafeRawPointer, claiming length: UInt64) -> dn_status {
        var error = ComputeRig.error()
        return rig.watch.call("context_write") {
            rig.table.context_write?(handle, address, from, length, &error) ?? DN_FAILED
        }
    }

    /// Reads `claimed` bytes, of which a right plugin copies no more than fit into 4 KiB.
    func read(_ address: UInt64, claiming claimed: UInt64) -> (status: dn_status, bytes: [UInt8]) {
        var error = ComputeRig.error()
        var bytes = [UInt8](repeating: 0xee, count: 4096)
        let status = bytes.withUnsafeMutableBytes { buffer in
            guard let base = buffer.baseAddress else { return DN_FAILED }
            return rig.watch.call("context_read") {
                rig.table.context_read?(handle, address, base, claimed, &error) ?? DN_FAILED
            }
        }
        return (status, bytes)
    }

    func view(
        _ address: UInt64, _ length: UInt64, _ access: Int32 = DN_VIEW_READ | DN_VIEW_WRITE
    ) -> (status: dn_status, bytes: UnsafeMutableRawBufferPointer?) {
        var error = ComputeRig.error()
        var start: UnsafeMutableRawPointer?
        let status = rig.watch.call("context_view") {
            rig.table.context_view?(handle, address, length, access, &start, &error) ?? DN_FAILED
        }
        guard status == DN_OK, let start else { return (status, nil) }
        return (status, UnsafeMutableRawBufferPointer(start: start, count: Int(clamping: length)))
    }
}
