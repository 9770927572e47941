import PluginKit
import RWasmCore

/// What an operator can set.
struct Settings: Sendable {
    /// The Rust compiler: a path, or a name in PATH.
    var rustc = "rustc"
    var slots = 4
    var stackBytes: UInt64 = 8 << 20
    var limits = Toolchain.Limits()
    var cacheBytes: UInt64 = 1 << 30
    var optimises = true

    static let table = SettingTable(
        Settings(),
        [
            .text("rustc", \.rustc, "the Rust compiler: a path, or a name in PATH"),
            .integer("slots", \.slots, 1...16, "contexts that one engine can hold at once"),
            .integer("stack_kib", \.stackBytes, 64...1_048_576, unit: 1 << 10, "native stack of a function, KiB"),
            .integer(
                "compile_mib", \.limits.memory, 256...65536, unit: 1 << 20,
                "resident memory of the compilers of one module, MiB"),
            .integer(
                "compile_seconds", \.limits.seconds, 5...3600,
                "processor time for each crate that a module becomes, seconds"),
            .integer("cache_mib", \.cacheBytes, 16...1_048_576, unit: 1 << 20, "compiled modules kept on disk, MiB"),
            .boolean(
                "optimise", \.optimises, "compile again with all optimisations when the first version is ready"),
        ])
}
