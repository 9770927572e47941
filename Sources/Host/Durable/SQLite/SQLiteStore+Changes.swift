internal import Failure
internal import Items

/// One change each, inside a transaction.
extension SQLiteStore {
    func accept(_ new: Acceptance) throws(SQLiteError) -> ChangeResult {
        if let key = new.key, let known = try find(key, of: new.order.owner, at: new.now) { return known }
        let row = try writer.statement(
            """
            INSERT INTO invocations(id, tenant, space, name, class, fresh, time, schedule, state, attempts, accepted, begun,
                due, ended, input, result, exit)
                VALUES (?1, ?2, ?13, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?10, 0, ?12, 0, 0)
            """)
        let order = new.order
        row.bind(1, new.id.number).bind(2, order.tenant).bind(3, order.name).bind(4, order.className)
        row.bind(5, order.fresh ? 1 : 0).bind(6, order.time).bind(7, order.schedule)
        row.bind(8, (new.begins ? InvocationState.running : .waiting).rawValue).bind(9, new.begins ? 1 : 0)
        row.bind(10, new.now).bind(11, new.begins ? new.now : 0).bind(12, new.input.count)
        row.bind(13, order.owner.space)
        try row.run()
        try writer.statement("INSERT INTO inputs(id, data) VALUES (?1, ?2)").bind(1, new.id.number).bind(2, new.input)
            .run()
        if let key = new.key {
            try writer.statement(
                "INSERT OR REPLACE INTO keys(tenant, key, id, fingerprint, ends, space) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
            )
            .bind(1, order.tenant).bind(2, key.text).bind(3, new.id.number).bind(4, Blob(key.fingerprint))
            .bind(5, new.keyEnd).bind(6, order.owner.space).run()
        }
        return .made
    }

    private func find(_ key: IdempotencyKey, of owner: InvocationOwner, at now: UInt64) throws(SQLiteError)
        -> ChangeResult?
    {
        let known = try writer.statement(
            "SELECT id, fingerprint FROM keys WHERE tenant = ?1 AND key = ?2 AND ends > ?3 AND space = ?4")
        known.bind(4, owner.space).bind(1, owner.tenant).bind(2, key.text).bind(3, now)
        guard try known.step() else { return nil }
        defer { known.reset() }
        return .existing(InvocationID(number: known.integer(0)), isSame: known.bytes(1) == key.fingerprint)
    }

    func begin(_ id: InvocationID, _ now: UInt64) throws(SQLiteError) -> ChangeResult {
        try writer.statement(
            "UPDATE invocations SET state = 1, attempts = attempts + 1, begun = ?2 WHERE id = ?1 AND state < 2"
        )
        .bind(1, id.number).bind(2, now).run()
        return writer.changes == 1 ? .made : .unchanged
    }

    func end(_ id: InvocationID, _ ending: Ending) throws(SQLiteError) -> ChangeResult {
        guard let kept = try keptOpen(id) else { return .unchanged }
        let row = try writer.statement(
            """
            UPDATE invocations SET state = ?2, ended = ?3, exit = ?4, timeline = ?5, failure = ?6 WHERE id = ?1
            """)
        row.bind(1, id.number).bind(2, ending.state.rawValue).bind(3, ending.now).bind(4, Int64(ending.exitCode))
        row.bind(5, ending.timeline).bind(6, ending.failure.map(StoredFailure.text))
        try row.run()
        // What has a result is not run again.
        guard ending.state == .done else { return .resized(0) }
        try writer.statement("UPDATE invocations SET input = 0, result = ?2 WHERE id = ?1").bind(1, id.number)
            .bind(2, ending.result.count).run()
        try remove(id, from: "DELETE FROM inputs WHERE id = ?1")
        try remove(id, from: "DELETE FROM effects WHERE id = ?1")
        try writer.statement("INSERT INTO results(id, data) VALUES (?1, ?2)").bind(1, id.number).bind(2, ending.result)
            .run()
        return .resized(ending.result.count - kept)
    }

    /// Bytes of input and outcomes of an invocation that has not ended; nil for another.
    func keptOpen(_ id: InvocationID) throws(SQLiteError) -> Int? {
        let row = try writer.statement("SELECT input + result FROM invocations WHERE id = ?1 AND state < 2").bind(
            1, id.number)
        defer { row.reset() }
        return try row.step() ? Int(row.integer(0)) : nil
    }

