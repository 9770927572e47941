import Glibc
import PluginHarness

/// The bytes of the plugin's section "zygote", found through its section headers (elf(5)).
func zygoteSection() throws -> [UInt8] {
    let file = try fileBytes(processPlugin)
    let table = Int(number(file, at: 40, size: 8))
    let count = Int(number(file, at: 60, size: 2))
    let names = table + 64 * Int(number(file, at: 62, size: 2))
    let nameBase = Int(number(file, at: names + 24, size: 8))
    for index in 0..<count {
        let head = table + 64 * index
        let name = nameBase + Int(number(file, at: head, size: 4))
        guard file[name...].starts(with: [UInt8]("zygote".utf8) + [0]) else { continue }
        let begin = Int(number(file, at: head + 24, size: 8))
        return [UInt8](file[begin..<begin + Int(number(file, at: head + 32, size: 8))])
    }
    throw HarnessError(-1, "no section zygote in \(processPlugin)")
}

func number(_ bytes: [UInt8], at offset: Int, size: Int) -> UInt64 {
    (0..<size).reduce(0) { $0 | UInt64(bytes[offset + $1]) << ($1 * 8) }
}

func fileBytes(_ path: String) throws -> [UInt8] {
    let fd = open(path, O_RDONLY)
    guard fd >= 0 else { throw HarnessError(-1, "cannot open \(path)") }
    defer { close(fd) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while case let got = read(fd, &chunk, chunk.count), got > 0 { bytes += chunk.prefix(got) }
    return bytes
}

/// The names in a directory.
func names(in directory: String) -> [String] {
    guard let stream = opendir(directory) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
        names.append(
            withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
    }
    return names
}

/// The pids of processes whose parent is `parent`.
func processes(parent: pid_t) throws -> [pid_t] {
    names(in: "/proc").compactMap { pid_t($0) }.filter { pid in
        guard let stat = try? fileBytes("/proc/\(pid)/stat") else { return false }
        // After the name in brackets: state, then the parent.
        let fields = String(decoding: stat, as: UTF8.self).split(separator: ")").last?.split(separator: " ") ?? []
        return fields.count > 1 && pid_t(fields[1]) == parent
    }
}
