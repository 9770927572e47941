import Glibc
import PluginABI
import PluginSupport

/// Makes function images of modules, for backends that isolate by other means.
struct ImageBuilder: Sendable {
    /// The format that images have.
    static let format = "elf-x86_64"

    private let builder: Builder
    private let cacheBytes: UInt64

    init(_ builder: Builder, cacheBytes: UInt64) {
        var builder = builder
        builder.form = .image
        (self.builder, self.cacheBytes) = (builder, cacheBytes)
    }

    /// The image of a module: from the cache in `directory`, or compiled with all optimisations. Without a directory nothing is kept.
    /// `progress` is told permille and a few words.
    func image(
        of bytes: [UInt8], directory: String?, progress: (UInt32, String) -> Void = { _, _ in }
    ) throws(PluginError) -> [UInt8] {
        let module = try Instance.decode(bytes)
        let cache = try Cache(directory, budget: cacheBytes)
        defer { cache.close() }
        let path = builder.path(builder.key(of: bytes), .fast, in: cache.directory)
        if !Files.exists(path) {
            progress(0, "validating")
            try build(module, to: path, in: cache) { progress($0, "compiling an image") }
            cache.prune(keeping: path)
        }
        return try Files.read(path)
    }

    private func build(
        _ module: Module, to path: String, in cache: Cache, _ progress: (UInt32) -> Void
    ) throws(PluginError) {
        let server = Wasi.serves(module) ? try Self.server() : nil
        let program = try Program(Outline(module), server: server)
        let crates = try checked { () throws(WasmError) in try Crates.sole(module) }
        let work = try Files.makeTemporary("\(cache.directory)/\(Builder.workPrefix)")
        defer { Files.remove(work) }
        var arguments = try builder.libraries(of: crates, .fast, in: cache.directory, work, progress)
        var shimType = ""
        if let server {
            let shim = try shimLibrary(server, in: cache, work)
            arguments += ["--extern", "shim=\(shim.path)"]
            shimType = shim.type
            try Files.write(Self.data(server.outline.module), to: "\(work)/\(ImageRoot.shimData)")
        }
        try Files.write(Self.data(module), to: "\(work)/\(ImageRoot.mainData)")
        let root = ImageRoot(program: program, mainType: crates.modules[0], shimType: shimType)
        try link(root, arguments, work, cache.directory)
        guard rename("\(work)/root", path) == 0 else { throw Files.failure("cannot place \(path)") }
        progress(1000)
    }

    private func link(_ root: ImageRoot, _ arguments: [String], _ work: String, _ cache: String) throws(PluginError) {
        try Files.write(root.text.utf8, to: "\(work)/root.rs")
        try Files.write(root.script.utf8, to: "\(work)/image.ld")
        let flags = [
            "-nostartfiles", "-nostdlib", "-static", "-no-pie", "-Wl,-T,\(work)/image.ld", "-Wl,--build-id=none",
            "-Wl,-z,noexecstack", "-Wl,-z,norelro",
        ]
        try builder.compile(
            "root", "bin", .fast, arguments + ["-Cstrip=debuginfo"] + flags.map { "-Clink-arg=\($0)" }, work,
            reading: cache)
    }

    private static func server() throws(PluginError) -> WasiServer {
        let module = try checked { () throws(WasmError) in try ModuleDecoder.decode(wasiShim) }
        return try WasiServer(Outline(module, isLinkable: true))
    }

    /// The compiled shim, made once for each cache.
    private func shimLibrary(
        _ server: WasiServer, in cache: Cache, _ work: String
    ) throws(PluginError) -> (path: String, type: String) {
        let module = server.outline.module
        let crates = try checked { () throws(WasmError) in try Crates.together([module], name: "shim") }
        let path = "\(cache.directory)/libshim-\(builder.key(of: module.bytes).prefix(24)).rlib"
        if !Files.exists(path) {
            _ = try builder.libraries(of: crates, .fast, in: cache.directory, work) { _ in }
            guard rename("\(work)/libshim.rlib", path) == 0 else { throw Files.failure("cannot place \(path)") }
        }
        return (path, crates.modules[0])
    }

    private static func data(_ module: Module) -> ArraySlice<UInt8> { module.bytes[ImageRoot.dataRange(module)] }
}
