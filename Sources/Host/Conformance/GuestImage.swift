internal import Glibc
internal import Platform

/// What the checks run.
enum Guest: String {
    /// Leaves with exit code 7 in its system data.
    case exits
    /// Never ends.
    case loops
    /// Reads an address that no context has.
    case faults
    case callsSystem
    // Those below are the kit's own only.
    /// Read, write or jump to the address that is their argument.
    case readsAt, writesAt, jumpsTo
    case illegal, divides, privileged, traps
    /// getpid(2) by the ways that 32-bit programs and x32 have.
    case callsByInterrupt, callsBySysenter, callsX32
    /// Calls itself for ever.
    case recurses
    /// Pushes `GuestImage.secret` and leaves.
    case pushes
    /// Leaves with `GuestImage.secret` in its registers.
    case fillsRegisters
    /// Stores the registers that it began with 256 bytes behind the start of its system data, and leaves.
    case dumpsRegisters

    var native: GuestImage {
        switch self {
        case .exits: .exits
        case .loops: .loops
        case .faults: .readsWild
        case .callsSystem: .callsSystem
        // The argument lies at offset 48 of the entry block, rdi: mov rax, [rdi + 48]; mov rax, [rax].
        case .readsAt: GuestImage([0x48, 0x8b, 0x47, 48, 0x48, 0x8b, 0x00] + GuestImage.leave)
        case .writesAt: GuestImage([0x48, 0x8b, 0x47, 48, 0xc6, 0x00, 1] + GuestImage.leave)
        case .jumpsTo: GuestImage([0xff, 0x67, 48])
        case .illegal: GuestImage([0x0f, 0x0b])
        // xor ecx, ecx; xor edx, edx; div ecx.
        case .divides: GuestImage([0x31, 0xc9, 0x31, 0xd2, 0xf7, 0xf1] + GuestImage.leave)
        case .privileged: GuestImage([0xf4] + GuestImage.leave)
        case .traps: GuestImage([0xcc] + GuestImage.leave)
        // mov eax, 20; int 0x80. mov eax, 20; sysenter. mov eax, 0x40000027; syscall.
        case .callsByInterrupt: GuestImage([0xb8, 20, 0, 0, 0, 0xcd, 0x80] + GuestImage.leave)
        case .callsBySysenter: GuestImage([0xb8, 20, 0, 0, 0, 0x0f, 0x34] + GuestImage.leave)
        case .callsX32: GuestImage([0xb8, 39, 0, 0, 0x40, 0x0f, 0x05] + GuestImage.leave)
        case .recurses: GuestImage([0xe8, 0xfb, 0xff, 0xff, 0xff])
        // mov rax, secret; push rax.
        case .pushes: GuestImage([0x48, 0xb8] + GuestImage.secretBytes + [0x50] + GuestImage.leave)
        case .fillsRegisters: .fillsRegisters
        case .dumpsRegisters: .dumpsRegisters
        }
    }

    /// The file of this name, with any suffix, in the user's folder.
    func read(from folder: String) throws -> [UInt8] {
        let names = try Folder.names(folder)
        guard let name = names.first(where: { $0 == rawValue || $0.hasPrefix(rawValue + ".") }) else {
            throw NotApplicable(why: "\(folder) has no image '\(rawValue)'")
        }
        return try Folder.read("\(folder)/\(name)")
    }
}

/// The user's files.
enum Folder {
    static func names(_ folder: String) throws -> [String] {
        guard let stream = opendir(folder) else {
            throw NotApplicable(why: "\(folder): \(String(cString: strerror(errno)))")
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            // SAFETY: d_name is NUL-terminated inside the entry, which lives until the next readdir.
            let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
                field.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
            }
            names.append(name)
        }
        return names.sorted()
    }

    static func read(_ path: String) throws -> [UInt8] {
        do throws(WholeFile.Failed) { return try WholeFile.read(path) } catch {
            throw NotApplicable(why: "\(path) \(error.text)")
        }
    }
}

