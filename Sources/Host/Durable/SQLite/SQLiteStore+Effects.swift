internal import Failure
internal import Items
internal import Memory

/// What the requests of invocations led to.
extension SQLiteStore {
    func intend(_ id: InvocationID, _ step: StoredStep) throws(SQLiteError) -> ChangeResult {
        try put(id, step, nil)
        return .made
    }

    func settle(_ id: InvocationID, _ step: StoredStep, _ outcome: Blob) throws(SQLiteError) -> ChangeResult {
        guard try keptOpen(id) != nil else { return .unchanged }
        try put(id, step, outcome)
        try writer.statement("UPDATE invocations SET result = result + ?2 WHERE id = ?1").bind(1, id.number)
            .bind(2, outcome.count).run()
        return .resized(outcome.count)
    }

    private func put(_ id: InvocationID, _ step: StoredStep, _ outcome: Blob?) throws(SQLiteError) {
        let row = try writer.statement(
            """
            INSERT OR REPLACE INTO effects(id, place, digest, function, item, doubted, data)
                VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6)
            """)
        row.bind(1, id.number).bind(2, step.place).bind(3, step.digest).bind(4, step.function).bind(5, step.item)
        if let outcome { row.bind(6, outcome) }
        try row.run()
    }

    func retract(_ id: InvocationID, _ place: String) throws(SQLiteError) -> ChangeResult {
        try writer.statement("DELETE FROM effects WHERE id = ?1 AND place = ?2").bind(1, id.number).bind(2, place).run()
        return .made
    }

    func doubt(_ id: InvocationID, _ place: String) throws(SQLiteError) -> ChangeResult {
        try writer.statement("UPDATE effects SET doubted = 1 WHERE id = ?1 AND place = ?2").bind(1, id.number)
            .bind(2, place).run()
        return writer.changes == 1 ? .made : .unchanged
    }

    func decide(
        _ id: InvocationID, _ place: String?, _ decision: Decision, _ due: UInt64
    ) throws(SQLiteError) -> ChangeResult {
        let row = try writer.statement("SELECT 1 FROM invocations WHERE id = ?1 AND state = 6").bind(1, id.number)
        guard try row.step() else { return .unchanged }
        row.reset()
        let change: SQLiteStatement
        switch decision {
        case .again:
            change = try writer.statement(
                "DELETE FROM effects WHERE id = ?1 AND (data IS NULL OR doubted) AND (?2 IS NULL OR place = ?2)")
        case .happened(let answer):
            // Of whatever is asked for there now: an empty digest fits all.
            change = try writer.statement(
                """
                UPDATE effects SET doubted = 0, digest = '', data = coalesce(?3, data, ?4)
                    WHERE id = ?1 AND (data IS NULL OR doubted) AND (?2 IS NULL OR place = ?2)
                """)
            if let answer { change.bind(3, answer) }
            change.bind(4, StoredSets.nothing)
        }
        try change.bind(1, id.number).bind(2, place).run()
        guard writer.changes > 0 || place == nil else { return .unchanged }
        let left = try writer.statement("SELECT COUNT(*) FROM effects WHERE id = ?1 AND (data IS NULL OR doubted)")
        let count = try left.bind(1, id.number).step() ? Int(left.integer(0)) : 0
        left.reset()
        if count == 0 {
            try writer.statement("UPDATE invocations SET state = 0, attempts = 0, ended = 0, due = ?2 WHERE id = ?1")
                .bind(1, id.number).bind(2, due).run()
        }
        return .decided(left: count)
    }

    // MARK: Reading

    func steps(of id: InvocationID) throws(Failure) -> [StoredStep] {
        try read { reader throws(SQLiteError) in
            let rows = try reader.statement(
                "SELECT place, digest, function, item, data IS NOT NULL, doubted FROM effects WHERE id = ?1 ORDER BY number"
            )
            rows.bind(1, id.number)
            var steps: [StoredStep] = []
            while try rows.step() {
                steps.append(
                    StoredStep(
                        place: rows.text(0) ?? "", digest: rows.text(1) ?? "", function: rows.text(2) ?? "",
                        item: rows.text(3) ?? "", hasOutcome: rows.integer(4) != 0, isDoubted: rows.integer(5) != 0))
            }
            return steps
        }
    }

    func outcome(of id: InvocationID, at place: String, _ account: MemoryAccount) throws(Failure) -> Blob? {
        let row: Int64? = try read { reader throws(SQLiteError) in
            let found = try reader.statement(
                "SELECT number FROM effects WHERE id = ?1 AND place = ?2 AND data IS NOT NULL")
            defer { found.reset() }
            return try found.bind(1, id.number).bind(2, place).step() ? found.integer(0) : nil
        }
        guard let row else { return nil }
        return try blob("effects", row, account)
    }
}
