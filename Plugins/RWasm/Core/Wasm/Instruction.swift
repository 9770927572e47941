/// One instruction of a function body, with its immediates. Indices are checked.
enum Instruction {
    case operation(Operation, lane: UInt8 = 0)
    case access(Operation, offset: UInt32, lane: UInt8 = 0)
    /// Lanes of two vectors, 0 to 31, one a byte.
    case shuffle(low: UInt64, high: UInt64)
    /// The bits of a number or vector.
    case constant(ValueType, low: UInt64, high: UInt64)
    case nop
    case unreachable
    case block(FunctionType)
    case loop(FunctionType)
    case `if`(FunctionType)
    case `else`
    case end
    case br(Int)
    case brIf(Int)
    case brTable([Int], fallback: Int)
    case `return`
    case call(Int)
    case callIndirect(type: Int, table: Int)
    case drop
    case select
    case localGet(Int)
    case localSet(Int)
    case localTee(Int)
    case globalGet(Int)
    case globalSet(Int)
    case tableGet(Int)
    case tableSet(Int)
    case tableSize(Int)
    case tableGrow(Int)
    case tableFill(Int)
    case tableCopy(to: Int, from: Int)
    case tableInit(table: Int, segment: Int)
    case elementDrop(Int)
    case memorySize
    case memoryGrow
    case memoryFill
    case memoryCopy
    case memoryInit(Int)
    case dataDrop(Int)
    case refNull(ValueType)
    case refIsNull
    case refFunc(Int)
    case `try`(FunctionType)
    case tryTable(FunctionType, [Catch])
    /// Of a `try`, not of a `try_table`.
    case `catch`(tag: Int)
    case catchAll
    case delegate(Int)
    case rethrow(Int)
    case `throw`(tag: Int)
    case throwRef

    /// Whether an `end` or `delegate` belongs to it.
    var opensBlock: Bool {
        switch self {
        case .block, .loop, .if, .try, .tryTable: true
        default: false
        }
    }
}

/// A clause of a `try_table`.
struct Catch {
    /// Nil catches all.
    var tag: Int?
    /// The branch also carries the exception.
    var givesReference: Bool
    /// Seen from outside the block.
    var depth: Int
}

/// What becomes of a function's instructions, which come validated and in order.
protocol FunctionSink {
    /// Bytes that were made of them.
    var size: Int { get }
    /// All locals, parameters first.
    mutating func begin(locals: [ValueType])
    mutating func take(_ instruction: Instruction)
}

extension Module {
    /// Validates all functions.
    package func checkBodies() throws(WasmError) {
        var allowance = Allowance(self)
        for body in bodies.indices {
            _ = try FunctionReader.read(self, body, into: NullSink(), within: &allowance)
        }
    }
}

/// For validation alone.
private struct NullSink: FunctionSink {
    var size: Int { 0 }
    mutating func begin(locals: [ValueType]) {}
    mutating func take(_ instruction: Instruction) {}
}
