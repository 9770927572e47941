internal import Failure

/// What is read of the store.
extension SQLiteStore {
    func recover() throws(Failure) -> Recovered {
        try read { reader throws(SQLiteError) in
            var found = Recovered()
            let open = try reader.statement(
                "SELECT id, tenant, attempts, state, due FROM invocations INDEXED BY open WHERE state < 2 ORDER BY id")
            while try open.step() {
                found.open.append(
                    Recovered.Open(
                        id: InvocationID(number: open.integer(0)), tenant: open.text(1) ?? "",
                        attempts: Int(open.integer(2)), wasRunning: open.integer(3) == 1, due: open.time(4)))
            }
            let taken = try reader.statement("SELECT tenant, SUM(input + result) FROM invocations GROUP BY tenant")
            while try taken.step() { found.taken[taken.text(0) ?? ""] = Int(taken.integer(1)) }
            let last = try reader.statement("SELECT MAX(id) FROM invocations")
            if try last.step(), !last.isNull(0) { found.last = InvocationID(number: last.integer(0)) }
            last.reset()
            return found
        }
    }

    func record(_ id: InvocationID, of owner: InvocationOwner?) throws(Failure) -> InvocationRecord? {
        let found: InvocationRecord? = try read { reader throws(SQLiteError) in
            let row = try reader.statement(
                """
                SELECT id, tenant, name, class, fresh, time, schedule, state, attempts, accepted, begun, due, ended, input,
                    result, exit, timeline, failure, space FROM invocations WHERE id = ?1
                """)
            row.bind(1, id.number)
            defer { row.reset() }
            return try row.step() ? Self.record(in: row) : nil
        }
        return owner == nil || found?.order.owner == owner ? found : nil
    }

    func records(_ filter: RecordFilter) throws(Failure) -> [InvocationRecord] {
        try read { reader throws(SQLiteError) in
            // Those that need somebody are few, and have an index that the planner takes when it sees their states.
            let isTroubled = filter.state == .dead || filter.state == .uncertain
            let rows = try reader.statement(
                isTroubled
                    ? """
                    SELECT id, tenant, name, class, fresh, time, schedule, state, attempts, accepted, begun, due, ended,
                        input, result, exit, timeline, failure, space FROM invocations WHERE tenant = ?1 AND space = ?6 AND id < ?2
                        AND state > 4 AND state = ?3 AND (?4 IS NULL OR name = ?4) ORDER BY id DESC LIMIT ?5
                    """
                    : """
                    SELECT id, tenant, name, class, fresh, time, schedule, state, attempts, accepted, begun, due, ended,
                        input, result, exit, timeline, failure, space FROM invocations WHERE tenant = ?1 AND space = ?6 AND id < ?2
                        AND (?3 IS NULL OR state = ?3) AND (?4 IS NULL OR name = ?4) ORDER BY id DESC LIMIT ?5
                    """)
            rows.bind(6, filter.owner.space).bind(1, filter.owner.tenant).bind(2, filter.before?.number ?? .max)
            if let state = filter.state { rows.bind(3, state.rawValue) }
            rows.bind(4, filter.name).bind(5, filter.limit)
            var found: [InvocationRecord] = []
            while try rows.step() { found.append(Self.record(in: rows)) }
            return found
        }
    }

    private static func record(in row: SQLiteStatement) -> InvocationRecord {
        InvocationRecord(
            id: InvocationID(number: row.integer(0)),
            order: InvocationOrder(
                owner: InvocationOwner(tenant: row.text(1) ?? "", space: row.text(18) ?? ""), name: row.text(2) ?? "",
                className: row.text(3), fresh: row.integer(4) != 0,
                time: row.time(5), schedule: row.text(6)),
            state: InvocationState(rawValue: Int(row.integer(7))) ?? .failed, attempts: Int(row.integer(8)),
            accepted: row.time(9), begun: row.time(10), due: row.time(11), ended: row.time(12),
            inputBytes: Int(row.integer(13)), resultBytes: Int(row.integer(14)),
            exitCode: Int32(clamping: row.integer(15)),
            timeline: StoredTimeline.read(row.text(16)), failure: row.text(17).map(StoredFailure.read))
    }
}
