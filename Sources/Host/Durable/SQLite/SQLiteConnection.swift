internal import CSQLite
internal import Failure
internal import Items

/// Why the database did not do something.
struct SQLiteError: Error {
    /// An extended result code.
    let code: Int32
    /// Of the system call that failed; 0 = of none.
    let systemCode: Int32
    let message: String

    /// The file is no database, or one whose structure is destroyed.
    var isDamage: Bool { code & 0xff == SQLITE_CORRUPT || code & 0xff == SQLITE_NOTADB }

    private static let noRoom: Set<Int32> = [28, 27, 122]  // ENOSPC, EFBIG, EDQUOT

    var failure: Failure {
        if code & 0xff == SQLITE_FULL || Self.noRoom.contains(systemCode) {
            return Failure(.memory, "there is no room left in the state folder for durable invocations: \(message)")
        }
        return Failure(.unavailable, "the store of durable invocations failed: \(message)")
    }
}

/// A connection to a database, for one thread at a time.
final class SQLiteConnection: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: SQLite itself admits any thread, one at a time, which the owner sees to.
    private let handle: OpaquePointer
    /// Prepared once, by the address of their text.
    private var statements: [Int: SQLiteStatement] = [:]

    init(path: String, makes: Bool) throws(SQLiteError) {
        let flags =
            SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | (makes ? SQLITE_OPEN_CREATE : 0)
        var opened: OpaquePointer?
        let code = sqlite3_open_v2(path, &opened, flags, nil)
        guard let opened else {
            throw SQLiteError(code: code, systemCode: 0, message: "no memory for a connection")
        }
        guard code == SQLITE_OK else {
            let error = Self.error(opened)
            sqlite3_close_v2(opened)
            throw error
        }
        handle = opened
        sqlite3_extended_result_codes(handle, 1)
        // The other connection's checkpoints and schema changes are short.
        sqlite3_busy_timeout(handle, 10_000)
    }

    deinit {
        statements = [:]
        sqlite3_close_v2(handle)
    }

    private static func error(_ handle: OpaquePointer) -> SQLiteError {
        SQLiteError(
            code: sqlite3_extended_errcode(handle), systemCode: sqlite3_system_errno(handle),
            message: String(cString: sqlite3_errmsg(handle)))
    }

    var lastError: SQLiteError { Self.error(handle) }

    /// Rows that the last statement has changed.
    var changes: Int { Int(sqlite3_changes64(handle)) }

    /// Runs statements that give no rows of interest.
    func execute(_ text: String) throws(SQLiteError) {
        guard sqlite3_exec(handle, text, nil, nil, nil) == SQLITE_OK else { throw lastError }
    }

    /// A statement without values.
    func statement(_ text: StaticString) throws(SQLiteError) -> SQLiteStatement {
        let key = Int(bitPattern: text.utf8Start)
        if let known = statements[key] {
            known.reset()
            return known
        }
        var prepared: OpaquePointer?
        let code = text.withUTF8Buffer { bytes in
            bytes.withMemoryRebound(to: CChar.self) {
                sqlite3_prepare_v3(
                    handle, $0.baseAddress, Int32($0.count), UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
            }
        }
        guard code == SQLITE_OK, let prepared else { throw lastError }
        let statement = SQLiteStatement(prepared, of: self)
        statements[key] = statement
        return statement
    }

    /// Bytes of a value of the row `id`, written to memory that `room` gives; nil when there is none.
    func readBlob(
        _ table: String, _ id: Int64, room: (Int) throws(Failure) -> UnsafeMutableRawPointer
    ) throws(Failure) -> Bool {
        var blob: OpaquePointer?
        guard sqlite3_blob_open(handle, "main", table, "data", id, 0, &blob) == SQLITE_OK, let blob else {
            let error = lastError
            sqlite3_blob_close(blob)
            if error.code & 0xff == SQLITE_ERROR { return false }
            throw error.failure
        }
        defer { sqlite3_blob_close(blob) }
        let count = sqlite3_blob_bytes(blob)
        let memory = try room(Int(count))
        // SAFETY: room gives memory of at least count bytes.
        guard sqlite3_blob_read(blob, memory, count, 0) == SQLITE_OK else { throw lastError.failure }
        return true
    }
}

/// A prepared statement with its values. Values that are blobs are not copied: they are kept until the statement is used again.
final class SQLiteStatement {
    private let handle: OpaquePointer
    private unowned let connection: SQLiteConnection
    private var held: [Blob] = []
    // SAFETY: the value that sqlite3.h calls SQLITE_TRANSIENT, which is never called: the text is copied.
    private nonisolated(unsafe) static let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    fileprivate init(_ handle: OpaquePointer, of connection: SQLiteConnection) {
        self.handle = handle
        self.connection = connection
    }

    deinit { sqlite3_finalize(handle) }

    func reset() {
        sqlite3_reset(handle)
        sqlite3_clear_bindings(handle)
        held = []
    }

    // MARK: Values, counted from 1

    @discardableResult
    func bind(_ place: Int32, _ value: Int64) -> SQLiteStatement {
        sqlite3_bind_int64(handle, place, value)
        return self
    }

    @discardableResult
    func bind(_ place: Int32, _ value: UInt64) -> SQLiteStatement { bind(place, Int64(clamping: value)) }

    @discardableResult
    func bind(_ place: Int32, _ value: Int) -> SQLiteStatement { bind(place, Int64(value)) }

    /// Nil stays NULL.
    @discardableResult
    func bind(_ place: Int32, _ value: String?) -> SQLiteStatement {
        guard var value else { return self }
        value.withUTF8 { bytes in
            _ = bytes.withMemoryRebound(to: CChar.self) {
                sqlite3_bind_text(handle, place, $0.baseAddress, Int32($0.count), Self.copied)
            }
        }
        return self
    }

    @discardableResult
    func bind(_ place: Int32, _ value: Blob) -> SQLiteStatement {
        held.append(value)
        _ = value.withUnsafeBytes { bytes in
            // No bytes at no address would be NULL.
            if let start = bytes.baseAddress {
                // SAFETY: `held` keeps the bytes until the statement is reset, after which it does not look at them.
                sqlite3_bind_blob64(handle, place, start, UInt64(bytes.count), nil)
            } else {
                sqlite3_bind_zeroblob(handle, place, 0)
            }
        }
        return self
    }

    // MARK: Running

    /// Goes to the next row; false when there is none. The statement is ended then.
    func step() throws(SQLiteError) -> Bool {
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE:
            reset()
            return false
        default:
            let error = connection.lastError
            reset()
            throw error
        }
    }

    /// Runs a statement that gives no rows.
    func run() throws(SQLiteError) { while try step() {} }

    // MARK: Columns of the row, counted from 0

    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }
    func time(_ column: Int32) -> UInt64 { UInt64(clamping: integer(column)) }
    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

    func text(_ column: Int32) -> String? {
        guard let start = sqlite3_column_text(handle, column) else { return nil }
        // SAFETY: SQLite gives that many bytes there until the next call on the statement.
        let bytes = UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column)))
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A copy of short bytes.
    func bytes(_ column: Int32) -> [UInt8] {
        guard let start = sqlite3_column_blob(handle, column) else { return [] }
        // SAFETY: as above.
        return Array(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column))))
    }
}

/// Bytes that all connections hold.
enum SQLiteMemory {
    static var used: Int { Int(sqlite3_memory_used()) }
}
