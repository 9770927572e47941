import Glibc
import PluginABI
import PluginHarness
import TestSupport
import Testing

/// Compiles the guests of this folder with the toolchain's clang.
enum WasmGuest {
    static let folder = "\(#filePath)".split(separator: "/").dropLast().joined(separator: "/")

    /// A module in the original's raw form.
    static func raw(_ name: String, _ flags: [String] = []) throws -> [UInt8] {
        try compile(
            name,
            [
                "--target=wasm32-unknown-unknown", "-O2", "-nostdlib", "-Wall", "-Wextra", "-Wno-int-to-pointer-cast",
                "-I/\(folder)/../../Sources/PluginABI/include", "-Wl,--no-entry", "-Wl,--import-memory",
                "-Wl,--export-all",
            ] + flags)
    }

    static func compile(_ name: String, _ flags: [String]) throws -> [UInt8] {
        let output = "\(Temporary.folder)/dandelion-wasm-\(getpid())-\(name).wasm"
        try run(["clang"] + flags + ["/\(folder)/guests/\(name).c", "-o", output])
        defer { unlink(output) }
        return try read(output)
    }

    static func read(_ path: String) throws -> [UInt8] {
        let fd = open(path, O_RDONLY)
        guard fd >= 0 else { throw HarnessError(DN_IO, "cannot open \(path)") }
        defer { close(fd) }
        var bytes = [UInt8](repeating: 0, count: max(0, Int(lseek(fd, 0, SEEK_END))))
        guard pread(fd, &bytes, bytes.count, 0) == bytes.count else { throw HarnessError(DN_IO, "cannot read \(path)") }
        return bytes
    }

    /// A file of the kernel's, which tells no size.
    static func readAll(_ path: String) throws -> [UInt8] {
        let fd = open(path, O_RDONLY)
        guard fd >= 0 else { throw HarnessError(DN_IO, "cannot open \(path)") }
        defer { close(fd) }
        var buffer = [UInt8](repeating: 0, count: 65536)
        let count = Glibc.read(fd, &buffer, buffer.count)
        return Array(buffer.prefix(max(0, count)))
    }

    /// Of this process.
    static func residentBytes() throws -> Int {
        let text = String(decoding: try readAll("/proc/self/statm"), as: UTF8.self)
        let pages = try #require(text.split(separator: " ").dropFirst().first.flatMap { Int($0) })
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }

    static func write(_ bytes: [UInt8], to path: String) throws {
        let fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        guard fd >= 0 else { throw HarnessError(DN_IO, "cannot create \(path)") }
        defer { close(fd) }
        guard Glibc.write(fd, bytes, bytes.count) == bytes.count else {
            throw HarnessError(DN_IO, "cannot write \(path)")
        }
    }

    static func run(_ arguments: [String]) throws {
        var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for argument in argv { free(argument) } }
        var pid = pid_t()
        var status: Int32 = -1
        if let program = argv[0], posix_spawnp(&pid, program, nil, nil, &argv, environ) == 0 {
            // An engine's timer, left standing by an earlier run, may come in between.
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        }
        guard status == 0 else {
            throw HarnessError(DN_FAILED, "\(arguments.joined(separator: " ")) failed with \(status)")
        }
    }
}

/// What a run of a module gave.
struct WasmOutcome {
    var result: dn_run_result
    var exitCode: Int32 = -1
    var outputs: [GuestSet] = []
    var detail: String { withUnsafeBytes(of: result.detail) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) } }
}

extension HarnessEngine {
    /// The whole way of one invocation of a module with 32-bit structures.
    func invoke32(
        _ image: HarnessImage, inputs: [GuestSet] = [], outputs: [String] = ["out"], limit: UInt64 = 4 << 20,
        deadline: UInt64 = 5_000_000_000, idle isIdle: Bool = true
    ) throws -> WasmOutcome {
        let context = try context(limit: limit, image: image)
        defer {
            context.destroy()
            if isIdle { idle() }
        }
        var writer = Writer32(context, image, limit: limit)
        let system = try writer.write(inputs: inputs, outputs: outputs)
        var outcome = WasmOutcome(result: try run(context, deadline: deadline))
        let left = try context.read32(system, as: dn_guest_system32.self)
        outcome.exitCode = left.exit_code
        if outcome.result.outcome == DN_RUN_EXITED { outcome.outputs = try context.outputs32(left) }
        return outcome
    }
}

