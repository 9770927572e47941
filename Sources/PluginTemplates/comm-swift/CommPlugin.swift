import CPlugin
import Glibc

/// The plugin's entry, its one exported symbol (dandelion/plugin.h).
@c(dn_plugin_entry_v1)
public func pluginEntry(_ hostMinor: UInt32) -> UnsafePointer<dn_plugin>? { UnsafePointer(descriptor) }

/// A started plugin: all its state hangs from here or from its reactors, so that two of them can live side by side.
final class Instance: Sendable {
    /// Bytes of one request.
    let maxBytes: Int
    /// Nanoseconds between a request and its answer.
    let delay: UInt64

    init(_ host: UnsafePointer<dn_host>) {
        maxBytes = Int(setting(host, "max_bytes", default: 1 << 20))
        delay = UInt64(setting(host, "delay_ms", default: 0)) * 1_000_000
    }
}

/// The host refuses a configuration that does not fit this, with file, line and column, before it calls start.
private let schema: StaticString = """
    {"type": "object", "properties": {
      "max_bytes": {"type": "integer", "description": "Largest request, bytes.", "default": 1048576,
                    "minimum": 1, "maximum": 1073741824},
      "delay_ms": {"type": "integer", "description": "Milliseconds between a request and its answer.", "default": 0,
                   "minimum": 0, "maximum": 60000}}}
    """

// SAFETY of nonisolated(unsafe): written once by the initialiser, read-only afterwards.
nonisolated(unsafe) private let descriptor = permanent(
    dn_plugin(
        magic: DN_PLUGIN_MAGIC, struct_size: UInt32(MemoryLayout<dn_plugin>.size), abi_major: DN_ABI_MAJOR,
        abi_minor: DN_ABI_MINOR, pointer_bytes: UInt32(MemoryLayout<UnsafeRawPointer>.size),
        flags: DN_PLUGIN_RELOADABLE, id: text("org.example.__NAME__"), name: text("__NAME__"), version: text("0.1.0"),
        vendor: text("example.org"), license: text("Apache-2.0"),
        description: text("Answers each request with itself."),
        config_schema: text(schema),
        // An echo needs nothing of the machine; a real protocol would look for its library.
        probe: { _, _, out, _ in
            out.pointee.availability = DN_AVAILABLE
            out.pointee.reason = DN_REASON_NONE
            write("", into: &out.pointee.message)
            return DN_OK
        },
        start: { host, _, out, _ in
            out.pointee = Handle.make(Instance(host))
            return DN_OK
        },
        stop: { _ = Handle<Instance>.end($0) },
        get_interface: { strcmp($0, DN_COMM_1) == 0 ? UnsafeRawPointer(table) : nil }))

// SAFETY of nonisolated(unsafe), here and below: written once by the initialiser, read-only afterwards.
nonisolated(unsafe) private let signature = permanent(
    dn_comm_signature(inputs: text("requests"), outputs: text("answers")))
nonisolated(unsafe) private let offered = permanent(
    dn_comm_protocol(
        struct_size: UInt32(MemoryLayout<dn_comm_protocol>.size), signature_count: 1, name: text("echo"),
        signatures: UnsafePointer(signature)))

/// The slots of dandelion/comm.h.
nonisolated(unsafe) private let table = permanent(
    dn_comm(
        struct_size: UInt32(MemoryLayout<dn_comm>.size), padding: 0,
        protocols: { _, out, count, _ in
            out.pointee = UnsafePointer(offered)
            count.pointee = 1
            return DN_OK
        },
        validate: { handle, request, out, err in
            answering(err) { () throws(PluginError) in
                _ = try Handle<Instance>.borrow(handle).check(request.pointee)
                out.pointee.idempotent = DN_IDEMPOTENT_YES
                out.pointee.body_offset = 0
                write("echo", into: &out.pointee.target)
            }
        },
        reactor_create: { handle, params, out, err in
            answering(err) { () throws(PluginError) in
                let most = params.pointee.max_inflight
                out.pointee = Handle.make(try Reactor(Handle<Instance>.borrow(handle), maxInflight: most))
            }
        },
        reactor_destroy: { _ = Handle<Reactor>.end($0) },
        reactor_fd: { Handle<Reactor>.borrow($0).descriptor },
        submit: { handle, request, err in
            answering(err) { () throws(PluginError) in try Handle<Reactor>.borrow(handle).submit(request.pointee) }
        },
        poll: { handle, timeout, out, capacity, count, _ in
            let done = Handle<Reactor>.borrow(handle).poll(timeout, out, Int(clamping: capacity))
            count.pointee = UInt64(done)
            return DN_OK
        },
        wake: { Handle<Reactor>.borrow($0).wake() },
        cancel: { Handle<Reactor>.borrow($0).cancel($1) },
        release: { Handle<Reactor>.borrow($0).release($1) }))
