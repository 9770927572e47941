/// The instruction by which compilers end a function with a code on x86-64 (LLVM's `llvm.ubsantrap`): `ud1` whose operand's
/// displacement is the code: none, or one byte.
public enum CompilerTrap {
    /// Bytes of the longest such instruction.
    public static let length: UInt64 = 5

    /// The code, when the `length` bytes at `instruction` are such a trap.
    public static func code(at instruction: UnsafeRawPointer) -> Int32? {
        let bytes = UnsafeRawBufferPointer(start: instruction, count: Int(length))
        guard bytes.starts(with: [0x67, 0x0f, 0xb9]) else { return nil }
        return bytes[3] == 0 ? 0 : bytes[3] == 0x40 ? Int32(bytes[4]) : nil
    }
}
