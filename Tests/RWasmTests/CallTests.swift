import CRWasm
import CRWasmCall
import Glibc
import PluginHarness
import TestSupport
import Testing

@testable import RWasmCore
@testable import RWasmTools

/// Exports called by their C signatures.
@Suite(.serialized) struct CallTests {
    private static let vectors = [ValueType](repeating: .v128, count: 5)
    private static let mixed: [ValueType] = [
        .f64, .i32, .v128, .f32, .i64, .externref, .f64, .v128, .i32, .f32, .v128, .i64, .i64, .v128, .i32, .f64, .f64,
        .f64, .f64, .f64, .f64, .f32,
    ]
    /// Values in registers of both kinds, on the stack, and vectors where a single register is left.
    private static let signatures: [[ValueType]] =
        [[], [.i32], [.i64], [.f32], [.f64], [.v128], [.externref], [.i32, .f32], [.f32, .f32], [.f64, .i32]]
        + [[.i64, .v128], [.v128, .f64], [.i32, .i64, .i32], [.i64, .i64, .i64, .i64, .v128, .i64], vectors, mixed]
        + [[ValueType](repeating: .f64, count: 20), [ValueType](repeating: .i64, count: 100)]

    private static func leb(_ value: Int) -> [UInt8] {
        value < 128 ? [UInt8(value)] : [UInt8(value & 127 | 128)] + leb(value >> 7)
    }

    private static func section(_ id: UInt8, _ items: [[UInt8]]) -> [UInt8] {
        let bytes = leb(items.count) + items.joined()
        return [id] + leb(bytes.count) + bytes
    }

    /// Function i takes the values of signature i and gives them in the opposite order; the last one traps.
    private static func module() -> [UInt8] {
        let types = signatures.map { signature -> [UInt8] in
            let list = { (types: [ValueType]) in leb(types.count) + types.map(\.rawValue) }
            return [0x60] + list(signature) + list(signature.reversed())
        }
        let bodies = signatures.map { signature -> [UInt8] in
            let pushes = signature.indices.reversed().flatMap { index -> [UInt8] in [0x20] + leb(index) }
            return leb(pushes.count + 2) + [0] + pushes + [0x0b]
        }
        let functions = signatures.indices.map(leb)
        let exports = (0...signatures.count).map { [1, UInt8(97 + $0), 0] + leb($0) }
        return [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0] + section(1, types) + section(3, functions + [[0]])
            + section(7, exports) + section(10, bodies + [[3, 0, 0x00, 0x0b]])
    }

    private static func value(_ index: Int, _ type: ValueType) -> rwasm_value {
        let bits = UInt64(index + 1) &* 0x9e37_79b9_7f4a_7c15
        return switch type {
        case .i32: rwasm_value(low: bits >> 32, high: 0)
        case .f32: rwasm_value(low: UInt64((Float(index) - 2.5).bitPattern), high: 0)
        case .f64: rwasm_value(low: (Double(index) - 2.5).bitPattern, high: 0)
        case .v128: rwasm_value(low: bits, high: ~bits)
        default: rwasm_value(low: bits, high: 0)
        }
    }

    @Test func valuesOfAllTypesArriveAndReturn() throws {
        let module = try ModuleDecoder.decode(Self.module())
        for crates in [
            try Crates.sole(module, exports: .bySignature), try Crates.together([module], exports: .bySignature),
            try Crates.sole(module, exports: .bySignature, shape: Crates.Shape(bytes: 200, functions: 5)),
        ] {
            let cache = try Cache(nil, budget: .max)
            let code = try Code(try ToolModule.builder().build(crates, .quick, in: cache), .quick)
            let runner = try #require(rwasm_runner_create(0, 1 << 20))
            defer { rwasm_runner_destroy(runner) }
            let store = try Store(Caller(runner: runner, rwasm_ffi_call))
            let (instance, _) = try store.instantiate(module, code.descriptor()) { _, _ in nil }
            for (function, signature) in Self.signatures.enumerated() {
                let arguments = signature.enumerated().map { Self.value($0.offset, $0.element) }
                let (values, trap) = store.call(instance, function, arguments)
                #expect(trap == nil)
                #expect(values.map { [$0.low, $0.high] } == arguments.reversed().map { [$0.low, $0.high] })
            }
        }
    }

    /// What the command prints, and its exit code.
    private func call(_ arguments: String) throws -> (Int32, String) {
        let plugin = HarnessPlugin.path(of: "DandelionRWasm")
        let folder = plugin.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        let file = "\(Temporary.folder)/dandelion-call-\(getpid())"
        defer {
            unlink("\(file).wasm")
            unlink(file)
        }
        try WasmGuest.write(Self.module(), to: "\(file).wasm")
        let code = system("'\(folder)/dandelion-wasm' call \(file).wasm \(arguments) > \(file) 2>&1") >> 8
        return (code, String(decoding: try WasmGuest.read(file), as: UTF8.self))
    }

    @Test func commandCallsAndTellsWhatIsWrong() throws {
        #expect(try call("h 7 1.5") == (0, "f32 1.5\ni32 7\n"))
        let trapping = Unicode.Scalar(97 + UInt8(Self.signatures.count))
        #expect(try call("\(Character(trapping))") == (1, "trap: unreachable\n"))
        #expect(try call("h 7") == (2, "dandelion wasm: h takes 2 arguments: i32 f32\n"))
        #expect(try call("h seven 1") == (2, "dandelion wasm: 'seven' is no i32\n"))
        #expect(try call("nothing").1.hasPrefix("dandelion wasm: no function 'nothing' is exported; there are a, b"))
    }
}
