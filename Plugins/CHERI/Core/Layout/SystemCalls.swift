/// Finding system calls in code. A64 instructions are aligned words, so no jump can make one out of others.
enum SystemCalls {
    /// The byte offset of the first `svc` in whole little-endian words, nil when there is none.
    static func first(in code: UnsafeRawBufferPointer) -> Int? {
        stride(from: 0, to: code.count & ~3, by: 4).first { offset in
            UInt32(littleEndian: code.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) & 0xffe0_001f
                == 0xd400_0001
        }
    }
}
