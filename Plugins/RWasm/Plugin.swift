import CRWasm
import CVersion
import Glibc
public import PluginABI
import PluginKit

/// The entry of the plugin; see plugin.h.
@c(dn_plugin_entry_v1)
public func pluginEntry(hostMinor: UInt32) -> UnsafePointer<dn_plugin>? { UnsafePointer(descriptor) }

// SAFETY of nonisolated(unsafe), here and below: written once, read-only afterwards, never freed.

private func permanent<T>(_ value: T) -> UnsafeMutablePointer<T> {
    let pointer = UnsafeMutablePointer<T>.allocate(capacity: 1)
    pointer.initialize(to: value)
    return pointer
}

private func text(_ value: String) -> UnsafePointer<CChar>? { UnsafePointer(strdup(value)) }

private nonisolated(unsafe) let descriptor = permanent(
    dn_plugin(
        magic: DN_PLUGIN_MAGIC, struct_size: UInt32(MemoryLayout<dn_plugin>.size), abi_major: DN_ABI_MAJOR,
        abi_minor: DN_ABI_MINOR, pointer_bytes: UInt32(MemoryLayout<UnsafeRawPointer>.size),
        flags: DN_PLUGIN_RELOADABLE, id: text("org.dandelion.rwasm"), name: text("RWasm"), version: dandelion_version(),
        vendor: text("Dandelion for Swift"), license: text("Apache-2.0"),
        description: text("Runs WebAssembly modules as native code that was compiled from safe Rust."),
        config_schema: text(Instance.schema),
        probe: { host, _, out, _ in
            Instance.probe(host, out)
            return DN_OK
        },
        start: { host, _, out, err in
            answering(err) { () throws(PluginError) in out.pointee = Handle.make(try Instance(host: host)) }
        },
        stop: { _ = Handle<Instance>.end($0) },
        get_interface: { id in
            switch String(cString: id) {
            case DN_COMPUTE_1: UnsafeRawPointer(compute)
            case DN_TRANSLATE_1: UnsafeRawPointer(translate)
            default: nil
            }
        }))

private nonisolated(unsafe) let translate = permanent(
    dn_translate(
        struct_size: UInt32(MemoryLayout<dn_translate>.size), padding: 0,
        translate: { instance, params, err in
            answering(err) { () throws(PluginError) in
                try Handle<Instance>.borrow(instance).translate(readIn(params))
            }
        }))

private nonisolated(unsafe) let compute = permanent(
    dn_compute(
        struct_size: UInt32(MemoryLayout<dn_compute>.size), padding: 0,
        capabilities: { instance, out, _ in
            writeOut(Handle<Instance>.borrow(instance).capabilities, to: out)
            return DN_OK
        },
        image_load: { instance, params, out, err in
            answering(err) { () throws(PluginError) in
                out.pointee = Handle.make(try Handle<Instance>.borrow(instance).load(readIn(params)))
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
                memcpy(try Handle<Slot>.borrow(context).bytes(address, length), from, Int(length))
            }
        },
        context_view: { context, address, length, _, out, err in
            answering(err) { () throws(PluginError) in
                out.pointee = try Handle<Slot>.borrow(context).bytes(address, length)
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