/// Function images of a few instructions, made here so that judging a plugin needs no compiler. Format: elf(5).
struct GuestImage {
    static let codeAddress: UInt64 = 0x10000
    static let dataAddress: UInt64 = 0x11000

    let bytes: [UInt8]
    /// Addresses of its code.
    let code: Range<UInt64>

    /// Exit code 7 into the system data, then a jump to the entry block's exit address (offset 8 of rdi).
    static let exits = GuestImage(leave)
    fileprivate static let leave: [UInt8] = [0xc7, 0x04, 0x25, 0x00, 0x10, 0x01, 0x00, 7, 0, 0, 0, 0xff, 0x67, 0x08]
    /// Jumps to itself.
    static let loops = GuestImage([0xeb, 0xfe])
    /// Reads address 0x7fff00000000, which no context has.
    static let readsWild = GuestImage([0x48, 0xb8, 0, 0, 0, 0, 0xff, 0x7f, 0, 0, 0x48, 0x8b, 0x00, 0xeb, 0xfe])
    /// getpid(2): system call 39.
    static let callsSystem = GuestImage([0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xfe])

    /// A value that no register holds by chance.
    static let secret: UInt64 = 0x5ec2_e751_a7b3_94d1
    static let secretBytes = word64(secret)
    /// All but the stack pointer and rdi, which leads to the exit.
    private static let general: [UInt8] = [0, 1, 2, 3, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15]

    /// Where `dumpsRegisters` stores, behind the start of the data: general, xmm, upper halves of ymm, fxsave(5)'s area
    /// with the x87 registers at its offset 32.
    static let dump: (begin: UInt64, count: Int) = (0x100, 0x480)

    /// Leaves with the secret in every register: movq xmm, rax; movq mm, rax; vinsertf128 ymm, ymm, xmm, 1; mov r, secret.
    static let fillsRegisters: GuestImage = {
        var code: [UInt8] = [0x48, 0xb8] + word64(secret)
        for register in 0..<16 as Range<UInt8> {
            code += [0x66, 0x48 | ((register >> 3) << 2), 0x0f, 0x6e, 0xc0 | ((register & 7) << 3)]
        }
        for register in 0..<8 as Range<UInt8> { code += [0x48, 0x0f, 0x6e, 0xc0 | (register << 3)] }
        code += withAVX(
            (0..<16 as Range<UInt8>).flatMap { register -> [UInt8] in
                let both = (register & 7) << 3 | register & 7
                return [0xc4, register < 8 ? 0xe3 : 0x43, (~register & 15) << 3 | 5, 0x18, 0xc0 | both, 1]
            })
        for register in general { code += [0x48 | (register >> 3), 0xb8 | (register & 7)] + word64(secret) }
        return GuestImage(code + leave)
    }()
    /// mov [data + 0x100 + 8 r], r; movups [data + 0x180 + 16 x], xmm; fxsave [data + 0x380];
    /// vextractf128 [data + 0x280 + 16 y], ymm, 1.
    static let dumpsRegisters: GuestImage = {
        let data = UInt32(dataAddress)
        var code: [UInt8] = []
        for register in general {
            code += [0x48 | ((register >> 3) << 2), 0x89, 0x04 | ((register & 7) << 3), 0x25]
            code += word32(data + 0x100 + 8 * UInt32(register))
        }
        for register in 0..<16 as Range<UInt8> {
            code += [0x40 | ((register >> 3) << 2), 0x0f, 0x11, 0x04 | ((register & 7) << 3), 0x25]
            code += word32(data + 0x180 + 16 * UInt32(register))
        }
        code += [0x0f, 0xae, 0x04, 0x25] + word32(data + 0x380)
        code += withAVX(
            (0..<16 as Range<UInt8>).flatMap { register -> [UInt8] in
                [0xc4, register < 8 ? 0xe3 : 0x63, 0x7d, 0x19, 0x04 | ((register & 7) << 3), 0x25]
                    + word32(data + 0x280 + 16 * UInt32(register)) + [1]
            })
        return GuestImage(code + leave)
    }()

