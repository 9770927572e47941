import PluginABI
package import PluginKit

extension Module {
    /// Decodes a function's module, and checks what it imports.
    /// - Parameter entry: The exported function that a run calls; nil for the one that the module's kind has.
    package static func function(_ bytes: [UInt8], entry: String? = nil) throws(PluginError) -> Module {
        guard bytes.starts(with: [0x00, 0x61, 0x73, 0x6d]) else {
            throw PluginError(DN_UNSUPPORTED, "not a WebAssembly module")
        }
        return try checked { () throws(WasmError) in
            var module = try ModuleDecoder.decode(bytes)
            try checkImports(module)
            module.entry = entry
            return module
        }
    }

    /// A function gets a memory, and what WASI has.
    private static func checkImports(_ module: Module) throws(WasmError) {
        for entry in module.imports {
            let isMemory = entry.kind == .memory && entry.module == "env" && entry.name == "memory"
            let isCall = entry.kind == .function && entry.module == WasiServer.module
            guard !isMemory, !isCall else { continue }
            throw WasmError(
                .invalid,
                "import \(entry.module).\(entry.name) does not exist; there are env.memory and the functions of "
                    + WasiServer.module, at: entry.offset)
        }
    }
}

/// `body` with errors as the host takes them.
package func checked<Result>(_ body: () throws(WasmError) -> Result) throws(PluginError) -> Result {
    do throws(WasmError) { return try body() } catch { throw PluginError(error) }
}

extension PluginError {
    package init(_ error: WasmError) {
        let kind =
            switch error.kind {
            case .malformed: "malformed module"
            case .invalid: "invalid module"
            case .unsupported: "unsupported module"
            }
        self.init(
            DN_BAD_IMAGE, "\(kind): \(error.message) (byte \(error.offset))", at: UInt64(clamping: error.offset))
    }
}
