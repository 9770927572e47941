/// The instruction by which compilers end a function with a code on x86-64 (LLVM's `llvm.ubsantrap`): `ud1` whose operand's
/// displacement is the code.
public enum CompilerTrap {
    /// Bytes of the instruction.
    public static let length: UInt64 = 5

    /// The code, when the `length` bytes at `instruction` are such a trap.
    public static func code(at instruction: UnsafeRawPointer) -> Int32? {
        let bytes = UnsafeRawBufferPointer(start: instruction, count: Int(length))
        return bytes.starts(with: [0x67, 0x0f, 0xb9, 0x40]) ? Int32(bytes[4]) : nil
    }
}
