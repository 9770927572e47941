/// The table `[audit]`: who did what, in a file that shows whether it was changed.
public struct AuditSettings: Sendable, Equatable {
    /// Nil: no such log.
    public var path: String?
    /// Whether invocations are in it, too.
    public var invocations: Bool

    public init(path: String? = nil, invocations: Bool = true) {
        self.path = path
        self.invocations = invocations
    }
}

extension Decode {
    func auditSettings(_ table: TableReader) -> AuditSettings {
        let settings = AuditSettings(
            path: nonEmpty(table, "path"), invocations: table.boolean("invocations", default: true))
        table.finish()
        return settings
    }
}
