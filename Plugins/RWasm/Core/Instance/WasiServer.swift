import PluginABI
package import PluginKit

/// What a module that serves WASI preview 1 imports offers, and what it asks of its surroundings.
package struct WasiServer: Sendable {
    package static let module = "wasi_snapshot_preview1"

    package enum Reach: String, Sendable { case load, store, claim }

    package let instantiable: InstantiableModule
    package let systemData: UInt64
    /// Its functions by what they are exported as.
    private let functions: [String: Int]
    package let begin: UInt32
    let finish: UInt32
    /// What its imports are.
    package let reach: [Reach]

    package init(_ instantiable: InstantiableModule) throws(PluginError) {
        let module = instantiable.module
        var functions: [String: Int] = [:]
        for export in module.exports where export.kind == .function { functions[export.name] = export.index }
        let reach = module.imports.filter { $0.kind == .function }.compactMap { Reach(rawValue: $0.name) }
        guard let begin = functions.removeValue(forKey: "begin"), let finish = functions.removeValue(forKey: "finish"),
            let data = try instantiable.systemData(), reach.count == module.importedFunctions
        else { throw PluginError(DN_FAILED, "the WASI shim lacks its own exports, or imports what does not exist") }
        (self.instantiable, self.functions, systemData, self.reach) = (instantiable, functions, data, reach)
        (self.begin, self.finish) = (UInt32(begin), UInt32(finish))
    }

    /// The one that is built into this plugin.
    package static func shim() throws(PluginError) -> WasiServer {
        try WasiServer(InstantiableModule(try builtIn(), isLinkable: true))
    }

    /// Its module.
    package static func builtIn() throws(PluginError) -> Module {
        try checked { () throws(WasmError) in try ModuleDecoder.decode(wasiShim) }
    }

    /// The shim's function for each function that `module` imports; a missing one is named.
    package func functions(for module: Module) throws(PluginError) -> [UInt32] {
        var found: [UInt32] = []
        for entry in module.imports where entry.kind == .function {
            let name = "\(entry.module).\(entry.name)"
            guard entry.module == Self.module, let function = functions[entry.name] else {
                throw PluginError(WasmError(.invalid, "import \(name) does not exist", at: entry.offset))
            }
            let type = instantiable.module.type(ofFunction: function)
            guard module.type(ofFunction: entry.index) == type else {
                throw PluginError(WasmError(.invalid, "import \(name) has another type", at: entry.offset))
            }
            found.append(UInt32(function))
        }
        return found
    }

    /// Whether a module is served: it imports from WASI, or it knows no other way to inputs and outputs.
    package static func serves(_ module: Module) -> Bool {
        module.imports.contains { $0.module == Self.module }
            || module.export("__dandelion_system_data", .global) == nil
    }
}
