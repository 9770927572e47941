import PluginABI
import PluginKit

/// What an operator can set; README.md explains each key.
struct Settings: Sendable {
    /// Contexts of one engine.
    var slots = 4
    var stackBytes: UInt64 = 8 << 20
    /// Largest memory limit.
    var contextMax: UInt64 = 1 << 30
    /// Addresses for all contexts of all engines; a multiple of 4 GiB.
    var arenaBytes: UInt64 = 256 << 30

    static let arenaUnit: UInt64 = 4 << 30

    init() {}

    init(_ services: HostServices) throws(PluginError) {
        slots = Int(try services.integer("slots", default: Int64(slots), in: 1...16))
        stackBytes = roundUp(
            UInt64(try services.integer("stack_bytes", default: Int64(stackBytes), in: 65536...(128 << 20))),
            ContextLayout.page)
        contextMax = roundUp(
            UInt64(try services.integer("context_max", default: Int64(contextMax), in: (1 << 20)...(64 << 30))),
            ContextLayout.page)
        arenaBytes = roundUp(
            UInt64(try services.integer("arena_bytes", default: Int64(arenaBytes), in: (4 << 30)...(16 << 40))),
            Self.arenaUnit)
        guard Arena.span(for: self) * UInt64(slots) <= arenaBytes else {
            throw PluginError(
                DN_BAD_CONFIG, "arena_bytes \(arenaBytes) does not hold \(slots) contexts of context_max \(contextMax)")
        }
    }

    static let schema: StaticString = """
        {"type": "object", "properties": {
        "slots": {"type": "integer", "minimum": 1, "maximum": 16, "default": 4,
        "description": "Contexts that one engine can hold at once"},
        "stack_bytes": {"type": "integer", "minimum": 65536, "maximum": 134217728, "default": 8388608,
        "description": "Stack of a function"},
        "context_max": {"type": "integer", "minimum": 1048576, "maximum": 68719476736, "default": 1073741824,
        "description": "Largest memory limit of a function"},
        "arena_bytes": {"type": "integer", "minimum": 4294967296, "maximum": 17592186044416, "default": 274877906944,
        "description": "Addresses reserved for the contexts of all engines"}}}
        """
}
