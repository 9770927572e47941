import CRWasm
import Glibc
import PluginABI
import PluginSupport

/// Turns generated crates into a shared object in a folder of cached results.
struct Builder: Sendable {
    enum Level: String, Sendable {
        /// Ready soon.
        case quick
        /// As fast as the compiler can make it.
        case fast

        var flags: [String] { ["-Copt-level=\(self == .quick ? 1 : 3)", "-Ccodegen-units=1"] }

        /// Of what the compiler is given.
        var shape: Crates.Shape { self == .quick ? .soon : .fast }
    }

    let toolchain: Toolchain
    let limits: Toolchain.Limits
    /// "x86-64-v2" or "x86-64-v3".
    let processor: String
    var form = Form.object

    /// What modules become.
    enum Form {
        /// A shared object for the plugin.
        case object
        /// A function image for sandboxes.
        case image

        var flags: [String] { self == .object ? [] : ["--cfg", "native", "-Crelocation-model=static"] }
    }

    /// What the names of folders begin with in which the compiler works.
    static let workPrefix = "work-"

    private static let runtime: [(name: String, bytes: [UInt8])] = [
        ("lib.rs", PackageResources.lib_rs), ("memory.rs", PackageResources.memory_rs),
        ("number.rs", PackageResources.number_rs), ("table.rs", PackageResources.table_rs),
        ("value.rs", PackageResources.value_rs), ("vector.rs", PackageResources.vector_rs),
        ("vector_memory.rs", PackageResources.vector_memory_rs), ("native.rs", PackageResources.native_rs),
        ("native/builtins.rs", PackageResources.builtins_rs), ("native/instance.rs", PackageResources.instance_rs),
        ("native/tables.rs", PackageResources.tables_rs), ("native/wasi.rs", PackageResources.wasi_rs),
    ]

    /// What names everything made by this builder.
    private var identity: String {
        "\(toolchain.version) \(transpilerIdentity) \(processor)\(form == .image ? " image" : "")"
    }

    /// The name of the module's results in a cache.
    func key(of bytes: [UInt8]) -> String {
        var digest = Digest()
        digest.update(identity.utf8)
        digest.update(CollectionOfOne(0))
        digest.update(bytes)
        return digest.finish()
    }

    func path(_ key: String, _ level: Level, in cache: String) -> String {
        "\(cache)/\(key)-\(level.rawValue)\(form == .image ? ".elf" : ".so")"
    }

    /// Compiles and places the result at `path` at once; `progress` is told permille.
    func build(
        _ crates: Crates, _ level: Level, to path: String, in cache: String,
        progress: (UInt32) -> Void = { _ in }
    ) throws(PluginError) {
        let work = try Files.makeTemporary("\(cache)/\(Self.workPrefix)")
        defer { Files.remove(work) }
        let arguments = try libraries(of: crates, level, in: cache, work, progress)
        try Files.write(crates.root.utf8, to: "\(work)/root.rs")
        try compile("root", "cdylib", level, arguments + ["-Cstrip=debuginfo"], work, reading: cache)
        progress(1000)
        guard rename("\(work)/libroot.so", path) == 0 else { throw Files.failure("cannot place \(path)") }
    }

    /// Compiles all but the root, in `work`.
    /// - Returns: the arguments by which the compiler finds the crates.
    func libraries(
        of crates: Crates, _ level: Level, in cache: String, _ work: String, _ progress: (UInt32) -> Void
    ) throws(PluginError) -> [String] {
        let runtime = try runtimeLibrary(level, in: cache, work)
        var arguments = ["--extern", "rt=\(runtime)", "-L", "dependency=\(work)", "-L", "dependency=\(cache)"]
        let count = crates.stages.reduce(1) { $0 + $1.count }
        var done = 0
        let flags = level == .quick && count > Self.manyCrates ? ["-Copt-level=0", "-Cdebug-assertions=off"] : []
        for stage in crates.stages {
            try compile(stage, level, arguments + flags, work, reading: cache) {
                progress(UInt32(1000 * (done + $0) / count))
            }
            done += stage.count
            for crate in stage { arguments += ["--extern", "\(crate.name)=\(work)/lib\(crate.name).rlib"] }
        }
        return arguments
    }

    /// Compiles what all modules of a cache share.
    func prepare(_ level: Level, in cache: String) throws(PluginError) {
        let work = try Files.makeTemporary("\(cache)/\(Self.workPrefix)")
        defer { Files.remove(work) }
        _ = try runtimeLibrary(level, in: cache, work)
    }

    /// The compiled runtime crate, made once for each cache.
    func runtimeLibrary(_ level: Level, in cache: String, _ work: String) throws(PluginError) -> String {
        let path = "\(cache)/librt-\(key(of: [UInt8](level.rawValue.utf8)).prefix(24)).rlib"
        if Files.exists(path) { return path }
        try Files.makeDirectory("\(work)/native")
        for (name, bytes) in Self.runtime { try Files.write(bytes, to: "\(work)/\(name)") }
        rename("\(work)/lib.rs", "\(work)/rt.rs")
        try compile("rt", "rlib", level, [], work, reading: work)
        guard rename("\(work)/librt.rlib", path) == 0 else { throw Files.failure("cannot place \(path)") }
        return path
    }

    /// Compiles crates that do not use each other, several at once. They share the limit of memory.
    private func compile(
        _ stage: [Crates.Crate], _ level: Level, _ arguments: [String], _ work: String, reading: String,
        told: (Int) -> Void
    ) throws(PluginError) {
        let threads = min(stage.count, Self.mostAtOnce, max(1, Int(limits.memory / Self.leastShare)))
        try inParallel(stage.count, threads: threads, told: told) { index throws(PluginError) in
            let crate = stage[index]
            try Files.write(crate.text.utf8, to: "\(work)/\(crate.name).rs")
            try compile(crate.name, "rlib", level, arguments, work, reading: reading, share: UInt64(threads))
        }
    }

    /// Compilers at once: no more than there are processors.
    private static let mostAtOnce = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    /// With more, whoever waits for the first version is served better by code that is not optimised at all.
    private static let manyCrates = 32
    /// Bytes of address space that the compiler of one part needs, whose size is bounded.
    private static let leastShare: UInt64 = 3 << 29

    func compile(
        _ name: String, _ type: String, _ level: Level, _ arguments: [String], _ work: String, reading: String,
        share: UInt64 = 1
    ) throws(PluginError) {
        var limits = limits
        limits.memory /= share
        try toolchain.compile(
            [
                "\(work)/\(name).rs", "--edition=2018", "--crate-name", name, "--crate-type", type, "--out-dir", work,
                "-Cpanic=abort", "-Cdebuginfo=0", "-Ctarget-cpu=\(processor)", "--cap-lints=allow",
            ] + level.flags + form.flags + toolchain.optimiserFlags + arguments,
            in: work, reading: [reading], limits: limits)
    }
}
