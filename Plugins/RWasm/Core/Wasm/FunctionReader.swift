/// Decodes and validates one function body by the algorithm of the specification's appendix, and hands each instruction to
/// a sink. Nil on the operand stack is the type of code that cannot be reached.
struct FunctionReader<Sink: FunctionSink> {
    enum Block { case function, block, loop, `if`, `else`, `try`, `catch`, catchAll, tryTable }

    struct Frame {
        var block: Block
        var type: FunctionType
        var height: Int
        var isUnreachable = false
        var labelTypes: [ValueType] { block == .loop ? type.parameters : type.results }
    }

    /// Bounds of what a reader keeps: blocks and operands take far more here than in the module.
    private static var deepest: Int { 50_000 }
    private static var mostOperands: Int { 100_000 }

    let module: Module
    var cursor: Cursor
    private(set) var sink: Sink
    private(set) var locals: [ValueType]
    var stack: [ValueType?] = []
    var frames: [Frame] = []
    /// Where the instruction at hand begins.
    private(set) var begin = 0
    var allowance: Allowance
    /// Values that the instruction at hand took or put.
    var moves = 0
    /// Size of what the sink had written before it.
    private var written = 0

    /// Reads body `index` (not counting imported functions) to its end, and takes from `allowance` what it costs.
    static func read(
        _ module: Module, _ index: Int, into sink: Sink, within allowance: inout Allowance
    ) throws(WasmError) -> Sink {
        var reader = FunctionReader(module, index, sink, allowance)
        try reader.run(module.type(ofFunction: module.importedFunctions + index))
        allowance = reader.allowance
        return reader.sink
    }

    private init(_ module: Module, _ index: Int, _ sink: Sink, _ allowance: Allowance) {
        self.module = module
        self.sink = sink
        self.allowance = allowance
        cursor = Cursor(module.bytes, module.bodies[index].bytes)
        locals = module.type(ofFunction: module.importedFunctions + index).parameters
    }

    private mutating func run(_ type: FunctionType) throws(WasmError) {
        begin = cursor.at
        moves = type.parameters.count + type.results.count
        try readLocals()
        sink.begin(locals: locals)
        frames.append(Frame(block: .function, type: FunctionType(parameters: [], results: type.results), height: 0))
        while !frames.isEmpty {
            begin = cursor.at
            guard !cursor.isAtEnd else { throw cursor.malformed("unexpected end: END opcode expected") }
            let instruction = try read()
            sink.take(instruction)
            try spend()
        }
        guard cursor.isAtEnd else { throw cursor.malformed("END opcode expected at the end of the body") }
    }

    private mutating func spend() throws(WasmError) {
        try allowance.spend(moves: moves, text: sink.size - written, at: begin)
        (moves, written) = (0, sink.size)
        guard stack.count <= Self.mostOperands else {
            throw WasmError(.unsupported, "more than \(Self.mostOperands) values on the operand stack", at: begin)
        }
    }

    private mutating func readLocals() throws(WasmError) {
        var runs: [(count: Int, type: ValueType)] = []
        var total = UInt64(locals.count)
        for _ in 0..<(try cursor.count("runs of locals")) {
            let count = try cursor.index()
            total += UInt64(count)
            guard total <= UInt64(UInt32.max) else { throw cursor.malformed("too many locals", at: begin) }
            runs.append((count, try cursor.valueType()))
        }
        guard total <= UInt64(ModuleDecoder.Limit.locals) else {
            throw WasmError(
                .unsupported, "\(total) locals in a function; the limit is \(ModuleDecoder.Limit.locals)", at: begin)
        }
        moves += Int(total)
        try allowance.spend(moves: moves, text: 0, at: begin)
        moves = 0
        for run in runs { locals.append(contentsOf: repeatElement(run.type, count: run.count)) }
    }

    // MARK: The stacks

    func invalid(_ message: String) -> WasmError { WasmError(.invalid, message, at: begin) }

    func mismatch() -> WasmError { invalid("type mismatch") }

    mutating func push(_ type: ValueType?) { stack.append(type) }

    mutating func push(_ types: [ValueType]) {
        moves += types.count
        stack.append(contentsOf: types)
    }

    mutating func pop() throws(WasmError) -> ValueType? {
        guard let frame = frames.last else { throw mismatch() }
        if stack.count == frame.height {
            guard frame.isUnreachable else { throw mismatch() }
            return nil
        }
        return stack.removeLast()
    }

    mutating func pop(_ expected: ValueType) throws(WasmError) {
        let type = try pop()
        guard type == nil || type == expected else { throw mismatch() }
    }

    mutating func pop(_ types: [ValueType]) throws(WasmError) {
        moves += types.count
        for type in types.reversed() { try pop(type) }
    }

    mutating func becomeUnreachable() {
        guard let frame = frames.last else { return }
        stack.removeLast(stack.count - frame.height)
        frames[frames.count - 1].isUnreachable = true
    }

    mutating func enter(_ block: Block, _ type: FunctionType) throws(WasmError) {
        guard frames.count < Self.deepest else {
            throw WasmError(.unsupported, "blocks are nested deeper than \(Self.deepest)", at: begin)
        }
        try pop(type.parameters)
        frames.append(Frame(block: block, type: type, height: stack.count))
        push(type.parameters)
    }

    mutating func leave() throws(WasmError) -> Frame {
        guard let frame = frames.last else { throw mismatch() }
        try pop(frame.type.results)
        guard stack.count == frame.height else { throw mismatch() }
        frames.removeLast()
        return frame
    }

