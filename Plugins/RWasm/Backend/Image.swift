import CRWasm
import Glibc
import PluginABI
import PluginSupport

/// A loaded module with its code.
final class Image: Sendable {
    /// The function's own module.
    let main: Part
    /// What serves its imports; nil for a module of the platform's own form.
    let wasi: Wasi?
    let steps: [Program.Step]
    let systemData: UInt64?
    /// The least that holds both modules' memories, bytes.
    let leastBytes: UInt64
    /// The shim's functions, by imported function.
    /// SAFETY: as in `Part`.
    nonisolated(unsafe) let served: UnsafePointer<UInt32>

    init(_ main: Part, wasi: Wasi?) throws(PluginError) {
        (self.main, self.wasi) = (main, wasi)
        let program = try Program(main.outline, server: wasi?.server)
        (steps, systemData) = (program.steps, program.systemData)
        leastBytes = main.minimumBytes + (wasi?.part.minimumBytes ?? 0)
        served = permanentCopy(program.served)
    }

    deinit { served.deallocate() }

    var module: Module { main.module }

    /// The module whose memory is the context.
    var front: Part { wasi?.part ?? main }

    var info: dn_image_info {
        var info = dn_image_info()
        info.pointer_bytes = 4
        info.entry = dn_gaddr(steps.last?.function ?? 0)
        info.system_data = systemData ?? .max
        info.data_begin = front.minimumBytes
        info.context_min = leastBytes + Part.pageBytes
        info.resident_bytes = UInt64(main.outline.module.bytes.count) * 4
        return info
    }
}