    func postpone(_ id: InvocationID, _ ending: Ending, _ due: UInt64) throws(SQLiteError) -> ChangeResult {
        let row = try writer.statement(
            """
            UPDATE invocations SET state = 0, due = ?2, exit = ?3, timeline = ?4, failure = ?5 WHERE id = ?1 AND state = 1
            """)
        row.bind(1, id.number).bind(2, due).bind(3, Int64(ending.exitCode)).bind(4, ending.timeline)
        try row.bind(5, ending.failure.map(StoredFailure.text)).run()
        return writer.changes == 1 ? .made : .unchanged
    }

    func giveBack(_ id: InvocationID) throws(SQLiteError) -> ChangeResult {
        try writer.statement("UPDATE invocations SET state = 0, attempts = attempts - 1 WHERE id = ?1 AND state = 1")
            .bind(1, id.number).run()
        return writer.changes == 1 ? .made : .unchanged
    }

    func cancel(_ id: InvocationID, _ now: UInt64) throws(SQLiteError) -> ChangeResult {
        try writer.statement(
            "UPDATE invocations SET state = 4, ended = ?2, failure = ?3 WHERE id = ?1 AND (state < 2 OR state = 6)"
        )
        .bind(1, id.number).bind(2, now)
        .bind(3, StoredFailure.text(Failure(.cancelled, "the invocation was cancelled"))).run()
        return writer.changes == 1 ? .made : .unchanged
    }

    func reopen(_ id: InvocationID, _ due: UInt64) throws(SQLiteError) -> ChangeResult {
        try writer.statement(
            "UPDATE invocations SET state = 0, attempts = 0, ended = 0, due = ?2 WHERE id = ?1 AND state IN (3, 4, 5)"
        )
        .bind(1, id.number).bind(2, due).run()
        return writer.changes == 1 ? .made : .unchanged
    }

    // MARK: Removing

    func expire(_ expiry: Expiry) throws(SQLiteError) -> ChangeResult {
        var gone: [(id: InvocationID, tenant: String, bytes: Int)] = []
        func take(_ rows: SQLiteStatement, until isEnough: () -> Bool = { false }) throws(SQLiteError) {
            while !isEnough(), try rows.step() {
                gone.append(
                    (InvocationID(number: rows.integer(0)), rows.text(1) ?? "", Int(rows.integer(2))))
            }
            rows.reset()
        }
        let old = try writer.statement(
            """
            SELECT id, tenant, input + result FROM invocations WHERE state > 1 AND ended < ?1 AND state < 5
                ORDER BY ended LIMIT ?2
            """)
        try take(old.bind(1, expiry.ended).bind(2, Expiry.most))
        let dead = try writer.statement(
            "SELECT id, tenant, input + result FROM invocations WHERE state > 1 AND ended < ?1 AND state = 5 LIMIT ?2")
        try take(dead.bind(1, expiry.dead).bind(2, Expiry.most))
        if expiry.excess > 0, gone.isEmpty {
            let oldest = try writer.statement(
                "SELECT id, tenant, input + result FROM invocations WHERE state > 1 AND state < 5 ORDER BY ended LIMIT ?1"
            )
            try take(oldest.bind(1, Expiry.most)) { gone.reduce(0) { $0 + $1.bytes } >= expiry.excess }
        }
        for one in gone {
            try remove(one.id, from: "DELETE FROM inputs WHERE id = ?1")
            try remove(one.id, from: "DELETE FROM results WHERE id = ?1")
            try remove(one.id, from: "DELETE FROM effects WHERE id = ?1")
            try remove(one.id, from: "DELETE FROM invocations WHERE id = ?1")
        }
        try writer.statement(
            "DELETE FROM keys WHERE (tenant, space, key) IN (SELECT tenant, space, key FROM keys WHERE ends < ?1 LIMIT ?2)"
        )
        .bind(1, expiry.now).bind(2, Expiry.most).run()
        let keys = writer.changes
        return .expired(gone.map { ($0.tenant, $0.bytes) }, isMore: max(gone.count, keys) >= Expiry.most)
    }

    private func remove(_ id: InvocationID, from text: StaticString) throws(SQLiteError) {
        try writer.statement(text).bind(1, id.number).run()
    }
}
