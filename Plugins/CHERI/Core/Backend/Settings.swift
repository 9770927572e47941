import PluginABI
import PluginKit

/// What an operator can set.
struct Settings: Sendable {
    /// Contexts of one engine.
    var slots = 4
    var stackBytes: UInt64 = 8 << 20
    /// Largest memory limit.
    var contextMax: UInt64 = 1 << 30
    /// Addresses for all contexts of all engines; a multiple of 4 GiB.
    var arenaBytes: UInt64 = 256 << 30

    static let arenaUnit: UInt64 = 4 << 30

    static let table = SettingTable(
        Settings(),
        [
            .integer("slots", \.slots, 1...16, "contexts that one engine can hold at once"),
            .integer(
                "stack_bytes", \.stackBytes, 65536...(128 << 20), multiple: Int64(ContextLayout.page),
                "stack of a function"),
            .integer(
                "context_max", \.contextMax, (1 << 20)...(64 << 30), multiple: Int64(ContextLayout.page),
                "largest memory limit of a function; only addresses are reserved"),
            .integer(
                "arena_bytes", \.arenaBytes, (4 << 30)...(16 << 40), multiple: Int64(arenaUnit),
                "addresses for the contexts of all engines, in steps of 4 GiB"),
        ])

    static func read(_ services: HostServices) throws(PluginError) -> Settings {
        let settings = try table.read(services)
        guard Arena.span(for: settings) * UInt64(settings.slots) <= settings.arenaBytes else {
            throw PluginError(
                DN_BAD_CONFIG,
                "arena_bytes \(settings.arenaBytes) does not hold \(settings.slots) contexts of context_max "
                    + "\(settings.contextMax)")
        }
        return settings
    }
}
