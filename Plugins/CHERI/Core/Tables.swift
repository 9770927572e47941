import CVersion
import Glibc
public import PluginABI
import PluginKit

// SAFETY of nonisolated(unsafe), here and below: written once, read-only afterwards, never freed.

private func permanent<T>(_ value: T) -> UnsafeMutablePointer<T> {
    let pointer = UnsafeMutablePointer<T>.allocate(capacity: 1)
    pointer.initialize(to: value)
    return pointer
}

private func text(_ value: String) -> UnsafePointer<CChar>? { UnsafePointer(strdup(value)) }

/// The plugin's descriptor (plugin.h).
public nonisolated(unsafe) let descriptor = permanent(
    dn_plugin(
        magic: DN_PLUGIN_MAGIC, struct_size: UInt32(MemoryLayout<dn_plugin>.size), abi_major: DN_ABI_MAJOR,
        abi_minor: DN_ABI_MINOR, pointer_bytes: UInt32(MemoryLayout<UnsafeRawPointer>.size),
        flags: 0, id: text("org.dandelion.cheri"), name: text("CHERI"), version: dandelion_version(),
        vendor: text("Dandelion for Swift"), license: text("Apache-2.0"),
        description: text("Runs functions in the node's own process, bounded by an Arm Morello CPU's capabilities."),
        config_schema: UnsafeRawPointer(Settings.schema.utf8Start).assumingMemoryBound(to: CChar.self),
        probe: { _, _, out, _ in
            Instance.probe(out)
            return DN_OK
        },
        start: { host, _, out, err in
            answering(err) { () throws(PluginError) in out.pointee = Handle.make(try Instance(host: host)) }
        },
        stop: { _ = Handle<Instance>.end($0) },
        get_interface: { strcmp($0, DN_COMPUTE_1) == 0 ? UnsafeRawPointer(compute) : nil }))

private nonisolated(unsafe) let compute = permanent(
    dn_compute(
        struct_size: UInt32(MemoryLayout<dn_compute>.size), padding: 0,
        capabilities: { instance, out, _ in
            writeOut(Handle<Instance>.borrow(instance).capabilities, to: out)
            return DN_OK
        },
        image_load: { instance, params, out, err in
            answering(err) { () throws(PluginError) in
                out.pointee = Handle.make(try Handle<Instance>.borrow(instance).load(readIn(params).bytes))
            }
        },
        image_info: { image, out, _ in
            writeOut(Handle<Image>.borrow(image).info, to: out)
            return DN_OK
        },
        image_unload: { _ = Handle<Image>.end($0) },
        engine_create: { instance, _, out, err in
            answering(err) { () throws(PluginError) in
                out.pointee = Handle.make(try Engine(instance: Handle<Instance>.borrow(instance)))
            }
        },
        engine_destroy: { _ = Handle<Engine>.end($0) },
        engine_idle: { engine, budget in Handle<Engine>.borrow(engine).idle(budget: budget) ? 1 : 0 },
        context_create: { engine, params, out, err in
            answering(err) { () throws(PluginError) in
                let slot = try Handle<Engine>.borrow(engine).takeSlot(limit: readIn(params).limit)
                // The engine owns its slots: the handle borrows, so that nothing is counted for each request.
                out.pointee = OpaquePointer(Unmanaged.passUnretained(slot).toOpaque())
            }
        },
        context_load: { context, image, err in
            answering(err) { () throws(PluginError) in
                try Handle<Slot>.borrow(context).place(Handle<Image>.borrow(image))
            }
        },
        context_info: { context, out, _ in
            writeOut(Handle<Slot>.borrow(context).info, to: out)
            return DN_OK
        },
        context_read: { context, address, to, length, err in
            answering(err) { () throws(PluginError) in
                memcpy(to, try Handle<Slot>.borrow(context).bytes(address, length), Int(length))
            }
        },
        context_write: { context, address, from, length, err in
            answering(err) { () throws(PluginError) in
                memcpy(try Handle<Slot>.borrow(context).writableBytes(address, length), from, Int(length))
            }
        },
        context_view: { context, address, length, access, out, err in
            answering(err) { () throws(PluginError) in
                let slot = Handle<Slot>.borrow(context)
                out.pointee =
                    access & DN_VIEW_WRITE == 0
                    ? try slot.bytes(address, length) : try slot.writableBytes(address, length)
            }
        },
        context_transfer: nil,
        context_destroy: { Handle<Slot>.borrow($0).release(as: .dirty) },
        run: { engine, context, params, result, err in
            answering(err) { () throws(PluginError) in
                let slot = Handle<Slot>.borrow(context)
                writeOut(try Handle<Engine>.borrow(engine).run(slot, readIn(params)), to: result)
            }
        },
        interrupt: { engine, run, reason in
            // SAFETY of the borrow on any thread: interrupt reads only what is fixed after the engine's init.
            Handle<Engine>.borrow(engine).interrupt(run: run, reason: reason)
        },
        context_settle: nil, image_snapshot: nil))
