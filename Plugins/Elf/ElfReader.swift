import CElf
import Glibc
import PluginABI
import PluginKit

/// Reads and checks the parts of one ELF file through libelf.
struct ElfReader {
    private let elf: OpaquePointer
    private let bytes: UnsafeRawBufferPointer
    private let header: Elf64_Ehdr

    init(bytes: UnsafeRawBufferPointer, machine: Machine) throws(PluginError) {
        try ElfReader.checkIdentity(bytes)
        guard elf_version(UInt32(EV_CURRENT)) != UInt32(EV_NONE) else {
            throw PluginError(DN_UNAVAILABLE, "libelf knows no current ELF version; install a newer libelf")
        }
        // Safe: libelf only reads an image that is opened by elf_memory and never updated; it lives as long as `bytes`.
        let start = UnsafeMutableRawPointer(mutating: bytes.baseAddress)?.assumingMemoryBound(to: CChar.self)
        guard let elf = start.flatMap({ elf_memory($0, bytes.count) }) else {
            throw PluginError(DN_BAD_IMAGE, "not readable as ELF: \(ElfReader.reason())", at: 0)
        }
        var header = Elf64_Ehdr()
        guard gelf_getehdr(elf, &header) != nil else {
            elf_end(elf)
            throw PluginError(DN_BAD_IMAGE, "no ELF header: \(ElfReader.reason())", at: 0)
        }
        self.elf = elf
        self.bytes = bytes
        self.header = header
        do throws(PluginError) {
            try checkHeader(machine)
        } catch {
            elf_end(elf)
            throw error
        }
    }

    func close() { elf_end(elf) }

    private static func reason() -> String {
        elf_errmsg(-1).map { String(cString: $0) } ?? "no reason given"
    }

    /// Tells files of other formats from damaged ones, by e_ident.
    private static func checkIdentity(_ bytes: UnsafeRawBufferPointer) throws(PluginError) {
        guard bytes.count >= 4, bytes.prefix(4).elementsEqual([0x7f, 0x45, 0x4c, 0x46]) else {
            throw PluginError(DN_UNSUPPORTED, "not an ELF file; this backend runs static ELF executables", at: 0)
        }
        guard bytes.count >= MemoryLayout<Elf64_Ehdr>.size else {
            throw PluginError(DN_BAD_IMAGE, "the file ends inside its ELF header", at: UInt64(bytes.count))
        }
        guard bytes[4] == UInt8(ELFCLASS64), bytes[5] == UInt8(ELFDATA2LSB) else {
            throw PluginError(DN_UNSUPPORTED, "not a 64-bit little-endian ELF file", at: 4)
        }
    }

    private func checkHeader(_ machine: Machine) throws(PluginError) {
        guard header.e_machine == machine.rawValue else {
            throw PluginError(
                DN_UNSUPPORTED, "the image is for ELF machine \(header.e_machine), this backend runs \(machine.name)",
                at: 18)
        }
        guard header.e_type == UInt16(ET_EXEC) else {
            throw PluginError(
                DN_BAD_IMAGE,
                "not a fixed-address executable, as functions are (ELF type \(header.e_type)); build it with the SDK "
                    + "(SDK/README.md)",
                at: 16)
        }
        try checkTable(
            "program header", offset: header.e_phoff, entry: header.e_phentsize, size: MemoryLayout<Elf64_Phdr>.size,
            count: header.e_phnum, fieldAt: 32)
        try checkTable(
            "section header", offset: header.e_shoff, entry: header.e_shentsize, size: MemoryLayout<Elf64_Shdr>.size,
            count: header.e_shnum, fieldAt: 40)
    }

    private func checkTable(
        _ name: String, offset: UInt64, entry: UInt16, size: Int, count: UInt16, fieldAt: UInt64
    ) throws(PluginError) {
        // Extended numbering (counts that do not fit 16 bits) never occurs in a function's image.
        guard count > 0, count < 0xff00 else {
            throw PluginError(
                DN_BAD_IMAGE, "it has no \(name) table; link with the defaults and keep the symbol table", at: fieldAt)
        }
        guard Int(entry) == size else {
            throw PluginError(DN_BAD_IMAGE, "\(name) entries have \(entry) bytes instead of \(size)", at: fieldAt)
        }
        guard contains(offset, UInt64(count) * UInt64(size)) else {
            throw PluginError(DN_BAD_IMAGE, "the \(name) table at \(offset) leaves the file", at: fieldAt)
        }
    }

    private func contains(_ offset: UInt64, _ size: UInt64) -> Bool {
        let (end, wrapped) = offset.addingReportingOverflow(size)
        return !wrapped && end <= UInt64(bytes.count)
    }

    func segments(in addresses: Range<dn_gaddr>) throws(PluginError) -> [Segment] {
        var segments: [(segment: Segment, at: UInt64)] = []
        for index in 0..<Int32(header.e_phnum) {
            let at = header.e_phoff &+ UInt64(index) &* UInt64(MemoryLayout<Elf64_Phdr>.size)
            var program = Elf64_Phdr()
            guard gelf_getphdr(elf, index, &program) != nil else {
                throw PluginError(DN_BAD_IMAGE, "program header \(index): \(ElfReader.reason())", at: at)
            }
            if program.p_type == UInt32(PT_INTERP) || program.p_type == UInt32(PT_DYNAMIC) {
                throw PluginError(DN_BAD_IMAGE, "it is dynamically linked; link with -static", at: at)
            }
            guard program.p_type == UInt32(PT_LOAD), program.p_memsz > 0 else { continue }
            segments.append((try segment(program, index, at, addresses), at))
        }
        guard !segments.isEmpty else { throw PluginError(DN_BAD_IMAGE, "it has nothing to load", at: header.e_phoff) }
        segments.sort { $0.segment.address < $1.segment.address }
        for (before, after) in zip(segments, segments.dropFirst()) where before.segment.end > after.segment.address {
            throw PluginError(DN_BAD_IMAGE, "segments overlap at 0x\(hex(after.segment.address))", at: after.at)
        }
        return segments.map(\.segment)
    }

