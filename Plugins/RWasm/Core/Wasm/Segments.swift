/// Element and data segments, and the constant expressions in them.
extension ModuleDecoder {
    package mutating func elements() throws(WasmError) {
        let count = try cursor.count("element segments")
        try limit(count, Limit.segments, "element segments")
        for _ in 0..<count { module.elements.append(try elementSegment()) }
    }

    /// Flags (section 5.5.12): 1 passive or declarative, 2 explicit table or declarative, 4 expressions.
    private mutating func elementSegment() throws(WasmError) -> ElementSegment {
        let begin = cursor.at
        let flags = try cursor.u32()
        guard flags < 8 else { throw cursor.malformed("malformed elements segment kind", at: begin) }
        var mode = flags & 2 == 0 ? SegmentMode.passive : .declarative
        var table: Int?
        if flags & 1 == 0 {
            let index = flags & 2 != 0 ? try cursor.index() : 0
            guard index < module.tables.count else { throw invalid("unknown table \(index)", at: begin) }
            table = index
            mode = .active(index: index, offset: try constant(.i32))
        }
        var type = ValueType.funcref
        if flags & 3 != 0 {
            if flags & 4 != 0 {
                type = try elementType()
            } else {
                let kind = try cursor.byte()
                guard kind == 0 else { throw cursor.malformed("malformed element kind") }
            }
        }
        if let table, module.tables[table].element != type { throw invalid("type mismatch", at: begin) }
        let count = try cursor.count("elements")
        return ElementSegment(
            type: type, mode: mode,
            elements: flags & 4 != 0 ? .constants(try constants(count, type)) : .functions(try functions(count)))
    }

    private mutating func constants(_ count: Int, _ type: ValueType) throws(WasmError) -> [Constant] {
        var constants: [Constant] = []
        for _ in 0..<count { constants.append(try constant(type)) }
        return constants
    }

    private mutating func functions(_ count: Int) throws(WasmError) -> [UInt32] {
        var functions: [UInt32] = []
        functions.reserveCapacity(count)
        for _ in 0..<count {
            let begin = cursor.at
            let index = try cursor.index()
            guard index < module.functions.count else { throw invalid("unknown function \(index)", at: begin) }
            module.declared.insert(index)
            functions.append(UInt32(index))
        }
        return functions
    }

    package mutating func data() throws(WasmError) {
        let count = try cursor.count("data segments")
        try limit(count, Limit.segments, "data segments")
        for _ in 0..<count {
            let begin = cursor.at
            let flags = try cursor.u32()
            guard flags < 3 else { throw cursor.malformed("malformed data segment kind", at: begin) }
            var mode = SegmentMode.passive
            if flags != 1 {
                let index = flags == 2 ? try cursor.index() : 0
                guard index < module.memories.count else { throw invalid("unknown memory \(index)", at: begin) }
                mode = .active(index: index, offset: try constant(.i32))
            }
            let size = try cursor.index()
            module.data.append(DataSegment(mode: mode, bytes: try cursor.skip(size)))
        }
    }

    /// A constant expression of `type` and its `end`.
    mutating func constant(_ type: ValueType) throws(WasmError) -> Constant {
        let begin = cursor.at
        var stack: [(type: ValueType, constant: Constant)] = []
        while true {
            let at = cursor.at
            let opcode = try cursor.byte()
            if opcode == 0x0b { break }
            if let (operation, type) = Self.arithmetic(opcode) {
                guard stack.count >= 2, stack.suffix(2).allSatisfy({ $0.type == type }) else {
                    throw invalid("type mismatch", at: at)
                }
                let (right, left) = (stack.removeLast(), stack.removeLast())
                stack.append((type, .arithmetic(operation, type, left.constant, right.constant)))
            } else {
                stack.append(try constantInstruction(opcode, at))
            }
            // Evaluation recurs as deep as the expression is.
            guard cursor.at - begin <= Self.longestConstant else {
                throw WasmError(
                    .unsupported, "a constant expression of more than \(Self.longestConstant) bytes", at: begin)
            }
        }
        guard stack.count <= 1 else { throw invalid("type mismatch: more than one value in an initializer", at: begin) }
        guard let value = stack.last, value.type == type else { throw invalid("type mismatch", at: begin) }
        return value.constant
    }

    private static var longestConstant: Int { 4096 }

    private static func arithmetic(_ opcode: UInt8) -> (Constant.Arithmetic, ValueType)? {
        if let operation = Constant.Arithmetic(rawValue: opcode) { return (operation, .i32) }
        return opcode < 0x12 ? nil : Constant.Arithmetic(rawValue: opcode - 0x12).map { ($0, .i64) }
    }

    private mutating func constantInstruction(
        _ opcode: UInt8, _ at: Int
    ) throws(WasmError) -> (type: ValueType, constant: Constant) {
        switch opcode {
        case 0x41: return (.i32, .bits(low: UInt64(UInt32(truncatingIfNeeded: try cursor.signed(32))), high: 0))
        case 0x42: return (.i64, .bits(low: UInt64(bitPattern: try cursor.signed(64)), high: 0))
        case 0x43: return (.f32, .bits(low: UInt64(try cursor.fixed32()), high: 0))
        case 0x44: return (.f64, .bits(low: try cursor.fixed64(), high: 0))
        case 0x23: return try constantGlobal(at)
        case 0xd0: return (try cursor.referenceType(), .null)
        case 0xd2:
            let index = try cursor.index()
            guard index < module.functions.count else { throw invalid("unknown function \(index)", at: at) }
            module.declared.insert(index)
            return (.funcref, .function(index))
        case 0xfd:
            let sub = try cursor.u32()
            guard sub == 12 else { throw invalid("constant expression required", at: at) }
            let low = try cursor.fixed64()
            return (.v128, .bits(low: low, high: try cursor.fixed64()))
        default:
            guard Instructions.shared.isDefined(opcode) else {
                throw cursor.malformed("illegal opcode 0x\(String(opcode, radix: 16))", at: at)
            }
            throw invalid("constant expression required", at: at)
        }
    }

    private mutating func constantGlobal(_ at: Int) throws(WasmError) -> (type: ValueType, constant: Constant) {
        let index = try cursor.index()
        guard index < module.globals.count else { throw invalid("unknown global \(index)", at: at) }
        guard !module.globals[index].type.isMutable else { throw invalid("constant expression required", at: at) }
        return (module.globals[index].type.value, .global(index))
    }
}
