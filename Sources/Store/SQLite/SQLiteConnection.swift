internal import CSQLite
internal import Glibc

/// One connection to a SQLite database. Not thread-safe: whoever makes it uses it on one thread.
final class SQLiteConnection {
    // SAFETY: the handle is opened without SQLite's mutexes and used by the thread of the executor that made it alone;
    // it is closed once, in `close`, after all statements.
    private var handle: OpaquePointer?
    private var statements: [String: SQLiteStatement] = [:]

    /// Opens an existing database, or with `creating` a new one.
    ///
    /// - Throws: `SQLiteFailure`.
    init(path: String, vfs: String?, creating: Bool) throws(SQLiteFailure) {
        var flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        if creating { flags |= SQLITE_OPEN_CREATE }
        let code = sqlite3_open_v2(path, &handle, flags, vfs)
        guard code == SQLITE_OK else {
            let failure = failure(code, "open")
            sqlite3_close_v2(handle)
            handle = nil
            throw failure
        }
    }

    deinit { close() }

    /// Finalizes the statements and closes; SQLite then moves the write-ahead log into the database. Idempotent.
    func close() {
        for statement in statements.values { statement.finalize() }
        statements = [:]
        sqlite3_close_v2(handle)
        handle = nil
    }

    /// Whether no transaction is open: SQLite ends one by itself on some errors.
    var isAutocommit: Bool { sqlite3_get_autocommit(handle) != 0 }

    func failure(_ code: CInt, _ operation: String) -> SQLiteFailure {
        let message = handle.map { String(cString: sqlite3_errmsg($0)) } ?? String(cString: sqlite3_errstr(code))
        let systemCalls: Set<CInt> = [SQLITE_IOERR, SQLITE_CANTOPEN, SQLITE_FULL]
        let errno = systemCalls.contains(code & 0xff) ? sqlite3_system_errno(handle) : 0
        return SQLiteFailure(code: code, errno: errno, message: message, operation: operation)
    }

    /// Runs SQL that gives no rows and takes no values.
    ///
    /// - Throws: `SQLiteFailure`.
    func execute(_ sql: String) throws(SQLiteFailure) {
        let code = sqlite3_exec(handle, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw failure(code, sql) }
    }

    /// The prepared statement of a text, made at its first use, with nothing bound.
    ///
    /// - Throws: `SQLiteFailure`.
    func statement(_ sql: String) throws(SQLiteFailure) -> SQLiteStatement {
        if let statement = statements[sql] { return statement }
        var pointer: OpaquePointer?
        let code = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &pointer, nil)
        guard code == SQLITE_OK, let pointer else { throw failure(code, sql) }
        let statement = SQLiteStatement(pointer, of: self, sql: sql)
        statements[sql] = statement
        return statement
    }

    /// Runs a statement that gives no rows.
    ///
    /// - Throws: `SQLiteFailure`.
    func run(_ sql: String, _ values: SQLiteValue...) throws(SQLiteFailure) {
        let statement = try statement(sql)
        defer { statement.reset() }
        try statement.bind(values)
        _ = try statement.step()
    }

    /// Runs a statement and makes a value of its first row; nil if there is none.
    ///
    /// - Throws: `SQLiteFailure`.
    func first<T>(
        _ sql: String, _ values: SQLiteValue..., row: (SQLiteStatement) -> T
    ) throws(SQLiteFailure) -> T? {
        let statement = try statement(sql)
        defer { statement.reset() }
        try statement.bind(values)
        return try statement.step() ? row(statement) : nil
    }

    /// Runs a statement and makes a value of each row until `row` gives nil.
    ///
    /// - Throws: `SQLiteFailure`.
    func rows<T>(
        _ sql: String, _ values: SQLiteValue..., row: (SQLiteStatement) -> T?
    ) throws(SQLiteFailure) -> [T] {
        try rows(sql, values, row: row)
    }

    /// The same with the values in an array.
    ///
    /// - Throws: `SQLiteFailure`.
    func rows<T>(
        _ sql: String, _ values: [SQLiteValue], row: (SQLiteStatement) -> T?
    ) throws(SQLiteFailure) -> [T] {
        let statement = try statement(sql)
        defer { statement.reset() }
        try statement.bind(values)
        var result: [T] = []
        while try statement.step(), let value = row(statement) { result.append(value) }
        return result
    }
}
