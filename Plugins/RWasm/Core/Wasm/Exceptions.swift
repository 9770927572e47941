/// Exceptions: the legacy form (try, catch, delegate, rethrow) and that of WebAssembly 3.0 (try_table, throw_ref).
extension FunctionReader {
    mutating func exception(_ opcode: UInt8) throws(WasmError) -> Instruction {
        switch opcode {
        case 0x06:
            let type = try blockType()
            try enter(.try, type)
            return .try(type)
        case 0x07: return .catch(tag: try handler(.catch) ?? 0)
        case 0x08:
            let tag = try tagIndex()
            try pop(module.values(ofTag: tag))
            becomeUnreachable()
            return .throw(tag: tag)
        case 0x09: return try rethrow()
        case 0x0a:
            try pop(.exnref)
            becomeUnreachable()
            return .throwRef
        case 0x18: return try delegate()
        case 0x19:
            _ = try handler(.catchAll)
            return .catchAll
        default: return try tryTable()
        }
    }

    private mutating func tagIndex() throws(WasmError) -> Int {
        let index = try cursor.index()
        guard index < module.tags.count else { throw invalid("unknown tag \(index)") }
        return index
    }

    /// Begins a handler of the `try` at hand; its tag, unless it catches all.
    private mutating func handler(_ block: Block) throws(WasmError) -> Int? {
        guard let last = frames.last, last.block == .try || last.block == .catch else {
            throw cursor.malformed("catch without try", at: begin)
        }
        let frame = try leave()
        frames.append(Frame(block: block, type: frame.type, height: frame.height))
        guard block == .catch else { return nil }
        let tag = try tagIndex()
        push(module.values(ofTag: tag))
        return tag
    }

    /// Its label is seen from outside the block that it ends.
    private mutating func delegate() throws(WasmError) -> Instruction {
        let depth = try cursor.index()
        guard frames.last?.block == .try else { throw cursor.malformed("delegate without try", at: begin) }
        let frame = try leave()
        _ = try label(depth)
        push(frame.type.results)
        return .delegate(depth)
    }

    private mutating func rethrow() throws(WasmError) -> Instruction {
        let depth = try cursor.index()
        _ = try label(depth)
        let block = frames[frames.count - 1 - depth].block
        guard block == .catch || block == .catchAll else { throw invalid("invalid rethrow label \(depth)") }
        becomeUnreachable()
        return .rethrow(depth)
    }

    private mutating func tryTable() throws(WasmError) -> Instruction {
        let type = try blockType()
        var catches: [Catch] = []
        for _ in 0..<(try cursor.count("catch clauses")) { catches.append(try clause()) }
        try enter(.tryTable, type)
        return .tryTable(type, catches)
    }

    private mutating func clause() throws(WasmError) -> Catch {
        let kind = try cursor.byte()
        guard kind < 4 else { throw cursor.malformed("malformed catch clause", at: begin) }
        let tag = kind < 2 ? try tagIndex() : nil
        let clause = Catch(tag: tag, givesReference: kind & 1 == 1, depth: try cursor.index())
        let given = (tag.map(module.values(ofTag:)) ?? []) + (clause.givesReference ? [.exnref] : [])
        moves += given.count
        guard try label(clause.depth) == given else { throw invalid("type mismatch") }
        return clause
    }
}
