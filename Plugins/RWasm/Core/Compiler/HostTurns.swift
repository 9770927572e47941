import PluginABI
package import PluginKit

/// Turns of long work, as the host gives them; a host without that service gives one at once.
package struct HostTurns: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: the ABI makes the host and its tables [any-thread] and keeps them until stop returns.
    private let host: UnsafePointer<dn_host>
    private let table: UnsafePointer<dn_host_turns>?

    package init(_ services: HostServices) {
        host = services.pointer
        table = services.table(DN_HOST_TURNS_1, MemoryLayout<dn_host_turns>.size)
    }

    /// As `take` of one that may be missing, as for tools.
    package static func take<Result>(
        _ turns: HostTurns?, _ kind: Int32,
        _ body: (_ isWanted: @escaping @Sendable () -> Bool) throws(PluginError) -> Result
    ) throws(PluginError) -> Result {
        if let turns { return try turns.take(kind, body) }
        return try body { true }
    }

    /// Calls `body` in a turn of its own; it is told whether it is wanted.
    /// - Throws: DN_BUSY, DN_CANCELLED, or what `body` throws.
    package func take<Result>(
        _ kind: Int32, _ body: (_ isWanted: @escaping @Sendable () -> Bool) throws(PluginError) -> Result
    ) throws(PluginError) -> Result {
        var turn: UInt64 = 0
        if let begin = table?.pointee.begin {
            let status = begin(host, kind, &turn)
            guard status == DN_OK else {
                throw PluginError(
                    status, status == DN_BUSY ? "too much is being compiled already" : "the node is stopping",
                    retryable: status == DN_BUSY)
            }
        }
        defer { table?.pointee.end?(host, turn) }
        return try body { [self, turn] in table?.pointee.is_wanted.map { $0(host, turn) == 1 } ?? true }
    }
}