    private func segment(
        _ program: Elf64_Phdr, _ index: Int32, _ at: UInt64, _ addresses: Range<dn_gaddr>
    ) throws(PluginError) -> Segment {
        let (end, wrapped) = program.p_vaddr.addingReportingOverflow(program.p_memsz)
        guard !wrapped, program.p_vaddr >= addresses.lowerBound, end <= addresses.upperBound else {
            throw PluginError(
                DN_BAD_IMAGE,
                "segment \(index) at 0x\(hex(program.p_vaddr)) with 0x\(hex(program.p_memsz)) bytes leaves the addresses "
                    + "0x\(hex(addresses.lowerBound)) to 0x\(hex(addresses.upperBound))",
                at: at &+ 16)
        }
        guard program.p_filesz <= program.p_memsz else {
            throw PluginError(DN_BAD_IMAGE, "segment \(index) is larger in the file than in memory", at: at &+ 32)
        }
        guard contains(program.p_offset, program.p_filesz) else {
            throw PluginError(
                DN_BAD_IMAGE, "the bytes of segment \(index) at \(program.p_offset) leave the file", at: at &+ 8)
        }
        let rights = Rights(rawValue: program.p_flags & 7)
        guard !rights.isSuperset(of: [.write, .execute]) else {
            throw PluginError(
                DN_BAD_IMAGE, "segment \(index) is writable and executable; link code and data apart", at: at &+ 4)
        }
        return Segment(
            address: program.p_vaddr, memorySize: program.p_memsz, fileOffset: Int(program.p_offset),
            fileSize: Int(program.p_filesz), rights: rights)
    }

    func entry(in segments: [Segment]) throws(PluginError) -> dn_gaddr {
        let code = segments.contains {
            $0.rights.contains(.execute) && $0.address <= header.e_entry && header.e_entry < $0.end
        }
        guard code else {
            throw PluginError(DN_BAD_IMAGE, "the entry 0x\(hex(header.e_entry)) lies in no executable segment", at: 24)
        }
        return header.e_entry
    }

    /// The address of the symbol that marks the 72 bytes of system data, by exact name.
    func systemData(in segments: [Segment]) throws(PluginError) -> dn_gaddr {
        let name = "__dandelion_system_data"
        guard let (address, at) = try symbol(name) else {
            throw PluginError(
                DN_BAD_IMAGE,
                "no symbol \(name): not built with the SDK (SDK/README.md), or linked with --strip-all",
                at: header.e_shoff)
        }
        let (end, wrapped) = address.addingReportingOverflow(UInt64(MemoryLayout<dn_guest_system64>.size))
        guard !wrapped, segments.contains(where: { $0.address <= address && end <= $0.end }) else {
            throw PluginError(DN_BAD_IMAGE, "\(name) at 0x\(hex(address)) lies outside the segments", at: at)
        }
        return address
    }

    /// The value of a defined symbol and the file offset that says so, by exact name.
    func symbol(_ name: String) throws(PluginError) -> (address: dn_gaddr, at: UInt64)? {
        var section: OpaquePointer?
        while let next = elf_nextscn(elf, section) {
            section = next
            var head = Elf64_Shdr()
            guard gelf_getshdr(next, &head) != nil else {
                throw PluginError(DN_BAD_IMAGE, "section header: \(ElfReader.reason())", at: header.e_shoff)
            }
            guard head.sh_type == UInt32(SHT_SYMTAB) else { continue }
            guard contains(head.sh_offset, head.sh_size), head.sh_entsize == UInt64(MemoryLayout<Elf64_Sym>.size) else {
                throw PluginError(
                    DN_BAD_IMAGE, "the symbol table at \(head.sh_offset) leaves the file", at: header.e_shoff)
            }
            guard let data = elf_getdata(next, nil) else {
                throw PluginError(DN_BAD_IMAGE, "symbol table: \(ElfReader.reason())", at: head.sh_offset)
            }
            if let found = find(name, in: data, head) { return found }
        }
        return nil
    }

    private func find(
        _ name: String, in data: UnsafeMutablePointer<Elf_Data>, _ head: Elf64_Shdr
    ) -> (address: dn_gaddr, at: UInt64)? {
        var symbol = Elf64_Sym()
        let count = Int32(clamping: head.sh_size / head.sh_entsize)
        for index in 0..<count where gelf_getsym(data, index, &symbol) != nil && symbol.st_shndx != UInt16(SHN_UNDEF) {
            guard let text = elf_strptr(elf, Int(head.sh_link), Int(symbol.st_name)) else { continue }
            if strcmp(text, name) == 0 {
                return (symbol.st_value, head.sh_offset &+ UInt64(index) &* head.sh_entsize)
            }
        }
        return nil
    }
}