struct Writer32 {
    private let context: HarnessContext
    private let image: HarnessImage
    private var cursor: UInt64
    private let limit: UInt64

    init(_ context: HarnessContext, _ image: HarnessImage, limit: UInt64) {
        (self.context, self.image, self.limit) = (context, image, limit)
        cursor = image.info.data_begin
    }

    private mutating func place(_ bytes: [UInt8], align: UInt64 = 1) throws -> UInt32 {
        cursor = (cursor + align - 1) / align * align
        defer { cursor += UInt64(bytes.count) }
        try context.write(cursor, bytes)
        return UInt32(cursor)
    }

    private mutating func place<T>(_ values: [T]) throws -> UInt32 {
        try place(values.withUnsafeBytes { [UInt8]($0) }, align: 8)
    }

    /// Returns the address of the system data.
    mutating func write(inputs: [GuestSet], outputs: [String]) throws -> UInt64 {
        var items: [dn_guest_item32] = []
        var sets: [dn_guest_set32] = []
        for set in inputs {
            let name = try place([UInt8](set.name.utf8))
            sets.append(
                dn_guest_set32(ident: name, ident_len: UInt32(set.name.utf8.count), offset: UInt32(items.count)))
            for item in set.items {
                let ident = try place([UInt8](item.ident.utf8))
                let data = try place(item.data, align: 128)
                items.append(
                    dn_guest_item32(
                        ident: ident, ident_len: UInt32(item.ident.utf8.count), data: data,
                        data_len: UInt32(item.data.count), key: item.key))
            }
        }
        sets.append(dn_guest_set32(ident: 0, ident_len: 0, offset: UInt32(items.count)))
        var outputSets: [dn_guest_set32] = []
        for name in outputs {
            outputSets.append(
                dn_guest_set32(ident: try place([UInt8](name.utf8)), ident_len: UInt32(name.utf8.count), offset: 0))
        }
        outputSets.append(dn_guest_set32())
        var system = dn_guest_system32()
        system.exit_code = -1
        system.input_sets_len = UInt32(inputs.count)
        system.input_sets = try place(sets)
        system.output_sets_len = UInt32(outputs.count)
        system.output_sets = try place(outputSets)
        system.input_items = try place(items)
        let own = try place([dn_guest_system32()])
        let address = image.info.system_data == .max ? UInt64(own) : image.info.system_data
        system.heap_begin = UInt32((cursor + 15) / 16 * 16)
        system.heap_end = UInt32(limit - 128)
        try context.write(address, withUnsafeBytes(of: system) { [UInt8]($0) })
        return address
    }
}

extension HarnessContext {
    func read32<T>(_ address: UInt64, as type: T.Type) throws -> T {
        try read(address, UInt64(MemoryLayout<T>.size)).withUnsafeBytes { $0.loadUnaligned(as: type) }
    }

    func outputs32(_ system: dn_guest_system32) throws -> [GuestSet] {
        try (0..<system.output_sets_len).map { index in
            let stride = UInt64(MemoryLayout<dn_guest_set32>.size)
            let address = UInt64(system.output_sets) + UInt64(index) * stride
            let set = try read32(address, as: dn_guest_set32.self)
            let next = try read32(address + stride, as: dn_guest_set32.self)
            guard set.offset <= next.offset else { throw HarnessError(DN_BAD_INPUT, "offsets of output set \(index)") }
            let items = try (set.offset..<next.offset).map { number in
                let place = UInt64(system.output_items) + UInt64(number) * UInt64(MemoryLayout<dn_guest_item32>.size)
                let item = try read32(place, as: dn_guest_item32.self)
                return GuestItem(
                    try text(item.ident, item.ident_len), key: item.key,
                    try read(UInt64(item.data), UInt64(item.data_len)))
            }
            return GuestSet(try text(set.ident, set.ident_len), items)
        }
    }

    private func text(_ address: UInt32, _ count: UInt32) throws -> String {
        String(decoding: try read(UInt64(address), UInt64(count)), as: UTF8.self)
    }
}
