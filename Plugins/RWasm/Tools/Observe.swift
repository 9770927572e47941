public import CRWasm
import Glibc
import PluginABI
import PluginKit
import RWasmCore

/// Runs every export of many modules with fixed arguments and prints what can be seen of them, for comparison with another
/// engine; fuzz.py prints the same.
public enum Observe {
    /// The exit code: 0, or 2 when the modules could not be compiled.
    public static func main(_ files: [String], level: String, areLinkable: Bool, calling call: rwasm_entry_call)
        -> Int32
    {
        do throws(PluginError) {
            try run(files, Builder.Level(rawValue: level) ?? .quick, areLinkable, try Caller(call))
            return 0
        } catch {
            print("dandelion wasm: \(error.message)")
            return 2
        }
    }

    private static func run(
        _ files: [String], _ level: Builder.Level, _ areLinkable: Bool, _ caller: Caller
    ) throws(PluginError) {
        var modules: [Module] = []
        for file in files {
            let bytes = try Files.read(file)
            modules.append(try checked { () throws(WasmError) in try ModuleDecoder.decode(bytes) })
        }
        let crates = try checked { () throws(WasmError) in
            try Crates.together(modules, isLinkable: areLinkable, exports: .bySignature)
        }
        let code = try Code(try ToolModule.builder().build(crates, level, in: try Cache(nil, budget: .max)), level)
        for (index, module) in modules.enumerated() {
            print("module \(files[index].split(separator: "/").last ?? "")")
            try observe(module, globals: areLinkable) { () throws(PluginError) in
                let store = try Store(caller)
                do throws(LinkError) {
                    let (instance, trap) = try store.instantiate(module, code.descriptor(index)) { _, _ in nil }
                    return Run(store: store, instance: instance, trap: trap)
                } catch {
                    throw PluginError(DN_BAD_IMAGE, "\(files[index]): \(error.message)")
                }
            }
        }
    }

    private struct Run {
        let store: Store
        let instance: LinkedInstance
        let trap: Trap?
    }

    /// `globals`: those of an instance that runs alone are its own, and cannot be seen. A trap ends an instance, and what its globals held is then unknown: the next call is made in a new one, as the
    /// platform does.
    private static func observe(
        _ module: Module, globals: Bool, _ instantiate: () throws(PluginError) -> Run
    ) throws(PluginError) {
        var run = try instantiate()
        if let trap = run.trap { return print("trap \(trap.message)") }
        for (number, export) in module.exports.enumerated() where export.kind == .function {
            let type = module.type(ofFunction: export.index)
            guard !(type.parameters + type.results).contains(.v128) else { continue }
            let arguments = type.parameters.enumerated().map { argument($0.offset, $0.element) }
            let (values, trap) = run.store.call(run.instance, export.index, arguments)
            let texts = zip(values, type.results).map { text($0, $1) }
            print("call \(number) \(trap.map { "trap \($0.message)" } ?? texts.joined(separator: " "))")
            if trap != nil { run = try instantiate() }
        }
        for (number, export) in module.exports.enumerated() {
            switch run.instance.export(export.name) {
            case .memory(let memory, _):
                let bytes = UnsafeRawBufferPointer(start: memory.pointee.base, count: Int(memory.pointee.bytes))
                print("memory \(number) \(bytes.count) \(checksum(bytes))")
            case .table(let table, _): print("table \(number) \(table.pointee.size)")
            case .global(let place, let type) where globals && type.value != .v128:
                print("global \(number) \(text(place.pointee, type.value))")
            default: break
            }
        }
    }

    /// What parameter `index` gets.
    private static func argument(_ index: Int, _ type: ValueType) -> rwasm_value {
        let pattern = UInt64(index + 1) &* 0x9e37_79b9_7f4a_7c15
        switch type {
        case .i32: return rwasm_value(low: pattern >> 32, high: 0)
        case .i64: return rwasm_value(low: pattern, high: 0)
        case .f32: return rwasm_value(low: UInt64((Float(index) - 1.5).bitPattern), high: 0)
        case .f64: return rwasm_value(low: (Double(index) * 1.25 - 3).bitPattern, high: 0)
        default: return rwasm_value()
        }
    }

    private static func text(_ value: rwasm_value, _ type: ValueType) -> String {
        type.isReference ? (value.low == 0 ? "null" : "reference") : String(value.low, radix: 16)
    }

    /// FNV-1a of the places and values of the bytes that are not zero.
    private static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for (index, byte) in bytes.enumerated() where byte != 0 {
            hash = (hash ^ (UInt64(index) << 8 | UInt64(byte))) &* 0x100_0000_01b3
        }
        return hash
    }
}
