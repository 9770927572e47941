import Glibc
import PluginABI
import PluginSupport

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
        let code = try code(module, in: cache, progress)
        let plan = ModulePlan(module, isLinkable: false)
        let image = try Image(module, plan.ordinals, code: code, label: label)
        if code.level == .quick, settings.optimises { Upgrade(image, builder, cache.directory, self).submit() }
        return image
    }

    private static func decode(_ bytes: [UInt8]) throws(PluginError) -> Module {
        guard bytes.starts(with: [0x00, 0x61, 0x73, 0x6d]) else {
            throw PluginError(DN_UNSUPPORTED, "not a WebAssembly module")
        }
        do throws(WasmError) {
            let module = try ModuleDecoder.decode(bytes)
            try checkImports(module)
            return module
        } catch {
            throw PluginError(error)
        }
    }

    /// The host gives a function nothing but memory.
    private static func checkImports(_ module: Module) throws(WasmError) {
        for entry in module.imports where entry.kind != .memory || entry.module != "env" || entry.name != "memory" {
            throw WasmError(
                .invalid, "import \(entry.module).\(entry.name) does not exist; the only one is env.memory",
                at: entry.offset)
        }
    }

    /// The best code that is in the cache, or the first version.
    private func code(
        _ module: Module, in cache: Cache, _ progress: (UInt32, String) -> Void
    ) throws(PluginError) -> Code {
        let key = builder.key(of: module.bytes)
        for level in [Builder.Level.fast, .quick] {
            let path = builder.path(key, level, in: cache.directory)
            if Files.exists(path) { return try Code(path, level) }
        }
        progress(0, "validating")
        let crates = try Crates.checked(module)
        let size = module.bodies.reduce(0) { $0 + $1.bytes.count }
        let level: Builder.Level = size < Self.smallCode && settings.optimises ? .fast : .quick
        let path = builder.path(key, level, in: cache.directory)
        try builder.build(crates, level, to: path, in: cache.directory) { progress($0, "compiling") }
        cache.prune(keeping: path)
        return try Code(path, level)
    }
}

extension Crates {
    /// `sole` with errors as the host takes them.
    static func checked(_ module: Module) throws(PluginError) -> Crates {
        do throws(WasmError) {
            return try sole(module)
        } catch {
            throw PluginError(error)
        }
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
            let path = builder.path(builder.key(of: image.module.bytes), .fast, in: cache.directory)
            try builder.build(try Crates.checked(image.module), .fast, to: path, in: cache.directory)
            image.code = try Code(path, .fast)
            cache.prune(keeping: path)
            instance.services.log(DN_LOG_INFO, "\(image.label) runs its optimised version from now on")
        } catch {
            instance.services.log(DN_LOG_WARNING, "\(image.label) stays with its first version: \(error.message)")
        }
    }
}
