import CRWasm
import PluginABI
import PluginKit
import RWasmCore

/// The module that serves WASI preview 1 imports, compiled like any other: it is not trusted. Its memory is the context, so
/// that the host's inputs lie in it; the function's own memory is reached by the copies that serve.c makes.
final class Wasi: Sendable {
    let part: Part
    let server: WasiServer
    /// What its imports are, RWASM_REACH_*.
    /// SAFETY: as in `Part`.
    nonisolated(unsafe) let reach: UnsafePointer<UInt32>

    init(_ part: Part) throws(PluginError) {
        self.part = part
        server = try WasiServer(part.instantiable)
        let numbers = [
            WasiServer.Reach.load: RWASM_REACH_LOAD, .store: RWASM_REACH_STORE, .claim: RWASM_REACH_CLAIM,
        ]
        reach = permanentCopy(server.reach.map { UInt32(numbers[$0] ?? .max) })
    }

    deinit { reach.deallocate() }

    var reachCount: UInt32 { UInt32(part.module.importedFunctions) }
}
