import CRWasm
import PluginABI
import PluginKit
import RWasmCore

/// How a run ended before its function returned, in the host's words.
struct Ending {
    private var outcome = DN_RUN_FAULTED
    private var kind = DN_FAULT_TRAP
    private var trap: Trap?
    private var address: UInt64?
    private var function: UInt32?
    private var isInShim = false
    private let image: Image

    init(trap: Trap, image: Image) {
        self.trap = trap
        self.image = image
    }

    init(_ end: rwasm_end, image: Image, isInShim: Bool) {
        self.image = image
        self.isInShim = isInShim
        function = end.function == RWASM_NO_FUNCTION ? nil : end.function
        switch end.kind {
        case RWASM_TRAPPED:
            trap = Trap(rawValue: end.code) ?? .panic
        case RWASM_BOUNDS:
            trap = .memoryBounds
            // The second memory is the module's own.
            address = end.address % UInt64(LinearMemory.reservedBytes)
        case RWASM_STACK:
            kind = DN_FAULT_STACK
            trap = .stackExhausted
        default:
            outcome = Int32(bitPattern: end.code) == DN_INTERRUPT_DEADLINE ? DN_RUN_DEADLINE : DN_RUN_CANCELLED
            kind = DN_FAULT_NONE
        }
    }

    func write(to result: inout dn_run_result) {
        result.outcome = outcome
        result.fault_kind = kind
        if let trap {
            result.trap_code = Int32(trap.rawValue)
            result.valid |= DN_RESULT_TRAP
            var text = trap.message
            if isInShim {
                text += " in the WASI shim"
            } else if let function {
                text += " in function \(function)\(image.name(of: Int(function)))"
            }
            if let address { text += " at address \(address)" }
            writeText(text, into: &result.detail)
        }
        if let address {
            result.fault_address = address
            result.valid |= DN_RESULT_ADDRESS
        }
    }
}

extension Image {
    /// " (name)" of a function that is exported, else nothing.
    func name(of function: Int) -> String {
        main.module.exports.first { $0.kind == .function && $0.index == function }.map { " (\($0.name))" } ?? ""
    }
}
