/// Structured control, branches and calls (section 5.4.1).
extension FunctionReader {
    mutating func control(_ opcode: UInt8) throws(WasmError) -> Instruction {
        switch opcode {
        case 0x00:
            becomeUnreachable()
            return .unreachable
        case 0x01: return .nop
        case 0x02, 0x03, 0x04:
            let type = try blockType()
            if opcode == 0x04 { try pop(.i32) }
            try enter(opcode == 0x02 ? .block : opcode == 0x03 ? .loop : .if, type)
            return opcode == 0x02 ? .block(type) : opcode == 0x03 ? .loop(type) : .if(type)
        case 0x05:
            guard frames.last?.block == .if else { throw cursor.malformed("else without if", at: begin) }
            let frame = try leave()
            frames.append(Frame(block: .else, type: frame.type, height: frame.height))
            push(frame.type.parameters)
            return .else
        case 0x0b:
            let frame = try leave()
            if frame.block == .if, frame.type.parameters != frame.type.results { throw mismatch() }
            push(frame.type.results)
            return .end
        default: return try branch(opcode)
        }
    }

    private mutating func branch(_ opcode: UInt8) throws(WasmError) -> Instruction {
        switch opcode {
        case 0x0c:
            let depth = try cursor.index()
            try pop(try label(depth))
            becomeUnreachable()
            return .br(depth)
        case 0x0d:
            let depth = try cursor.index()
            try pop(.i32)
            let types = try label(depth)
            try pop(types)
            push(types)
            return .brIf(depth)
        case 0x0e: return try branchTable()
        case 0x0f:
            try pop(frames.first?.type.results ?? [])
            becomeUnreachable()
            return .return
        default: throw illegal(UInt32(opcode))
        }
    }

    private mutating func branchTable() throws(WasmError) -> Instruction {
        var depths: [Int] = []
        for _ in 0..<(try cursor.count("labels")) { depths.append(try cursor.index()) }
        let fallback = try cursor.index()
        try pop(.i32)
        let arity = try label(fallback).count
        for depth in depths {
            let types = try label(depth)
            guard types.count == arity else { throw mismatch() }
            var popped: [ValueType?] = []
            for type in types.reversed() {
                let found = try pop()
                guard found == nil || found == type else { throw mismatch() }
                popped.append(found)
            }
            for type in popped.reversed() { push(type) }
            moves += arity
            try allowance.spend(moves: moves, text: 0, at: begin)
            moves = 0
        }
        try pop(try label(fallback))
        becomeUnreachable()
        return .brTable(depths, fallback: fallback)
    }

    mutating func call(_ opcode: UInt8) throws(WasmError) -> Instruction {
        let index = try cursor.index()
        if opcode == 0x10 {
            guard index < module.functions.count else { throw invalid("unknown function \(index)") }
            let type = module.type(ofFunction: index)
            try pop(type.parameters)
            push(type.results)
            return .call(index)
        }
        let table = try tableIndex()
        guard index < module.types.count else { throw invalid("unknown type \(index)") }
        guard module.tables[table].element == .funcref else { throw mismatch() }
        try pop(.i32)
        try pop(module.types[index].parameters)
        push(module.types[index].results)
        return .callIndirect(type: index, table: table)
    }

    mutating func blockType() throws(WasmError) -> FunctionType {
        if cursor.peek() == 0x40 {
            _ = try cursor.byte()
            return FunctionType()
        }
        if let byte = cursor.peek(), ValueType(rawValue: byte) != nil {
            return FunctionType(parameters: [], results: [try cursor.valueType()])
        }
        let at = cursor
        let index = try cursor.signed(33)
        guard index >= 0 else {
            cursor = at
            _ = try cursor.valueType()
            throw cursor.malformed("malformed block type", at: begin)
        }
        guard index < module.types.count else { throw invalid("unknown type \(index)") }
        return module.types[Int(index)]
    }
}
