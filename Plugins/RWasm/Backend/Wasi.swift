import CRWasm
import PluginABI
import PluginSupport

/// The module that serves WASI preview 1 imports, compiled like any other: it is not trusted. Its memory is the context, so
/// that the host's inputs lie in it; the function's own memory is reached by the copies that serve.c makes.
final class Wasi: Sendable {
    static let module = "wasi_snapshot_preview1"

    let part: Part
    let systemData: UInt64
    /// Its functions by what they are exported as.
    private let functions: [String: Int]
    let begin: UInt32
    let finish: UInt32
    /// What its imports are, RWASM_REACH_*.
    /// SAFETY: as in `Part`.
    nonisolated(unsafe) let reach: UnsafePointer<UInt32>

    init(_ part: Part) throws(PluginError) {
        let module = part.module
        var functions: [String: Int] = [:]
        for export in module.exports where export.kind == .function { functions[export.name] = export.index }
        guard let begin = functions.removeValue(forKey: "begin"), let finish = functions.removeValue(forKey: "finish"),
            let data = try Image.systemData(of: part)
        else { throw PluginError(DN_FAILED, "the WASI shim lacks its own exports") }
        (self.part, self.functions, systemData) = (part, functions, data)
        (self.begin, self.finish) = (UInt32(begin), UInt32(finish))
        let numbers = ["load": RWASM_REACH_LOAD, "store": RWASM_REACH_STORE, "claim": RWASM_REACH_CLAIM]
        let imported = module.imports.filter { $0.kind == .function }
        reach = permanentCopy(imported.map { UInt32(numbers[$0.name] ?? .max) })
    }

    deinit { reach.deallocate() }

    var reachCount: UInt32 { UInt32(part.module.importedFunctions) }

    /// Whether a module is served: it imports from WASI, or it knows no other way to inputs and outputs.
    static func serves(_ module: Module) -> Bool {
        module.imports.contains { $0.module == Self.module }
            || module.export("__dandelion_system_data", .global) == nil
    }

    /// The shim's function for each function that `module` imports; a missing one is named.
    func functions(for module: Module) throws(PluginError) -> [UInt32] {
        var found: [UInt32] = []
        for entry in module.imports where entry.kind == .function {
            let name = "\(entry.module).\(entry.name)"
            guard entry.module == Self.module, let function = functions[entry.name] else {
                throw PluginError(WasmError(.invalid, "import \(name) does not exist", at: entry.offset))
            }
            let type = part.module.type(ofFunction: function)
            guard module.type(ofFunction: entry.index) == type else {
                throw PluginError(WasmError(.invalid, "import \(name) has another type", at: entry.offset))
            }
            found.append(UInt32(function))
        }
        return found
    }
}
