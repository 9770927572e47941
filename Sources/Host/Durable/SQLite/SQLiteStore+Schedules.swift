internal import Failure
internal import Items

/// Schedules, and the invocations that come of them.
extension SQLiteStore {
    func put(_ schedule: ScheduleRecord, _ input: Blob, most: Int) throws(SQLiteError) -> ChangeResult {
        let owner = schedule.order.owner
        let known = try writer.statement("SELECT number FROM schedules WHERE tenant = ?1 AND space = ?2 AND name = ?3")
        known.bind(1, owner.tenant).bind(2, owner.space).bind(3, schedule.name)
        let isNew = try !known.step()
        known.reset()
        let count = try writer.statement("SELECT COUNT(*) FROM schedules WHERE tenant = ?1")
        count.bind(1, owner.tenant)
        let isFull = try count.step() && count.integer(0) >= Int64(most)
        count.reset()
        if isNew, isFull { return .full }
        let row = try writer.statement(
            """
            INSERT INTO schedules(tenant, space, name, target, class, fresh, time, cron, every, zone, missed, next, last,
                input, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 0, ?13, ?14)
                ON CONFLICT(tenant, space, name) DO UPDATE SET target = ?4, class = ?5, fresh = ?6, time = ?7, cron = ?8,
                every = ?9, zone = ?10, missed = ?11, next = ?12, input = ?13, data = ?14
            """)
        row.bind(1, owner.tenant).bind(2, owner.space).bind(3, schedule.name).bind(4, schedule.order.name)
        row.bind(5, schedule.order.className).bind(6, schedule.order.fresh ? 1 : 0).bind(7, schedule.order.time)
        row.bind(8, schedule.times.cron).bind(9, schedule.times.every).bind(10, schedule.times.zone)
        row.bind(11, schedule.times.missed.rawValue).bind(12, schedule.next).bind(13, input.count).bind(14, input)
        try row.run()
        return isNew ? .made : .replaced
    }

    func remove(schedule name: String, of owner: InvocationOwner) throws(SQLiteError) -> ChangeResult {
        try writer.statement("DELETE FROM schedules WHERE tenant = ?1 AND space = ?2 AND name = ?3")
            .bind(1, owner.tenant).bind(2, owner.space).bind(3, name).run()
        return writer.changes == 1 ? .made : .unchanged
    }

    /// The invocation and the schedule's next time are one transaction: it comes once, whenever the node ends.
    func fire(_ firing: Firing) throws(SQLiteError) -> ChangeResult {
        let due = try writer.statement("SELECT input FROM schedules WHERE number = ?1 AND next = ?2")
        due.bind(1, firing.number).bind(2, firing.due)
        guard try due.step() else { return .unchanged }
        let bytes = Int(due.integer(0))
        due.reset()
        try writer.statement("UPDATE schedules SET next = ?2 WHERE number = ?1").bind(1, firing.number)
            .bind(2, firing.next).run()
        guard let id = firing.id else { return .made }
        try writer.statement("UPDATE schedules SET last = ?2, last_id = ?3 WHERE number = ?1").bind(1, firing.number)
            .bind(2, firing.due).bind(3, id.number).run()
        let row = try writer.statement(
            """
            INSERT INTO invocations(id, tenant, space, name, class, fresh, time, schedule, state, attempts, accepted, begun,
                due, ended, input, result, exit) SELECT ?2, tenant, space, target, class, fresh, time, name, 0, 0, ?3, 0, ?3,
                0, input, 0, 0 FROM schedules WHERE number = ?1
            """)
        try row.bind(1, firing.number).bind(2, id.number).bind(3, firing.now).run()
        try writer.statement("INSERT INTO inputs(id, data) SELECT ?2, data FROM schedules WHERE number = ?1")
            .bind(1, firing.number).bind(2, id.number).run()
        return .resized(bytes)
    }

    // MARK: Reading

    func schedules() throws(Failure) -> [ScheduleRecord] {
        try read { reader throws(SQLiteError) in
            let rows = try reader.statement(
                """
                SELECT number, tenant, space, name, target, class, fresh, time, cron, every, zone, missed, next, last,
                    last_id, input FROM schedules ORDER BY name
                """)
            var found: [ScheduleRecord] = []
            while try rows.step() {
                if let schedule = Self.schedule(in: rows) { found.append(schedule) }
            }
            return found
        }
    }

    /// Nil for one whose zone the machine does not know any more.
    private static func schedule(in row: SQLiteStatement) -> ScheduleRecord? {
        let cron = row.text(8)
        let times = try? ScheduleTimes(
            cron: cron, every: cron == nil ? row.time(9) : nil, zone: cron == nil ? nil : row.text(10),
            missed: row.text(11).flatMap(ScheduleTimes.Missed.init) ?? .skip)
        guard let times else { return nil }
        let name = row.text(3) ?? ""
        return ScheduleRecord(
            number: row.integer(0), name: name,
            order: InvocationOrder(
                owner: InvocationOwner(tenant: row.text(1) ?? "", space: row.text(2) ?? ""), name: row.text(4) ?? "",
                className: row.text(5), fresh: row.integer(6) != 0, time: row.time(7), schedule: name),
            times: times, next: row.time(12), last: row.time(13),
            lastInvocation: row.isNull(14) ? nil : InvocationID(number: row.integer(14)),
            inputBytes: Int(row.integer(15)))
    }
}
