import CRWasm
import PluginABI
import PluginKit
import RWasmCore

/// What the tools call generated code with: a runner, and calls by C signatures, which the program brings so that the
/// plugin needs no library for them.
struct Caller {
    let runner: OpaquePointer
    let callEntry: rwasm_entry_call

    /// Takes the process's signal handlers.
    init(_ call: rwasm_entry_call) throws(PluginError) {
        guard let runner = rwasm_runner_create(0, 8 << 20), rwasm_install_handlers(runner) == 0 else {
            throw Files.failure("cannot set up signals")
        }
        self.init(runner: runner, call)
    }

    init(runner: OpaquePointer, _ call: rwasm_entry_call) { (self.runner, callEntry) = (runner, call) }

    /// Calls a function of an instance; results replace arguments in `values`, which has room for both.
    func call(
        _ entry: UnsafeRawPointer, _ instance: UnsafeMutableRawPointer, _ type: FunctionType,
        _ values: inout [rwasm_value]
    ) -> rwasm_end {
        let (parameters, results) = (type.parameters.map(\.rawValue), type.results.map(\.rawValue))
        // SAFETY: both arrays and the values live during the call, and the entry was made for this type.
        return parameters.withUnsafeBufferPointer { parameters in
            results.withUnsafeBufferPointer { results in
                var entry = rwasm_entry(
                    function: entry, instance: instance, parameters: parameters.baseAddress,
                    parameter_count: parameters.count, results: results.baseAddress, result_count: results.count)
                return callEntry(runner, &entry, &values)
            }
        }
    }
}
