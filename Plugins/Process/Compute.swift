import CProcess
import Glibc
import PluginABI
import PluginKit

// Written once before it is published, and never freed: the ABI makes it static.
nonisolated(unsafe) let computeTable: UnsafePointer<dn_compute> = {
    let table = UnsafeMutablePointer<dn_compute>.allocate(capacity: 1)
    table.initialize(to: dn_compute())
    table.pointee.struct_size = UInt32(MemoryLayout<dn_compute>.size)
    fillImages(table)
    fillEngines(table)
    fillContexts(table)
    return UnsafePointer(table)
}()

private func fillImages(_ table: UnsafeMutablePointer<dn_compute>) {
    table.pointee.capabilities = { handle, out, _ in
        let settings = Handle<Instance>.borrow(handle).settings
        var caps = dn_compute_caps()
        caps.isolation = DN_ISOLATION_PROCESS
        caps.flags = DN_COMPUTE_HOST_VISIBLE | DN_COMPUTE_FAULT_ADDRESS | DN_COMPUTE_SYSCALL_NUMBER
        caps.image_formats = UnsafeRawPointer(imageFormats.utf8Start).assumingMemoryBound(to: CChar.self)
        caps.context_max = settings.contextMax
        caps.contexts_per_engine = UInt64(settings.pool)
        caps.interrupt_latency = 1_000_000
        writeOut(caps, to: out)
        return DN_OK
    }
    table.pointee.image_load = { handle, params, out, err in
        answering(err) { () throws(PluginError) in
            let bytes = readIn(params).bytes
            let buffer = UnsafeRawBufferPointer(start: bytes.data, count: Int(clamping: bytes.len))
            out.pointee = Handle.make(
                try Image(buffer, contextMax: Handle<Instance>.borrow(handle).settings.contextMax))
        }
    }
    table.pointee.image_info = { handle, out, _ in
        writeOut(Handle<Image>.borrow(handle).info, to: out)
        return DN_OK
    }
    table.pointee.image_unload = { handle in _ = Handle<Image>.end(handle) }
}

private let imageFormats: StaticString = "elf-x86_64"

private func fillEngines(_ table: UnsafeMutablePointer<dn_compute>) {
    table.pointee.engine_create = { handle, params, out, err in
        answering(err) { () throws(PluginError) in
            let instance = Handle<Instance>.borrow(handle)
            out.pointee = Handle.make(
                try Engine(instance.settings, instance.services, pinned: readIn(params).core >= 0))
        }
    }
    table.pointee.engine_destroy = { handle in Handle<Engine>.end(handle).destroy() }
    table.pointee.engine_idle = { handle, budget in Handle<Engine>.borrow(handle).idle(budget: budget) ? 1 : 0 }
    table.pointee.run = { handle, context, params, result, err in
        answering(err) { () throws(PluginError) in
            let engine = Handle<Engine>.borrow(handle)
            writeOut(try engine.run(Handle<Context>.borrow(context), readIn(params)), to: result)
        }
    }
    table.pointee.interrupt = { handle, run, reason in
        Handle<Engine>.borrow(handle).runs.interrupt(run, reason: reason)
    }
}

private func fillContexts(_ table: UnsafeMutablePointer<dn_compute>) {
    table.pointee.context_create = { handle, params, out, err in
        answering(err) { () throws(PluginError) in
            let context = try Handle<Engine>.borrow(handle).hold(limit: readIn(params).limit)
            // The engine's pool owns the context; the handle only names it.
            out.pointee = OpaquePointer(Unmanaged.passUnretained(context).toOpaque())
        }
    }
    table.pointee.context_load = { handle, image, err in
        answering(err) { () throws(PluginError) in
            try Handle<Context>.borrow(handle).load(Handle<Image>.borrow(image))
        }
    }
    table.pointee.context_info = { handle, out, _ in
        writeOut(Handle<Context>.borrow(handle).info, to: out)
        return DN_OK
    }
    table.pointee.context_read = { handle, address, to, size, err in
        answering(err) { () throws(PluginError) in
            // Safe: view checked the range, and the host vouches for `to`.
            to.copyMemory(from: try Handle<Context>.borrow(handle).view(address, size), byteCount: Int(size))
        }
    }
    table.pointee.context_write = { handle, address, from, size, err in
        answering(err) { () throws(PluginError) in
            // Safe: view checked the range, and the host vouches for `from`.
            try Handle<Context>.borrow(handle).view(address, size).copyMemory(from: from, byteCount: Int(size))
        }
    }
    table.pointee.context_view = { handle, address, size, _, out, err in
        answering(err) { () throws(PluginError) in
            out.pointee = try Handle<Context>.borrow(handle).view(address, size)
        }
    }
    table.pointee.context_settle = { handle, _ in
        Handle<Context>.borrow(handle).settle()
        return DN_OK
    }
    table.pointee.context_destroy = { handle in Handle<Context>.borrow(handle).release() }
}
