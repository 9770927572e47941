import Glibc
import PluginABI
import PluginKit
import RWasmCore
import Synchronization

/// Loads images: decodes, validates, transpiles, compiles or finds in the cache.
extension Instance {
    /// Modules with less code than this are compiled with all optimisations at once.
    private static let smallCode = 32 << 10

    func image(_ parameters: dn_image_params) throws(PluginError) -> Image {
        let given = parameters.file
        let entry = parameters.entry.map { String(cString: $0) }
        if let same = images.find(given, entry) { return same }
        let label = parameters.label.map { String(cString: $0) } ?? "module"
        let account = parameters.account
        let charge = HostCharge(memory, account: account)
        defer { withExtendedLifetime(charge) {} }
        try Self.charge(given.count, on: charge)
        let instantiable = InstantiableModule(try Module.function([UInt8](given), entry: entry))
        // What is missing is told before anything is compiled.
        let isServed = WasiServer.serves(instantiable.module)
        _ = try Program(instantiable, server: isServed ? try WasiServer.shim() : nil)
        let progress = { (permille: UInt32, stage: String) -> Void in
            stage.withCString { _ = parameters.progress?(parameters.progress_arg, permille, $0) }
        }
        let cache = try cache(parameters.cache_directory)
        let wasi = isServed ? try wasi(in: cache, account, progress) : nil
        let made = try make(instantiable, exports: .none, label: label, in: cache, account, progress)
        let image = try Image(made.part, wasi: wasi)
        images.insert(image)
        made.upgrade?.submit()
        return image
    }

    /// What reading and writing a module takes beside its compiler, in bytes for each of its own.
    private static let textPerByte = 16

    /// Charges what a module of `count` bytes becomes before it is compiled.
    static func charge(_ count: Int, on charge: HostCharge) throws(PluginError) {
        guard charge.take(count * textPerByte) else {
            throw PluginError(DN_BUSY, "the node has no memory for a module of \(count) bytes now", retryable: true)
        }
    }

    func cache(_ directory: UnsafePointer<CChar>?) throws(PluginError) -> Cache {
        try Cache(directory.map { String(cString: $0) }, budget: settings.cacheBytes) { [services] message in
            services.log(DN_LOG_WARNING, message)
        }
    }

    /// The shim, compiled when a module first needs it.
    private func wasi(
        in cache: Cache, _ account: UInt64, _ progress: (UInt32, String) -> Void
    ) throws(PluginError) -> Wasi {
        if let made = shim.withLock({ $0 }) { return made }
        let made = try make(
            InstantiableModule(try WasiServer.builtIn()), exports: .byValues, label: "the WASI shim", in: cache, account
        ) {
            progress($0, "\($1) the WASI shim")
        }
        let wasi = try Wasi(made.part)
        shim.withLock { $0 = wasi }
        made.upgrade?.submit()
        return wasi
    }

    /// A module with its best code that is in the cache, or with a first version and what makes the optimised one.
    private func make(
        _ instantiable: InstantiableModule, exports: ModulePlan.ExportCalls, label: String, in cache: Cache,
        _ account: UInt64,
        _ progress: (UInt32, String) -> Void
    ) throws(PluginError) -> (part: Part, upgrade: Upgrade?) {
        // A module whose exports can be called is not the code that the same bytes become for a user.
        let module = instantiable.module
        let kind = exports == .none ? module.entry.map { "entry \($0)\0" } ?? "" : "shim"
        let key = builder.key(of: Array(kind.utf8) + module.bytes)
        let crates = { @Sendable (level: Builder.Level) throws(WasmError) in
            try Crates.sole(module, exports: exports, shape: level.shape)
        }
        let code = try code(key, firstLevel(module), in: cache, account, progress, crates)
        let part = Part(instantiable, code: code)
        guard code.level == .quick else { return (part, nil) }
        guard settings.optimises else {
            part.stay(because: "the setting 'optimise' is off")
            return (part, nil)
        }
        return (part, Upgrade(part, label: label, key: key, crates, cache, self))
    }

    /// The level of a module's first version.
    private func firstLevel(_ module: Module) -> Builder.Level {
        let size = module.bodies.reduce(0) { $0 + $1.bytes.count }
        return size < Self.smallCode && settings.optimises ? .fast : .quick
    }

    /// The best code that is in the cache, or a version of `level`, compiled in a turn of its own.
    private func code(
        _ key: String, _ level: Builder.Level, in cache: Cache, _ account: UInt64,
        _ progress: (UInt32, String) -> Void,
        _ crates: (Builder.Level) throws(WasmError) -> Crates
    ) throws(PluginError) -> Code {
        for level in [Builder.Level.fast, .quick] {
            if let made = cache.read(builder.name(key, level)) { return try Code(made, level) }
        }
        let name = builder.name(key, level)
        let made = try turns.take(DN_TURN_AWAITED) { isWanted throws(PluginError) in
            progress(0, "validating")
            let rust = try checked { () throws(WasmError) in try crates(level) }
            let effort = Toolchain.Effort(isWanted: isWanted, memory: (memory, account))
            return try builder.build(rust, level, in: cache, effort) {
                progress($0, "compiling")
            }
        }
        try cache.keep(made, as: name)
        cache.prune(keeping: name)
        return try Code(made, level)
    }
}

/// The job that makes a module's code fast while its first version serves.
private final class Upgrade: Sendable {
    private let part: Part
    private let label: String
    private let key: String
    private let crates: @Sendable (Builder.Level) throws(WasmError) -> Crates
    private let cache: Cache
    private let instance: Instance

    init(
        _ part: Part, label: String, key: String,
        _ crates: @escaping @Sendable (Builder.Level) throws(WasmError) -> Crates, _ cache: Cache,
        _ instance: Instance
    ) {
        (self.part, self.label, self.key) = (part, label, key)
        (self.crates, self.cache, self.instance) = (crates, cache, instance)
    }

    func submit() {
        guard !instance.services.submit({ self.run() }) else { return }
        stays("too many jobs are waiting")
    }

    private func run() {
        do throws(PluginError) {
            let name = instance.builder.name(key, .fast)
            let made = try instance.turns.take(DN_TURN_IMPROVEMENT) { isWanted throws(PluginError) in
                let rust = try checked { () throws(WasmError) in try crates(.fast) }
                let effort = Toolchain.Effort(
                    isWanted: isWanted, isPatient: true, memory: (instance.memory, DN_ACCOUNT_OWN))
                return try instance.builder.build(rust, .fast, in: cache, effort)
            }
            try cache.keep(made, as: name)
            part.use(try Code(made, .fast))
            cache.prune(keeping: name)
            instance.services.log(DN_LOG_INFO, "\(label) runs its optimised version from now on")
        } catch {
            stays(error.message)
        }
    }

    private func stays(_ reason: String) {
        part.stay(because: reason)
        instance.services.log(DN_LOG_WARNING, "\(label) stays with its first version: \(reason)")
    }
}
