/// Why generated code stopped itself; Crate/lib.rs has the same numbers.
package enum Trap: UInt32, Sendable {
    case unreachable = 1
    case memoryBounds = 2
    case tableBounds = 3
    case uninitializedElement = 4
    case indirectCallType = 5
    case divideByZero = 6
    case integerOverflow = 7
    case invalidConversion = 8
    case stackExhausted = 9
    case panic = 10
    case uncaughtException = 11
    case nullException = 12

    /// As the specification's tests call it.
    package var message: String {
        switch self {
        case .unreachable: "unreachable"
        case .memoryBounds: "out of bounds memory access"
        case .tableBounds: "out of bounds table access"
        case .uninitializedElement: "uninitialized element"
        case .indirectCallType: "indirect call type mismatch"
        case .divideByZero: "integer divide by zero"
        case .integerOverflow: "integer overflow"
        case .invalidConversion: "invalid conversion to integer"
        case .stackExhausted: "call stack exhausted"
        case .panic: "the runtime refused an operation"
        case .uncaughtException: "uncaught exception"
        case .nullException: "null exception reference"
        }
    }
}
