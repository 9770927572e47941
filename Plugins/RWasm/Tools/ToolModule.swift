import CRWasm
import Glibc
import PluginABI
import PluginKit
import RWasmCore

/// A module that a command works on: compiled alone, with one instance.
final class ToolModule {
    let module: Module
    let instance: LinkedInstance
    private let store: Store
    private let code: Code

    /// Reads, checks, compiles and instantiates; throws what a user should read.
    init(_ path: String, _ level: Builder.Level, calling call: rwasm_entry_call) throws(PluginError) {
        let bytes = try Files.read(path)
        module = try checked { () throws(WasmError) in try ModuleDecoder.decode(bytes) }
        code = try Self.compile(module, level)
        store = try Store(try Caller(call))
        let trap: Trap?
        do throws(LinkError) {
            (instance, trap) = try store.instantiate(module, code.descriptor()) { [store] from, name in
                from == "spectest" ? store.spectest[name] : nil
            }
        } catch {
            throw PluginError(DN_BAD_IMAGE, error.message)
        }
        if let trap { throw PluginError(DN_BAD_IMAGE, "instantiating \(path): \(trap.message)") }
    }

    static func builder(
        limits: Toolchain.Limits = Toolchain.Limits(memory: 8 << 30, seconds: 600)
    ) throws(PluginError) -> Builder {
        Builder(toolchain: try Toolchain("rustc"), limits: limits, processor: try Builder.thisProcessor())
    }

    private static func compile(_ module: Module, _ level: Builder.Level) throws(PluginError) -> Code {
        let crates = try checked { () throws(WasmError) in
            try Crates.sole(module, exports: .bySignature, shape: level.shape)
        }
        return try Code(try builder().build(crates, level, in: try Cache(nil, budget: .max)), level)
    }

    func function(_ name: String) throws(PluginError) -> Int {
        if let index = module.export(name, .function) { return index }
        let names = module.exports.filter { $0.kind == .function }.map(\.name)
        throw PluginError(
            DN_INVALID,
            "no function '\(name)' is exported; there are \(names.isEmpty ? "none" : names.joined(separator: ", "))")
    }

    func call(_ function: Int, _ arguments: [rwasm_value]) -> (values: [rwasm_value], trap: Trap?) {
        store.call(instance, function, arguments)
    }
}
