import CProcess
import PluginKit

/// What an operator can set.
struct Settings: Sendable {
    /// Sandboxes of one engine.
    var pool = 4
    var stackBytes: UInt64 = 8 << 20
    /// End of the guest addresses that a context may use.
    var contextMax: UInt64 = 4 << 30
    /// Memory that a sandbox keeps between runs, zeroed; more is given back to the system.
    var residentBytes: UInt64 = 2 << 20

    /// Whether a process that left as functions do is made as new and used again, or killed.
    var reuse = Reuse.reset.rawValue

    enum Reuse: String, CaseIterable { case reset, never }

    static let table = SettingTable(
        Settings(),
        [
            .integer(
                "pool", \.pool, 1...64,
                "sandboxes of one engine, so how many contexts can be held at once; two are made at the start, others when "
                    + "needed"),
            .integer(
                "stack_bytes", \.stackBytes, 65536...Int64(DP_STACK_MAX), multiple: Int64(pageSize),
                "stack of a function"),
            .integer(
                "context_max", \.contextMax, (1 << 20)...(1 << 40), multiple: Int64(pageSize),
                "largest memory limit of a function; only addresses are reserved"),
            .integer(
                "resident_bytes", \.residentBytes, 65536...(1 << 30), multiple: Int64(pageSize),
                "memory that a sandbox keeps between runs, zeroed; more is given back"),
            .choice(
                "reuse", \.reuse, Reuse.allCases.map(\.rawValue),
                "what becomes of a process whose function has left: it is reset by the kernel's word (reset), or killed and "
                    + "made anew (never)"),
        ])
}

let pageSize: UInt64 = 4096

/// The next whole page. The values are bounded far below a wrap by those who call.
func roundUp(_ bytes: UInt64) -> UInt64 { (bytes &+ pageSize &- 1) & ~(pageSize &- 1) }
