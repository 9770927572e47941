import Glibc
import PluginABI
import PluginSupport
import Synchronization

/// Loads images: decodes, validates, transpiles, compiles or finds in the cache.
extension Instance {
    /// Modules with less code than this are compiled with all optimisations at once.
    private static let smallCode = 32 << 10

    func load(_ parameters: dn_image_params) throws(PluginError) -> Image {
        // SAFETY: borrow-call bytes of the host.
        let given = UnsafeBufferPointer(start: parameters.bytes.data, count: Int(clamping: parameters.bytes.len))
        let module = try Self.decode([UInt8](given))
        let label = parameters.label.map { String(cString: $0) } ?? "module"
        let progress = { (permille: UInt32, stage: String) -> Void in
            stage.withCString { _ = parameters.progress?(parameters.progress_arg, permille, $0) }
        }
        let cache = try Cache(parameters.cache_directory.map { String(cString: $0) }, budget: settings.cacheBytes)
        defer { cache.close() }
        let wasi = Wasi.serves(module) ? try wasi(in: cache) : nil
        let code = try code(builder.key(of: module.bytes), firstLevel(module), in: cache, progress) {
            () throws(WasmError) in try Crates.sole(module)
        }
        let image = try Image(Part(Outline(module), code: code), wasi: wasi, label: label)
        if code.level == .quick, settings.optimises { Upgrade(image, builder, cache.directory, self).submit() }
        return image
    }

    /// The shim, compiled when a module first needs it.
    private func wasi(in cache: Cache) throws(PluginError) -> Wasi {
        if let made = shim.withLock({ $0 }) { return made }
        let module = try Self.checked { () throws(WasmError) in try ModuleDecoder.decode(wasiShim) }
        // Its functions are called from outside, so it is not the code that the same bytes become for a user.
        let code = try code(builder.key(of: Array("shim".utf8) + module.bytes), .fast, in: cache, { _, _ in }) {
            () throws(WasmError) in try Crates.linkable([module])
        }
        let made = try Wasi(Part(Outline(module, isLinkable: true), code: code))
        shim.withLock { $0 = made }
        return made
    }

    static func decode(_ bytes: [UInt8]) throws(PluginError) -> Module {
        guard bytes.starts(with: [0x00, 0x61, 0x73, 0x6d]) else {
            throw PluginError(DN_UNSUPPORTED, "not a WebAssembly module")
        }
        return try checked { () throws(WasmError) in
            let module = try ModuleDecoder.decode(bytes)
            try checkImports(module)
            return module
        }
    }

    /// `body` with errors as the host takes them.
    static func checked<Result>(_ body: () throws(WasmError) -> Result) throws(PluginError) -> Result {
        do throws(WasmError) { return try body() } catch { throw PluginError(error) }
    }

    /// A function gets a memory, and what WASI has.
    private static func checkImports(_ module: Module) throws(WasmError) {
        for entry in module.imports {
            let isMemory = entry.kind == .memory && entry.module == "env" && entry.name == "memory"
            let isCall = entry.kind == .function && entry.module == Wasi.module
            guard !isMemory, !isCall else { continue }
            throw WasmError(
                .invalid,
                "import \(entry.module).\(entry.name) does not exist; there are env.memory and the functions of "
                    + Wasi.module, at: entry.offset)
        }
    }

    /// The level of a module's first version.
    private func firstLevel(_ module: Module) -> Builder.Level {
        let size = module.bodies.reduce(0) { $0 + $1.bytes.count }
        return size < Self.smallCode && settings.optimises ? .fast : .quick
    }

    /// The best code that is in the cache, or a version of `level`.
    private func code(
        _ key: String, _ level: Builder.Level, in cache: Cache, _ progress: (UInt32, String) -> Void,
        _ crates: () throws(WasmError) -> Crates
    ) throws(PluginError) -> Code {
        for level in [Builder.Level.fast, .quick] {
            let path = builder.path(key, level, in: cache.directory)
            if Files.exists(path) { return try Code(path, level) }
        }
        progress(0, "validating")
        let crates = try Self.checked(crates)
        let path = builder.path(key, level, in: cache.directory)
        try builder.build(crates, level, to: path, in: cache.directory) { progress($0, "compiling") }
        cache.prune(keeping: path)
        return try Code(path, level)
    }
}

extension PluginError {
    init(_ error: WasmError) {
        let kind =
            switch error.kind {
            case .malformed: "malformed module"
            case .invalid: "invalid module"
            case .unsupported: "unsupported module"
            }
        self.init(
            DN_BAD_IMAGE, "\(kind): \(error.message) (byte \(error.offset))", at: UInt64(clamping: error.offset))
    }
}

/// The job that makes an image's code fast while its first version serves.
private final class Upgrade: Sendable {
    private let image: Image
    private let builder: Builder
    private let directory: String
    private let instance: Instance

    init(_ image: Image, _ builder: Builder, _ directory: String, _ instance: Instance) {
        (self.image, self.builder, self.directory, self.instance) = (image, builder, directory, instance)
    }

    func submit() {
        guard let jobs = instance.jobs else { return }
        let handle = UnsafeMutableRawPointer(Unmanaged.passRetained(self).toOpaque())
        let status = jobs.pointee.submit?(
            instance.host,
            { argument in
                guard let argument else { return }
                // SAFETY: the reference that submit passed.
                Unmanaged<Upgrade>.fromOpaque(argument).takeRetainedValue().run()
            }, handle)
        guard status != DN_OK else { return }
        Unmanaged<Upgrade>.fromOpaque(handle).release()
        instance.services.log(DN_LOG_WARNING, "\(image.label) stays with its first version: too many jobs are waiting")
    }

    private func run() {
        do throws(PluginError) {
            let cache = try Cache(Files.exists(directory) ? directory : nil, budget: instance.settings.cacheBytes)
            defer { cache.close() }
            let path = builder.path(builder.key(of: image.main.module.bytes), .fast, in: cache.directory)
            let crates = try Instance.checked { () throws(WasmError) in try Crates.sole(image.main.module) }
            try builder.build(crates, .fast, to: path, in: cache.directory)
            image.main.code = try Code(path, .fast)
            cache.prune(keeping: path)
            instance.services.log(DN_LOG_INFO, "\(image.label) runs its optimised version from now on")
        } catch {
            instance.services.log(DN_LOG_WARNING, "\(image.label) stays with its first version: \(error.message)")
        }
    }
}
