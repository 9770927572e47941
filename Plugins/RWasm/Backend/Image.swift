import CRWasm
import Glibc
import PluginABI
import PluginKit
import RWasmCore

/// A loaded module with its code.
final class Image: ComputeImage, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: fixed after init; `Part` locks.
    /// The function's own module.
    let main: Part
    /// What serves its imports; nil for a module of the platform's own form.
    let wasi: Wasi?
    /// What the module's memory begins with, where it is mapped.
    let initialMemory: ImageContents?
    let steps: [Program.Step]
    let systemData: UInt64?
    /// The least that holds both modules' memories, bytes.
    let leastBytes: UInt64
    /// What instances take beside their memories, as far as it counts against the limit: all, when it is more than one page.
    let instanceBytes: UInt64
    /// Whether a table may grow while the module's own memory is the context.
    private let growsTables: Bool
    let importedFunctions: UInt32
    /// The shim's functions, by imported function.
    /// SAFETY: as in `Part`.
    nonisolated(unsafe) let served: UnsafePointer<UInt32>

    init(_ main: Part, wasi: Wasi?) throws(PluginError) {
        (self.main, self.wasi) = (main, wasi)
        let program = try Program(main.instantiable, server: wasi?.server)
        (steps, systemData) = (program.steps, program.systemData)
        initialMemory = try main.initialMemory()
        leastBytes = main.minimumBytes + (wasi?.part.minimumBytes ?? 0)
        let size = main.cast.layout.size + (wasi?.part.cast.layout.size ?? 0)
        guard size < Slot.areaBytes else {
            throw PluginError(
                DN_BAD_IMAGE,
                "the module's tables and globals need \(size >> 20) MiB; there are addresses for \(Slot.areaBytes >> 20)"
            )
        }
        let firstBytes = UInt64(main.cast.layout.firstBytes + (wasi?.part.cast.layout.firstBytes ?? 0))
        instanceBytes = firstBytes <= Part.pageBytes ? 0 : firstBytes
        // A module is copied part by part: what a run needs of it is kept here.
        let module = main.module
        growsTables =
            wasi == nil && module.tables.contains { ($0.limits.maximum ?? .max) > $0.limits.minimum }
        importedFunctions = UInt32(module.importedFunctions)
        served = permanentCopy(program.served)
    }

    deinit { served.deallocate() }

    /// The module whose memory is the context.
    var front: Part { wasi?.part ?? main }

    /// Of a memory that is the context, all is accessible from the beginning; tables that can grow get a part of the limit.
    func tableReserve(of limit: UInt64) -> UInt64 { growsTables ? max(Part.pageBytes, limit / 64) : 0 }

    override var info: dn_image_info {
        var info = dn_image_info()
        info.pointer_bytes = 4
        info.entry = dn_gaddr(steps.last?.function ?? 0)
        info.system_data = systemData ?? .max
        info.data_begin = front.minimumBytes
        // The least limit that leaves `leastBytes` and a page for inputs: a reserve for tables grows with the limit.
        info.context_min = leastBytes + Part.pageBytes + instanceBytes + tableReserve(of: leastBytes * 2)
        info.resident_bytes = UInt64(main.instantiable.module.bytes.count) * 4
        (info.version, info.version_reason) = main.version
        return info
    }
}
