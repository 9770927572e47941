/// Reference, table and bulk memory instructions.
extension FunctionReader {
    mutating func reference(_ opcode: UInt8) throws(WasmError) -> Instruction {
        switch opcode {
        case 0x25:
            let table = try tableIndex()
            try pop(.i32)
            push(module.tables[table].element)
            return .tableGet(table)
        case 0x26:
            let table = try tableIndex()
            try pop(module.tables[table].element)
            try pop(.i32)
            return .tableSet(table)
        case 0xd0:
            let type = try cursor.referenceType()
            push(type)
            return .refNull(type)
        case 0xd1:
            let type = try pop()
            guard type?.isReference != false else { throw invalid("type mismatch") }
            push(.i32)
            return .refIsNull
        default:
            let index = try cursor.index()
            guard index < module.functions.count else { throw invalid("unknown function \(index)") }
            guard module.declared.contains(index) else { throw invalid("undeclared function reference") }
            push(.funcref)
            return .refFunc(index)
        }
    }

    mutating func prefixed(_ opcode: UInt32) throws(WasmError) -> Instruction {
        if let operation = Instructions.shared.saturating(opcode) { return try apply(operation) }
        switch opcode {
        case 8...11: return try bulkMemory(opcode)
        case 12...17: return try bulkTable(opcode)
        case 0x12: throw unsupported("memory-control")
        case 0x13...0x16: throw unsupported("wide-arithmetic")
        default: throw illegal(0xfc00 | (opcode & 0xff))
        }
    }

    private mutating func dataIndex() throws(WasmError) -> Int {
        let index = try cursor.index()
        guard module.hasDataCount else {
            throw WasmError(.malformed, "data count section required", at: begin)
        }
        guard index < module.data.count else { throw invalid("unknown data segment \(index)") }
        return index
    }

    private mutating func zeroByte() throws(WasmError) {
        guard try cursor.byte() == 0 else { throw invalid("zero byte expected: unknown memory") }
        try needMemory()
    }

    private mutating func bulkMemory(_ opcode: UInt32) throws(WasmError) -> Instruction {
        if opcode == 9 { return .dataDrop(try dataIndex()) }
        var segment = 0
        if opcode == 8 { segment = try dataIndex() }
        if opcode == 10 { try zeroByte() }
        try zeroByte()
        try pop([.i32, .i32, .i32])
        return opcode == 8 ? .memoryInit(segment) : opcode == 10 ? .memoryCopy : .memoryFill
    }

    private mutating func elementIndex() throws(WasmError) -> Int {
        let index = try cursor.index()
        guard index < module.elements.count else { throw invalid("unknown elem segment \(index)") }
        return index
    }

    private mutating func bulkTable(_ opcode: UInt32) throws(WasmError) -> Instruction {
        switch opcode {
        case 12:
            let segment = try elementIndex()
            let table = try tableIndex()
            guard module.elements[segment].type == module.tables[table].element else { throw invalid("type mismatch") }
            try pop([.i32, .i32, .i32])
            return .tableInit(table: table, segment: segment)
        case 13: return .elementDrop(try elementIndex())
        case 14:
            let to = try tableIndex()
            let from = try tableIndex()
            guard module.tables[to].element == module.tables[from].element else { throw invalid("type mismatch") }
            try pop([.i32, .i32, .i32])
            return .tableCopy(to: to, from: from)
        case 15:
            let table = try tableIndex()
            try pop([module.tables[table].element, .i32])
            push(.i32)
            return .tableGrow(table)
        case 16:
            let table = try tableIndex()
            push(.i32)
            return .tableSize(table)
        default:
            let table = try tableIndex()
            try pop([.i32, module.tables[table].element, .i32])
            return .tableFill(table)
        }
    }
}
