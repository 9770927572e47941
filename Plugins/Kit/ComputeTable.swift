import Glibc
public import PluginABI

/// The table of dn.compute/1 (compute.h) over the classes of Compute.swift.
public func computeTable(_ optional: ComputeSlots = []) -> UnsafePointer<dn_compute> {
    var table = dn_compute()
    table.struct_size = UInt32(MemoryLayout<dn_compute>.size)
    fillImages(&table)
    fillEngines(&table)
    fillContexts(&table)
    fillMemory(&table)
    if optional.contains(.settles) {
        table.context_settle = { handle, err in
            answering(err) { () throws(PluginError) in try context(handle).settle() }
        }
    }
    if optional.contains(.snapshots) {
        table.image_snapshot = { handle, begin, out, err in
            making(out, err) { () throws(PluginError) in try context(handle).snapshot(dataBegin: begin) }
        }
    }
    if optional.contains(.restores) { fillRestoring(&table) }
    if optional.contains(.mapsFiles) { fillFiles(&table) }
    return permanent(&table, size: MemoryLayout<dn_compute>.size)
}

private func fillRestoring(_ table: inout dn_compute) {
    table.image_save = { handle, sink, argument, err in
        answering(err) { () throws(PluginError) in
            try image(handle).save { piece throws(PluginError) in
                // SAFETY: the host vouches for its sink, and the piece lives until it returns.
                let bytes = dn_bytes(
                    data: piece.baseAddress?.assumingMemoryBound(to: UInt8.self), len: UInt64(piece.count))
                let status = sink(argument, bytes)
                guard status == DN_OK else { throw PluginError(status, "no more of the snapshot is wanted") }
            }
        }
    }
    table.image_restore = { handle, bytes, out, err in
        making(out, err) { () throws(PluginError) in
            // SAFETY: borrow-call bytes of the host.
            try image(handle).restored(UnsafeRawBufferPointer(start: bytes.data, count: Int(clamping: bytes.len)))
        }
    }
}

private func fillFiles(_ table: inout dn_compute) {
    table.context_map = { handle, range, err in
        answering(err) { () throws(PluginError) in try context(handle).map(readIn(range)) }
    }
    table.context_export = { handle, address, length, out, err in
        answering(err) { () throws(PluginError) in writeOut(try context(handle).export(address, length), to: out) }
    }
    table.context_memory = { context($0).memoryTaken }
}

private func instance(_ handle: OpaquePointer) -> ComputeInstance { Handle.borrow(handle) }
private func image(_ handle: OpaquePointer) -> ComputeImage { Handle.borrow(handle) }
private func engine(_ handle: OpaquePointer) -> ComputeEngine { Handle.borrow(handle) }
private func context(_ handle: OpaquePointer) -> ComputeContext { Handle.borrow(handle) }

private func fillImages(_ table: inout dn_compute) {
    table.capabilities = { handle, out, _ in
        writeOut(instance(handle).capabilities, to: out)
        return DN_OK
    }
    table.image_load = { handle, params, out, err in
        making(out, err) { () throws(PluginError) in try instance(handle).load(readIn(params)) }
    }
    table.image_info = { handle, out, _ in
        writeOut(image(handle).info, to: out)
        return DN_OK
    }
    table.image_unload = { _ = Handle<ComputeImage>.end($0) }
}

private func fillEngines(_ table: inout dn_compute) {
    table.engine_create = { handle, params, out, err in
        making(out, err) { () throws(PluginError) in try instance(handle).makeEngine(readIn(params)) }
    }
    table.engine_destroy = { _ = Handle<ComputeEngine>.end($0) }
    table.engine_idle = { engine($0).idle(budget: $1) ? 1 : 0 }
    table.run = { handle, loaded, params, result, err in
        answering(err) { () throws(PluginError) in
            writeOut(try engine(handle).run(context(loaded), readIn(params)), to: result)
        }
    }
    table.interrupt = { engine($0).interrupt(run: $1, reason: $2) }
}

private func fillContexts(_ table: inout dn_compute) {
    table.context_create = { handle, params, out, err in
        making(out, err) { () throws(PluginError) in try engine(handle).makeContext(readIn(params)) }
    }
    table.context_load = { handle, loaded, err in
        answering(err) { () throws(PluginError) in try context(handle).load(image(loaded)) }
    }
    table.context_info = { handle, out, _ in
        writeOut(context(handle).info, to: out)
        return DN_OK
    }
    table.context_destroy = { Handle<ComputeContext>.end($0).release() }
}

private func fillMemory(_ table: inout dn_compute) {
    table.context_read = { handle, address, to, length, err in
        answering(err) { () throws(PluginError) in
            // SAFETY: `view` checks the range, and the host vouches for `to`.
            memcpy(to, try context(handle).view(address, length, writing: false), Int(length))
        }
    }
    table.context_write = { handle, address, from, length, err in
        answering(err) { () throws(PluginError) in
            // SAFETY: `view` checks the range, and the host vouches for `from`.
            memcpy(try context(handle).view(address, length, writing: true), from, Int(length))
        }
    }
    table.context_view = { handle, address, length, access, out, err in
        answering(err) { () throws(PluginError) in
            out.pointee = try context(handle).view(address, length, writing: access & DN_VIEW_WRITE != 0)
        }
    }
}