    func label(_ depth: Int) throws(WasmError) -> [ValueType] {
        guard depth < frames.count else { throw invalid("unknown label \(depth)") }
        return frames[frames.count - 1 - depth].labelTypes
    }

    // MARK: Instructions

    private mutating func read() throws(WasmError) -> Instruction {
        let opcode = try cursor.byte()
        if let operation = Instructions.shared.plain(opcode) { return try apply(operation) }
        switch opcode {
        case 0x06...0x0a, 0x18, 0x19, 0x1f: return try exception(opcode)
        case 0x00...0x0f: return try control(opcode)
        case 0x10, 0x11: return try call(opcode)
        case 0x1a...0x1c: return try parametric(opcode)
        case 0x20...0x24: return try variable(opcode)
        case 0x25, 0x26, 0xd0...0xd2: return try reference(opcode)
        case 0x3f, 0x40: return try memorySize(opcode)
        case 0x41...0x44: return try constant(opcode)
        case 0xfc: return try prefixed(try cursor.u32())
        case 0xfd: return try vector(try cursor.u32())
        case 0x12, 0x13: throw unsupported("tail-call")
        case 0x14...0x17, 0xd3...0xd6: throw unsupported("function-references")
        case 0xfb: throw unsupported("gc")
        case 0xfe: throw unsupported("threads")
        default: throw illegal(UInt32(opcode))
        }
    }

    func unsupported(_ proposal: String) -> WasmError {
        WasmError(.unsupported, "an instruction of the proposal \(proposal), which is not supported", at: begin)
    }

    func illegal(_ opcode: UInt32) -> WasmError {
        WasmError(.malformed, "illegal opcode 0x\(String(opcode, radix: 16))", at: begin)
    }

    mutating func apply(_ operation: Operation) throws(WasmError) -> Instruction {
        var offset: UInt32 = 0
        if let natural = operation.alignment { offset = try memoryArgument(natural) }
        for type in operation.operands.reversed() { try pop(type) }
        if let result = operation.result { push(result) }
        let lane = operation.lanes > 0 ? try laneIndex(operation.lanes) : 0
        return operation.alignment != nil
            ? .access(operation, offset: offset, lane: lane) : .operation(operation, lane: lane)
    }

    /// Alignment and offset (section 5.4.7).
    private mutating func memoryArgument(_ natural: UInt32) throws(WasmError) -> UInt32 {
        let alignment = try cursor.u32()
        guard alignment < 32 else {
            throw alignment < 128
                ? invalid("unknown memory: proposal multi-memory is not supported")
                : cursor.malformed("malformed memop flags", at: begin)
        }
        let offset = try cursor.u32()
        try needMemory()
        guard alignment <= natural else { throw invalid("alignment must not be larger than natural") }
        return offset
    }

    func needMemory() throws(WasmError) {
        guard !module.memories.isEmpty else { throw invalid("unknown memory 0") }
    }

    mutating func tableIndex() throws(WasmError) -> Int {
        let index = try cursor.index()
        guard index < module.tables.count else { throw invalid("unknown table \(index)") }
        return index
    }

    private mutating func parametric(_ opcode: UInt8) throws(WasmError) -> Instruction {
        if opcode == 0x1a {
            _ = try pop()
            return .drop
        }
        if opcode == 0x1c {
            let count = try cursor.count("types")
            guard count == 1 else { throw invalid("invalid result arity") }
            let type = try cursor.valueType()
            try pop([type, type, .i32])
            push(type)
            return .select
        }
        try pop(.i32)
        let second = try pop()
        let first = try pop()
        guard first?.isReference != true, second?.isReference != true else { throw mismatch() }
        guard first == nil || second == nil || first == second else { throw mismatch() }
        push(first ?? second)
        return .select
    }

    private mutating func variable(_ opcode: UInt8) throws(WasmError) -> Instruction {
        let index = try cursor.index()
        if opcode <= 0x22 {
            guard index < locals.count else { throw invalid("unknown local \(index)") }
            if opcode != 0x20 { try pop(locals[index]) }
            if opcode != 0x21 { push(locals[index]) }
            return opcode == 0x20 ? .localGet(index) : opcode == 0x21 ? .localSet(index) : .localTee(index)
        }
        guard index < module.globals.count else { throw invalid("unknown global \(index)") }
        let type = module.globals[index].type
        if opcode == 0x23 {
            push(type.value)
            return .globalGet(index)
        }
        guard type.isMutable else { throw invalid("immutable global") }
        try pop(type.value)
        return .globalSet(index)
    }

    private mutating func memorySize(_ opcode: UInt8) throws(WasmError) -> Instruction {
        guard try cursor.byte() == 0 else { throw invalid("zero byte expected: unknown memory") }
        try needMemory()
        if opcode == 0x40 { try pop(.i32) }
        push(.i32)
        return opcode == 0x40 ? .memoryGrow : .memorySize
    }

    private mutating func constant(_ opcode: UInt8) throws(WasmError) -> Instruction {
        switch opcode {
        case 0x41:
            push(.i32)
            return .constant(.i32, low: UInt64(UInt32(truncatingIfNeeded: try cursor.signed(32))), high: 0)
        case 0x42:
            push(.i64)
            return .constant(.i64, low: UInt64(bitPattern: try cursor.signed(64)), high: 0)
        case 0x43:
            push(.f32)
            return .constant(.f32, low: UInt64(try cursor.fixed32()), high: 0)
        default:
            push(.f64)
            return .constant(.f64, low: try cursor.fixed64(), high: 0)
        }
    }
}
