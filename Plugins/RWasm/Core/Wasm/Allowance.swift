/// What a module may cost whoever reads and writes it: in proportion to its size, so that a few bytes cannot become
/// gigabytes. A block of a thousand parameters takes three bytes, and moves two thousand values.
///
/// Programs of compilers need a fraction: about two moves and ten bytes of Rust for each of their bytes.
struct Allowance {
    /// Values that instructions may yet take from and put on the operand stack.
    private var moves: Int
    /// Bytes that may yet be written.
    private var text: Int

    init(_ module: Module) {
        let code = module.bodies.reduce(0) { $0 + $1.bytes.count }
        moves = Self.freeMoves + code * Self.movesPerByte
        text = Self.freeText + code * Self.textPerByte
    }

    private static let freeMoves = 1 << 20
    private static let movesPerByte = 16
    private static let freeText = 4 << 20
    private static let textPerByte = 96

    /// Throws when more was moved or written than the module's size allows; `offset` is of the instruction that did it.
    mutating func spend(moves: Int, text: Int, at offset: Int) throws(WasmError) {
        self.moves -= moves
        self.text -= text
        guard self.moves >= 0 else {
            throw WasmError(
                .unsupported, "locals, blocks and calls have more values than a module of this size may", at: offset)
        }
        guard self.text >= 0 else {
            throw WasmError(.unsupported, "the code becomes larger than that of a module of this size may", at: offset)
        }
    }
}
