public import CRWasm
import Glibc
import PluginABI
import PluginKit
import RWasmCore

/// Commands on single modules. Each gives its exit code: 0 done, 1 a trap or an invalid module, 2 it could not be tried.
public enum Tools {
    private static func telling(_ body: () throws(PluginError) -> Int32) -> Int32 {
        do throws(PluginError) {
            return try body()
        } catch {
            _ = "dandelion wasm: \(error.message)\n".withCString { write(2, $0, strlen($0)) }
            return 2
        }
    }

    /// Calls an export and prints its results, one a line.
    public static func call(_ file: String, _ export: String, _ texts: [String], calling call: rwasm_entry_call)
        -> Int32
    {
        telling { () throws(PluginError) in
            let tool = try ToolModule(file, .quick, calling: call)
            let function = try tool.function(export)
            let type = tool.module.type(ofFunction: function)
            guard texts.count == type.parameters.count else {
                let names = type.parameters.map(\.name).joined(separator: " ")
                throw PluginError(DN_INVALID, "\(export) takes \(type.parameters.count) arguments: \(names)")
            }
            var arguments: [rwasm_value] = []
            for (text, type) in zip(texts, type.parameters) {
                guard let value = ValueText.value(text, type) else {
                    throw PluginError(DN_INVALID, "'\(text)' is no \(type.name)")
                }
                arguments.append(value)
            }
            let (values, trap) = tool.call(function, arguments)
            for (value, type) in zip(values, type.results) { print("\(type.name) \(ValueText.text(value, type))") }
            if let trap { print("trap: \(trap.message)") }
            return trap == nil ? 0 : 1
        }
    }

    /// Calls exports without parameters, `rounds` times each, with all optimisations. Prints for each its name, the first
    /// result's bits, and the fastest call in nanoseconds of the thread's processor time.
    public static func time(_ file: String, _ exports: [String], rounds: Int, calling call: rwasm_entry_call) -> Int32 {
        telling { () throws(PluginError) in
            let tool = try ToolModule(file, .fast, calling: call)
            for export in exports {
                let function = try tool.function(export)
                guard tool.module.type(ofFunction: function).parameters.isEmpty else {
                    throw PluginError(DN_INVALID, "\(export) takes arguments; only functions without any can be timed")
                }
                var best = UInt64.max
                var result: UInt64 = 0
                for _ in 0..<rounds {
                    let begin = Clock.now(CLOCK_THREAD_CPUTIME_ID)
                    let (values, trap) = tool.call(function, [])
                    best = min(best, Clock.now(CLOCK_THREAD_CPUTIME_ID) - begin)
                    if let trap { throw PluginError(DN_BAD_IMAGE, "\(export): \(trap.message)") }
                    result = values.first?.low ?? 0
                }
                print("\(export) \(result) \(best)")
                fflush(nil)
            }
            return 0
        }
    }

    /// Checks modules without compiling them, and prints one line for each.
    public static func validate(_ files: [String]) -> Int32 {
        telling { () throws(PluginError) in
            var code: Int32 = 0
            for file in files {
                let bytes = try Files.read(file)
                do throws(WasmError) {
                    try ModuleDecoder.decode(bytes).checkBodies()
                    print("\(file): valid")
                } catch {
                    code = 1
                    print("\(file): \(PluginError(error).message)")
                }
            }
            return code
        }
    }

    /// Prints the Rust that a module becomes, crate after crate.
    public static func translate(_ file: String) -> Int32 {
        telling { () throws(PluginError) in
            let bytes = try Files.read(file)
            let crates = try checked { () throws(WasmError) in
                try Crates.sole(try ModuleDecoder.decode(bytes), exports: .bySignature)
            }
            for crate in crates.stages.joined() { print("// crate \(crate.name)\n\(crate.text)") }
            print("// crate root\n\(crates.root)")
            return 0
        }
    }

    /// Makes the function image of a module for backends that isolate by other means.
    public static func native(_ file: String, to output: String) -> Int32 {
        telling { () throws(PluginError) in
            let images = ImageBuilder(try ToolModule.builder())
            try Files.write(try images.image(of: try Files.read(file), in: try Cache(nil, budget: .max)), to: output)
            return 0
        }
    }

    /// Compiles as a registration does, and prints how long each version takes, in milliseconds, and its size in bytes.
    /// `names` are those of versions; none are both.
    public static func compile(_ file: String, _ names: [String]) -> Int32 {
        telling { () throws(PluginError) in
            let bytes = try Files.read(file)
            let cache = try Cache(nil, budget: .max)
            let builder = try ToolModule.builder(limits: Toolchain.Limits())
            let levels = names.compactMap { Builder.Level(rawValue: $0) }
            guard levels.count == names.count else { throw PluginError(DN_INVALID, "levels are quick and fast") }
            for level in levels.isEmpty ? [.quick, .fast] : levels {
                // Not part of a registration: once for each cache.
                try builder.prepare(level, in: cache)
                let begin = Clock.now()
                let crates = try checked { () throws(WasmError) in
                    try Crates.sole(try ModuleDecoder.decode(bytes), shape: level.shape)
                }
                let made = try builder.build(crates, level, in: cache)
                print("\(level.rawValue) \((Clock.now() - begin) / 1_000_000) ms, \(made.count) bytes")
                fflush(nil)
            }
            return 0
        }
    }
}
