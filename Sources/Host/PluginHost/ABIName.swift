package import PluginABI

/// What people call the numbers of the ABI: a message never says that "the outcome is 1".
package enum ABIName {
    /// Such as "DN_BUSY".
    package static func status(_ status: dn_status?) -> String {
        switch status {
        case nil: "no status"
        case DN_OK: "DN_OK"
        case DN_FAILED: "DN_FAILED"
        case DN_MISUSE: "DN_MISUSE"
        case DN_INVALID: "DN_INVALID"
        case DN_UNSUPPORTED: "DN_UNSUPPORTED"
        case DN_UNAVAILABLE: "DN_UNAVAILABLE"
        case DN_NO_MEMORY: "DN_NO_MEMORY"
        case DN_OUT_OF_RANGE: "DN_OUT_OF_RANGE"
        case DN_BAD_IMAGE: "DN_BAD_IMAGE"
        case DN_BAD_CONFIG: "DN_BAD_CONFIG"
        case DN_BAD_INPUT: "DN_BAD_INPUT"
        case DN_BUSY: "DN_BUSY"
        case DN_LIMIT: "DN_LIMIT"
        case DN_PERMISSION: "DN_PERMISSION"
        case DN_IO: "DN_IO"
        case DN_CANCELLED: "DN_CANCELLED"
        case DN_TIMED_OUT: "DN_TIMED_OUT"
        case DN_ENGINE_DEAD: "DN_ENGINE_DEAD"
        case DN_CONFLICT: "DN_CONFLICT"
        case .some(let code): "status \(code)"
        }
    }

    /// How a run ended, DN_RUN_*: such as "exited".
    package static func outcome(_ outcome: Int32) -> String {
        switch outcome {
        case DN_RUN_EXITED: "exited"
        case DN_RUN_FAULTED: "faulted"
        case DN_RUN_DEADLINE: "deadline"
        case DN_RUN_CANCELLED: "cancelled"
        default: "none (\(outcome))"
        }
    }

    /// Why a run was stopped, DN_FAULT_*: such as "illegal-instruction".
    package static func fault(_ kind: Int32) -> String {
        switch kind {
        case DN_FAULT_NONE: "none"
        case DN_FAULT_READ: "read"
        case DN_FAULT_WRITE: "write"
        case DN_FAULT_EXECUTE: "execute"
        case DN_FAULT_ILLEGAL_INSTRUCTION: "illegal-instruction"
        case DN_FAULT_ARITHMETIC: "arithmetic"
        case DN_FAULT_STACK: "stack-overflow"
        case DN_FAULT_SYSCALL: "system-call"
        case DN_FAULT_CAPABILITY: "capability"
        case DN_FAULT_TRAP: "trap"
        case DN_FAULT_MEMORY_LIMIT: "memory-limit"
        case DN_FAULT_PROTECTION: "protection"
        case DN_FAULT_KILLED: "killed"
        default: "other"
        }
    }

    /// How a request ended, DN_COMM_*: such as "too-large".
    package static func ending(_ outcome: Int32) -> String {
        switch outcome {
        case DN_COMM_OK: "ok"
        case DN_COMM_BAD_INPUT: "bad-input"
        case DN_COMM_DENIED: "denied"
        case DN_COMM_RESOLVE: "resolve"
        case DN_COMM_CONNECT: "connect"
        case DN_COMM_TLS: "tls"
        case DN_COMM_PROTOCOL: "protocol"
        case DN_COMM_RESET: "reset"
        case DN_COMM_TOO_LARGE: "too-large"
        case DN_COMM_DEADLINE: "deadline"
        case DN_COMM_CANCELLED: "cancelled"
        case DN_COMM_NO_MEMORY: "no-memory"
        default: "other"
        }
    }
}
