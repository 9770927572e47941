import CProcess
import PluginABI
import PluginKit

/// What an operator can set; README.md explains each key.
struct Settings: Sendable {
    /// Sandboxes of one engine.
    let pool: Int
    let stackBytes: UInt64
    /// End of the guest addresses that a context may use.
    let contextMax: UInt64
    /// Memory that a sandbox keeps between runs, zeroed; more is given back to the system.
    let residentBytes: UInt64

    init(_ services: HostServices) throws(PluginError) {
        pool = Int(try services.integer("pool", default: 4, in: 1...64))
        stackBytes = roundUp(
            UInt64(try services.integer("stack_bytes", default: 8 << 20, in: 65536...Int64(DP_STACK_MAX))))
        contextMax = roundUp(
            UInt64(try services.integer("context_max", default: 4 << 30, in: (1 << 20)...(1 << 40))))
        residentBytes = roundUp(UInt64(try services.integer("resident_bytes", default: 2 << 20, in: 65536...(1 << 30))))
    }

    static let schema: StaticString = """
        {"type": "object", "properties": {
        "pool": {"type": "integer", "minimum": 1, "maximum": 64, "default": 4,
        "description": "Sandboxes of one engine: how many contexts can be held at once"},
        "stack_bytes": {"type": "integer", "minimum": 65536, "maximum": 134217728, "default": 8388608,
        "description": "Stack of a function"},
        "context_max": {"type": "integer", "minimum": 1048576, "maximum": 1099511627776, "default": 4294967296,
        "description": "Largest memory limit of a function"},
        "resident_bytes": {"type": "integer", "minimum": 65536, "maximum": 1073741824, "default": 2097152,
        "description": "Memory that a sandbox keeps between runs"}}}
        """
}

let pageSize: UInt64 = 4096

/// The next whole page. The values are bounded far below a wrap by those who call.
func roundUp(_ bytes: UInt64) -> UInt64 { (bytes &+ pageSize &- 1) & ~(pageSize &- 1) }
