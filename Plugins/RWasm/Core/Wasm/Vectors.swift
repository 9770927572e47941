/// Vector instructions (section 5.4.8).
extension FunctionReader {
    mutating func vector(_ opcode: UInt32) throws(WasmError) -> Instruction {
        if let operation = Instructions.shared.vector(opcode) { return try apply(operation) }
        switch opcode {
        case 0x0c:
            let low = try cursor.fixed64()
            push(.v128)
            return .constant(.v128, low: low, high: try cursor.fixed64())
        case 0x0d: return try shuffle()
        case 0x100...0x12f: throw unsupported("relaxed-simd")
        default: throw illegal(0xfd00 | opcode)
        }
    }

    private mutating func shuffle() throws(WasmError) -> Instruction {
        let low = try cursor.fixed64()
        let high = try cursor.fixed64()
        for word in [low, high] {
            guard word & 0xe0e0_e0e0_e0e0_e0e0 == 0 else { throw invalid("invalid lane index") }
        }
        try pop([.v128, .v128])
        push(.v128)
        return .shuffle(low: low, high: high)
    }

    mutating func laneIndex(_ count: UInt8) throws(WasmError) -> UInt8 {
        let lane = try cursor.byte()
        guard lane < count else { throw invalid("invalid lane index") }
        return lane
    }
}