    /// Skips the code unless cpuid says that AVX is there and switched on; changes rax, rbx, rcx and rdx.
    private static func withAVX(_ code: [UInt8]) -> [UInt8] {
        let test: [UInt8] = [
            0xb8, 1, 0, 0, 0, 0x31, 0xc9, 0x0f, 0xa2, 0x81, 0xe1, 0, 0, 0, 0x18, 0x81, 0xf9, 0, 0, 0, 0x18, 0x0f, 0x85,
        ]
        return test + word32(UInt32(code.count)) + code
    }

    /// What lies in the eight bytes at `word` of the dump.
    static func register(at word: Int) -> String {
        switch word {
        case ..<16: "general register \(word)"
        case ..<48: "xmm\((word - 16) / 2)"
        case ..<80: "the upper half of ymm\((word - 48) / 2)"
        case 84..<100: "x87 register \((word - 84) / 2)"
        default: "the area of fxsave"
        }
    }

    /// One page of code and one of data, which begins with the system data's symbol.
    fileprivate init(_ code: [UInt8]) {
        let (codeOffset, dataOffset, tables) = (0x1000, 0x2000, 0x2048)
        let name = [0] + Array("__dandelion_system_data".utf8) + [0]
        var file = Self.header(sections: tables + 48 + name.count)
        file += Self.segment(flags: 5, codeOffset, Self.codeAddress, size: code.count, memory: code.count)
        file += Self.segment(flags: 6, dataOffset, Self.dataAddress, size: 72, memory: 4096)
        file += [UInt8](repeating: 0, count: codeOffset - file.count) + code
        file += [UInt8](repeating: 0, count: tables - file.count)
        // The null symbol, then the system data: global object in section 1.
        file += [UInt8](repeating: 0, count: 24)
        file += Self.word32(1) + [0x11, 0] + Self.word16(1) + Self.word64(Self.dataAddress) + Self.word64(72) + name
        file += Self.section(type: 0, 0, 0, size: 0, link: 0, entry: 0)
        file += Self.section(type: 1, Self.dataAddress, dataOffset, size: 72, link: 0, entry: 0)
        file += Self.section(type: 2, 0, tables, size: 48, link: 3, entry: 24)
        file += Self.section(type: 3, 0, tables + 48, size: name.count, link: 0, entry: 0)
        bytes = file
        self.code = Self.codeAddress..<Self.codeAddress + UInt64(code.count)
    }

    private static func header(sections: Int) -> [UInt8] {
        [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0] + [UInt8](repeating: 0, count: 8) + word16(2) + word16(62) + word32(1)
            + word64(codeAddress) + word64(64) + word64(UInt64(sections)) + word32(0) + word16(64) + word16(56)
            + word16(2) + word16(64) + word16(4) + word16(3)
    }

    private static func segment(flags: UInt32, _ offset: Int, _ address: UInt64, size: Int, memory: Int) -> [UInt8] {
        word32(1) + word32(flags) + word64(UInt64(offset)) + word64(address) + word64(address)
            + word64(UInt64(size)) + word64(UInt64(memory)) + word64(4096)
    }

    private static func section(
        type: UInt32, _ address: UInt64, _ offset: Int, size: Int, link: UInt32, entry: UInt64
    ) -> [UInt8] {
        word32(0) + word32(type) + word64(type == 1 ? 3 : 0) + word64(address) + word64(UInt64(offset))
            + word64(UInt64(size)) + word32(link) + word32(type == 2 ? 1 : 0) + word64(8) + word64(entry)
    }

    private static func word16(_ value: UInt16) -> [UInt8] { little(UInt64(value), 2) }
    private static func word32(_ value: UInt32) -> [UInt8] { little(UInt64(value), 4) }
    private static func word64(_ value: UInt64) -> [UInt8] { little(value, 8) }

    private static func little(_ value: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (UInt64($0) * 8)) }
    }
}
