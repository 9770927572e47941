internal import CSQLite
internal import Failure
internal import Glibc
internal import Items
internal import Memory
internal import Platform
internal import Synchronization
internal import Telemetry

/// Durable invocations in one SQLite database of the state folder. SQLite repairs what a crash has torn; a file that it cannot
/// read is set aside.
final class SQLiteStore: InvocationStore, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: `writer` is the committer's, `reader` has a lock; the rest is constant.
    let writer: SQLiteConnection
    private let reader: Mutex<SQLiteConnection>

    static let fileName = "durable.sqlite"

    static func exists(in folder: String) -> Bool { access("\(folder)/\(fileName)", F_OK) == 0 }

    /// Opens the store of a state folder, or makes it.
    convenience init(folder: String) throws(Failure) {
        let path = "\(folder)/\(Self.fileName)"
        do throws(SQLiteError) {
            try self.init(path: path)
        } catch {
            guard error.isDamage, Self.setAside(path, error) else { throw error.failure }
            do throws(SQLiteError) { try self.init(path: path) } catch { throw error.failure }
        }
    }

    private init(path: String) throws(SQLiteError) {
        // Others must not read what clients send.
        let mask = umask(0o077)
        defer { umask(mask) }
        writer = try SQLiteConnection(path: path, makes: true)
        try writer.execute(SQLiteSchema.writer)
        try Self.migrate(writer)
        let second = try SQLiteConnection(path: path, makes: false)
        try second.execute(SQLiteSchema.reader)
        reader = Mutex(second)
    }

    private static func migrate(_ connection: SQLiteConnection) throws(SQLiteError) {
        func number(_ text: StaticString) throws(SQLiteError) -> Int64 {
            let statement = try connection.statement(text)
            defer { statement.reset() }
            return try statement.step() ? statement.integer(0) : 0
        }
        let (version, application) = (try number("PRAGMA user_version"), try number("PRAGMA application_id"))
        if version == 0, application == 0 { return try connection.execute(SQLiteSchema.tables) }
        guard application == SQLiteSchema.application, version == SQLiteSchema.version else {
            throw SQLiteError(
                code: SQLITE_CANTOPEN, systemCode: 0,
                message: "\(fileName) has version \(version) of the tables; this node knows \(SQLiteSchema.version)")
        }
    }

    /// Gives a damaged file another name, with its log, so that somebody can look for what is left in it.
    private static func setAside(_ path: String, _ error: SQLiteError) -> Bool {
        let suffix = ".damaged-\(Clock.wall() / 1_000_000_000)"
        guard rename(path, path + suffix) == 0 else { return false }
        _ = rename(path + "-wal", path + suffix + "-wal")
        unlink(path + "-shm")
        Log.error(
            "durable invocations: \(fileName) is damaged (\(error.message)); it is \(fileName)\(suffix) now, and the store "
                + "begins anew without what it held")
        return true
    }

    // MARK: Changing

    func apply(_ changes: [Change]) throws(Failure) -> [ChangeResult] {
        do throws(SQLiteError) {
            try writer.execute("BEGIN IMMEDIATE")
            var results: [ChangeResult] = []
            results.reserveCapacity(changes.count)
            for change in changes { results.append(try make(change)) }
            try writer.execute("COMMIT")
            return results
        } catch {
            // Of a transaction that SQLite has not rolled back itself.
            try? writer.execute("ROLLBACK")
            throw error.failure
        }
    }

    private func make(_ change: Change) throws(SQLiteError) -> ChangeResult {
        switch change {
        case .accept(let acceptance): try accept(acceptance)
        case .begin(let id, let now): try begin(id, now)
        case .end(let id, let ending): try end(id, ending)
        case .postpone(let id, let ending, let due): try postpone(id, ending, due)
        case .intend(let id, let step): try intend(id, step)
        case .settle(let id, let step, let outcome): try settle(id, step, outcome)
        case .retract(let id, let place): try retract(id, place)
        case .doubt(let id, let place): try doubt(id, place)
        case .decide(let record, let place, let decision, let due): try decide(record.id, place, decision, due)
        case .putSchedule(let schedule, let input):
            try put(schedule, input, most: DurableInvocations.mostSchedules)
        case .removeSchedule(let name, let owner): try remove(schedule: name, of: owner)
        case .fire(let firing): try fire(firing)
        case .giveBack(let id): try giveBack(id)
        case .cancel(let record, let now): try cancel(record.id, now)
        case .reopen(let record, let due): try reopen(record.id, due)
        case .expire(let expiry): try expire(expiry)
        }
    }

    // MARK: Reading

    func read<R>(_ body: (SQLiteConnection) throws(SQLiteError) -> R) throws(Failure) -> R {
        let result: Result<R, SQLiteError> = reader.withLock { reader in
            do throws(SQLiteError) { return .success(try body(reader)) } catch { return .failure(error) }
        }
        do throws(SQLiteError) { return try result.get() } catch { throw error.failure }
    }

    func payload(
        _ payload: Payload, of record: InvocationRecord, _ account: MemoryAccount
    ) throws(Failure) -> Blob? {
        let table = payload == .input ? "inputs" : "results"
        return try blob(table, record.id.number, account)
    }

    /// The value `data` of a row.
    func blob(_ table: String, _ row: Int64, _ account: MemoryAccount) throws(Failure) -> Blob? {
        let result: Result<Blob?, Failure> = reader.withLock { reader in
            var storage: ChargedStorage?
            do throws(Failure) {
                let isThere = try reader.readBlob(table, row) { count throws(Failure) in
                    let made = try ChargedStorage(capacity: count, account, .bodies)
                    try made.fill(to: count)
                    storage = made
                    return made.base
                }
                guard isThere, let storage else { return .success(nil) }
                return .success(
                    Blob(storage: storage, start: UnsafeRawPointer(storage.base), count: storage.capacity))
            } catch { return .failure(error) }
        }
        return try result.get()
    }
}
