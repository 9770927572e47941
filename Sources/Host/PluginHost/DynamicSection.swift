internal import Glibc

/// What the dynamic section of a 64-bit ELF file says of libraries (elf(5)), in this machine's byte order.
struct DynamicSection {
    /// The file's own name for those who need it; nil = none.
    private(set) var soname: String?
    private(set) var needed: [String] = []
    /// Folders of DT_RUNPATH, or of DT_RPATH when there is none.
    private(set) var searched: [String] = []

    private struct Segment {
        let type: UInt32
        let offset: UInt64
        let address: UInt64
        let size: UInt64
    }

    /// Nil when there is no such file or it has no dynamic section; nothing in it is trusted.
    init?(of path: String) {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        guard Self.word(file, 0, as: UInt32.self) == 0x464c_457f, Self.word(file, 4, as: UInt8.self) == 2,
            let table = Self.word(file, 32, as: UInt64.self), let length = Self.word(file, 54, as: UInt16.self),
            let count = Self.word(file, 56, as: UInt16.self)
        else { return nil }
        let segments = (0..<UInt64(count)).compactMap { Self.segment(file, table &+ $0 &* UInt64(length)) }
        guard let dynamic = segments.first(where: { $0.type == 2 }) else { return nil }
        var entries: [(tag: UInt64, value: UInt64)] = []
        for place in stride(from: 0, to: min(dynamic.size, 1 << 16), by: 16) {
            guard let tag = Self.word(file, dynamic.offset &+ place, as: UInt64.self), tag != 0,
                let value = Self.word(file, dynamic.offset &+ place &+ 8, as: UInt64.self)
            else { break }
            entries.append((tag, value))
        }
        guard let address = entries.first(where: { $0.tag == 5 })?.value,
            let holder = segments.first(where: {
                $0.type == 1 && address >= $0.address && address - $0.address < $0.size
            })
        else { return nil }
        let texts = holder.offset &+ (address - holder.address)
        func all(_ tag: UInt64) -> [String] {
            entries.filter { $0.tag == tag }.compactMap { Self.text(file, texts &+ $0.value) }
        }
        soname = all(14).first
        needed = all(1)
        searched = (all(29).first ?? all(15).first ?? "").split(separator: ":").map { String($0) }
    }

    private static func segment(_ file: Int32, _ place: UInt64) -> Segment? {
        guard let type = word(file, place, as: UInt32.self), let offset = word(file, place &+ 8, as: UInt64.self),
            let address = word(file, place &+ 16, as: UInt64.self), let size = word(file, place &+ 32, as: UInt64.self)
        else { return nil }
        return Segment(type: type, offset: offset, address: address, size: size)
    }

    /// Read and not mapped: a file that is cut meanwhile must not stop the process.
    private static func word<T: FixedWidthInteger>(_ file: Int32, _ place: UInt64, as: T.Type) -> T? {
        guard let place = Int(exactly: place) else { return nil }
        var value: T = 0
        let size = MemoryLayout<T>.size
        return pread(file, &value, size, place) == size ? value : nil
    }

    private static func text(_ file: Int32, _ place: UInt64) -> String? {
        guard let place = Int(exactly: place) else { return nil }
        var bytes = [UInt8](repeating: 0, count: 4096)
        // SAFETY: bytes has bytes.count writable bytes.
        let count = pread(file, &bytes, bytes.count, place)
        return count > 0 ? String(decoding: bytes.prefix(count).prefix { $0 != 0 }, as: UTF8.self) : nil
    }
}
