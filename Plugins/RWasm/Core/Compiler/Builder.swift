import CRWasm
import Glibc
import PluginABI
package import PluginKit

/// Turns generated crates into a shared object in a folder of cached results.
package struct Builder: Sendable {
    package enum Level: String, Sendable {
        /// Ready soon.
        case quick
        /// As fast as the compiler can make it.
        case fast

        var flags: [String] { ["-Copt-level=\(self == .quick ? 1 : 3)", "-Ccodegen-units=1"] }

        /// Of what the compiler is given.
        package var shape: Crates.Shape { self == .quick ? .soon : .fast }
    }

    let toolchain: Toolchain
    let limits: Toolchain.Limits
    /// "x86-64-v2" or "x86-64-v3".
    let processor: String
    package var form = Form.object

    /// What modules become.
    package enum Form {
        /// A shared object for the plugin.
        case object
        /// A function image for sandboxes.
        case image

        var flags: [String] { self == .object ? [] : ["--cfg", "native", "-Crelocation-model=static"] }
    }

    fileprivate static let runtime: [(name: String, bytes: [UInt8])] = [
        ("lib.rs", PackageResources.lib_rs), ("memory.rs", PackageResources.memory_rs),
        ("number.rs", PackageResources.number_rs), ("table.rs", PackageResources.table_rs),
        ("value.rs", PackageResources.value_rs), ("vector.rs", PackageResources.vector_rs),
        ("vector_memory.rs", PackageResources.vector_memory_rs), ("native.rs", PackageResources.native_rs),
        ("native/builtins.rs", PackageResources.builtins_rs), ("native/instance.rs", PackageResources.instance_rs),
        ("native/tables.rs", PackageResources.tables_rs), ("native/wasi.rs", PackageResources.wasi_rs),
    ]

    /// The level of x86-64 that code is made for, as the psABI defines them.
    package static func thisProcessor() throws(PluginError) -> String {
        switch rwasm_processor_level() {
        case 3...: return "x86-64-v3"
        case 2: return "x86-64-v2"
        default: throw PluginError(DN_UNAVAILABLE, "the processor lacks SSE4.2; generated code needs x86-64-v2")
        }
    }

    package init(toolchain: Toolchain, limits: Toolchain.Limits, processor: String) {
        (self.toolchain, self.limits, self.processor) = (toolchain, limits, processor)
    }

    /// What names everything made by this builder.
    private var identity: String {
        "\(toolchain.version) \(transpilerIdentity) \(processor)\(form == .image ? " image" : "")"
    }

    /// The name of the module's results in a cache.
    package func key(of bytes: [UInt8]) -> String {
        var digest = Digest()
        digest.update(Array(identity.utf8) + [0])
        digest.update(bytes)
        return digest.finish()
    }

    /// What a cache calls the result.
    package func name(_ key: String, _ level: Level) -> String {
        "\(key)-\(level.rawValue)\(form == .image ? ".elf" : ".so")"
    }

    /// Compiles a shared object; `told` is told permille.
    package func build(
        _ crates: Crates, _ level: Level, in cache: Cache, _ effort: Toolchain.Effort = Toolchain.Effort(),
        told: (UInt32) -> Void = { _ in }
    ) throws(PluginError) -> [UInt8] {
        try inWork(of: cache) { work throws(PluginError) in
            let run = Run(builder: self, level: level, cache: cache, work: work, effort: effort)
            let arguments = try run.libraries(of: crates, told)
            try work.write(crates.root.utf8, to: "root.rs")
            try run.compile("root", "cdylib", arguments + ["-Cstrip=debuginfo"])
            told(1000)
            return try run.result("libroot.so")
        }
    }

    /// Compiles what all modules of a cache share.
    package func prepare(_ level: Level, in cache: Cache) throws(PluginError) {
        try inWork(of: cache) { work throws(PluginError) in
            try Run(builder: self, level: level, cache: cache, work: work, effort: Toolchain.Effort()).runtimeLibrary()
        }
    }

    /// Calls `body` with a folder for the compiler, which goes afterwards.
    func inWork<Result>(
        of cache: Cache, _ body: (Folder) throws(PluginError) -> Result
    ) throws(PluginError) -> Result {
        let work = try toolchain.makeWork(in: cache)
        defer { work.removeAll() }
        return try body(work)
    }

    /// The compilation of one module in a folder of its own.
    struct Run: Sendable {
        let builder: Builder
        let level: Level
        let cache: Cache
        let work: Folder
        let effort: Toolchain.Effort

        /// Compiles all but the root.
        /// - Returns: the arguments by which the compiler finds the crates.
        func libraries(of crates: Crates, _ told: (UInt32) -> Void) throws(PluginError) -> [String] {
            try runtimeLibrary()
            var arguments = ["--extern", "rt=librt.rlib", "-L", "dependency=."]
            let count = crates.stages.reduce(1) { $0 + $1.count }
            var done = 0
            for stage in crates.stages {
                try compile(stage, arguments) { told(UInt32(1000 * (done + $0) / count)) }
                done += stage.count
                for crate in stage { arguments += ["--extern", "\(crate.name)=lib\(crate.name).rlib"] }
            }
            return arguments
        }

        /// The compiled runtime crate, made once for each cache.
        func runtimeLibrary() throws(PluginError) {
            let name = "librt-\(builder.key(of: [UInt8](level.rawValue.utf8)).prefix(24)).rlib"
            if let made = cache.read(name) { return try work.write(made, to: "librt.rlib") }
            let native = try work.folder("native")
            for (name, bytes) in Builder.runtime {
                let inner = name.split(separator: "/")
                if inner.count == 2 {
                    try native.write(bytes, to: String(inner[1]))
                } else {
                    try work.write(bytes, to: name == "lib.rs" ? "rt.rs" : name)
                }
            }
            try compile("rt", "rlib", [])
            try cache.keep(try result("librt.rlib"), as: name)
        }

        /// Compiles crates that do not use each other, several at once. They share the limit of memory.
        private func compile(
            _ stage: [Crates.Crate], _ arguments: [String], told: (Int) -> Void
        ) throws(PluginError) {
            let threads = min(stage.count, mostAtOnce, max(1, Int(builder.limits.memory / leastShare)))
            try inParallel(stage.count, threads: threads, told: told) { index throws(PluginError) in
                let crate = stage[index]
                try work.write(crate.text.utf8, to: "\(crate.name).rs")
                try compile(crate.name, "rlib", arguments, share: UInt64(threads))
            }
        }

        func compile(
            _ name: String, _ type: String, _ arguments: [String], share: UInt64 = 1
        ) throws(PluginError) {
            var limits = builder.limits
            limits.memory /= share
            try builder.toolchain.compile(
                [
                    "\(name).rs", "--edition=2018", "--crate-name", name, "--crate-type", type, "--out-dir", ".",
                    "-Cpanic=abort", "-Cdebuginfo=0", "-Ctarget-cpu=\(builder.processor)", "--cap-lints=allow",
                ] + level.flags + builder.form.flags + builder.toolchain.optimiserFlags + arguments,
                in: work, limits: limits, effort)
        }

        /// What the compiler left: a plain file, whatever else it may have made.
        func result(_ name: String) throws(PluginError) -> [UInt8] {
            guard let bytes = try work.read(name, atMost: 1 << 30) else {
                throw PluginError(DN_BAD_IMAGE, "the compiler made no \(name)")
            }
            return bytes
        }
    }
}

/// Compilers at once: no more than there are processors.
private let mostAtOnce = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
/// Bytes that the compiler of one part needs, whose size is bounded.
private let leastShare: UInt64 = 3 << 28
