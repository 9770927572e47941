import CPlugin
import Glibc

/// The plugin's entry, its one exported symbol (dandelion/plugin.h).
@c(dn_plugin_entry_v1)
public func pluginEntry(_ hostMinor: UInt32) -> UnsafePointer<dn_plugin>? { UnsafePointer(descriptor) }

/// A started plugin: all state hangs from here, so that two of them can live side by side.
final class Instance: Sendable {
    /// Most memory of one function, bytes.
    let contextMax: UInt64

    init(_ host: UnsafePointer<dn_host>) {
        contextMax = UInt64(setting(host, "context_max_mib", default: 1024)) << 20
    }
}

/// The host refuses a configuration that does not fit this, with file, line and column, before it calls start.
private let schema: StaticString = """
    {"type": "object", "properties": {
      "context_max_mib": {"type": "integer", "description": "Most memory of one function, MiB.", "default": 1024,
                          "minimum": 1, "maximum": 1048576}}}
    """

private let advice = "an example: functions are interpreted in the node's own process, without hardware isolation"

// SAFETY of nonisolated(unsafe): written once by the initialiser, read-only afterwards.
nonisolated(unsafe) private let descriptor = permanent(
    dn_plugin(
        magic: DN_PLUGIN_MAGIC, struct_size: UInt32(MemoryLayout<dn_plugin>.size), abi_major: DN_ABI_MAJOR,
        abi_minor: DN_ABI_MINOR, pointer_bytes: UInt32(MemoryLayout<UnsafeRawPointer>.size),
        flags: DN_PLUGIN_RELOADABLE, id: text("org.example.__NAME__"), name: text("__NAME__"), version: text("0.1.0"),
        vendor: text("example.org"), license: text("Apache-2.0"),
        description: text("Interprets images of a small text format in the node's own memory."),
        config_schema: text(schema),
        // An interpreter runs anywhere, but the operator should know what it is.
        probe: { _, _, out, _ in
            out.pointee.availability = DN_AVAILABLE
            out.pointee.reason = DN_REASON_NONE
            write(advice, into: &out.pointee.message)
            return DN_OK
        },
        start: { host, _, out, _ in
            out.pointee = Handle.make(Instance(host))
            return DN_OK
        },
        stop: { _ = Handle<Instance>.end($0) },
        get_interface: { strcmp($0, DN_COMPUTE_1) == 0 ? UnsafeRawPointer(table) : nil }))

/// The slots of dandelion/compute.h. What is not set here is optional.
nonisolated(unsafe) private let table: UnsafeMutablePointer<dn_compute> = {
    let table = permanent(dn_compute())
    table.pointee.struct_size = UInt32(MemoryLayout<dn_compute>.size)
    fillImages(&table.pointee)
    fillEngines(&table.pointee)
    fillContexts(&table.pointee)
    return table
}()

private func fillImages(_ table: inout dn_compute) {
    table.capabilities = { handle, out, _ in
        out.pointee.isolation = DN_ISOLATION_SOFTWARE
        out.pointee.flags = DN_COMPUTE_HOST_VISIBLE | DN_COMPUTE_FAULT_ADDRESS
        out.pointee.image_formats = text("tiny")
        out.pointee.context_max = Handle<Instance>.borrow(handle).contextMax
        out.pointee.contexts_per_engine = 0
        out.pointee.interrupt_latency = 1_000_000
        return DN_OK
    }
    table.image_load = { _, params, out, err in
        answering(err) { () throws(PluginError) in
            let bytes = params.pointee.bytes
            // SAFETY: the host vouches for len bytes at data during this call.
            let text = UnsafeBufferPointer(start: bytes.data, count: Int(clamping: bytes.len))
            out.pointee = Handle.make(try Image(text))
        }
    }
    table.image_info = { handle, out, _ in
        out.pointee.pointer_bytes = 8
        out.pointee.entry = 0
        out.pointee.system_data = Layout.systemData
        out.pointee.data_begin = Layout.dataBegin
        out.pointee.context_min = Layout.smallestContext
        out.pointee.resident_bytes = UInt64(
            Handle<Image>.borrow(handle).code.count * MemoryLayout<Instruction>.stride)
        return DN_OK
    }
    table.image_unload = { _ = Handle<Image>.end($0) }
}

private func fillEngines(_ table: inout dn_compute) {
    table.engine_create = { handle, _, out, _ in
        out.pointee = Handle.make(Engine(Handle<Instance>.borrow(handle)))
        return DN_OK
    }
    table.engine_destroy = { _ = Handle<Engine>.end($0) }
    table.run = { engine, context, params, result, err in
        answering(err) { () throws(PluginError) in
            try Handle<Engine>.borrow(engine).run(
                Handle<Context>.borrow(context), params.pointee, &result.pointee)
        }
    }
    table.interrupt = { Handle<Engine>.borrow($0).interrupt($1, $2) }
}

private func fillContexts(_ table: inout dn_compute) {
    table.context_create = { engine, params, out, err in
        answering(err) { () throws(PluginError) in
            let most = Handle<Engine>.borrow(engine).instance.contextMax
            out.pointee = Handle.make(try Context(limit: params.pointee.limit, most: most))
        }
    }
    table.context_load = { context, image, err in
        answering(err) { () throws(PluginError) in
            try Handle<Context>.borrow(context).place(Handle<Image>.borrow(image))
        }
    }
    table.context_info = { context, out, _ in
        out.pointee.low = Layout.low
        out.pointee.limit = Handle<Context>.borrow(context).limit
        (out.pointee.stack_low, out.pointee.stack_high, out.pointee.exit_address) = (0, 0, 0)
        return DN_OK
    }
    table.context_read = { context, address, to, length, err in
        answering(err) { () throws(PluginError) in
            to.copyMemory(
                from: try Handle<Context>.borrow(context).bytes(address, length), byteCount: Int(length))
        }
    }
    table.context_write = { context, address, from, length, err in
        answering(err) { () throws(PluginError) in
            try Handle<Context>.borrow(context).bytes(address, length).copyMemory(from: from, byteCount: Int(length))
        }
    }
    table.context_view = { context, address, length, _, out, err in
        answering(err) { () throws(PluginError) in
            out.pointee = try Handle<Context>.borrow(context).bytes(address, length)
        }
    }
    table.context_destroy = { _ = Handle<Context>.end($0) }
}
