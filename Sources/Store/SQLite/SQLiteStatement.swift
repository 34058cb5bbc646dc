internal import CSQLite

/// A value bound to a statement.
enum SQLiteValue {
    case null
    case int(Int64)
    case text(String)
    case blob([UInt8])
}

/// A prepared statement of one connection, used on that connection's thread.
final class SQLiteStatement {
    // SAFETY: the statement belongs to its connection, which finalizes it once, before the handle is closed, on the same
    // thread that uses it.
    private var pointer: OpaquePointer?
    private unowned let connection: SQLiteConnection
    private let sql: String

    init(_ pointer: OpaquePointer, of connection: SQLiteConnection, sql: String) {
        self.pointer = pointer
        self.connection = connection
        self.sql = sql
    }

    func finalize() {
        sqlite3_finalize(pointer)
        pointer = nil
    }

    /// Makes the statement ready for its next use and lets go of large values.
    func reset() {
        sqlite3_reset(pointer)
        sqlite3_clear_bindings(pointer)
    }

    func bind(_ values: [SQLiteValue]) throws(SQLiteFailure) {
        // SQLITE_TRANSIENT: SQLite copies the bytes before the call returns.
        let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        for (index, value) in values.enumerated() {
            let position = CInt(index + 1)
            let code =
                switch value {
                case .null: sqlite3_bind_null(pointer, position)
                case .int(let value): sqlite3_bind_int64(pointer, position, value)
                case .text(let value): sqlite3_bind_text(pointer, position, value, -1, transient)
                case .blob(let value):
                    // A null pointer would bind NULL, and an empty array has no address.
                    value.isEmpty
                        ? sqlite3_bind_zeroblob(pointer, position, 0)
                        : sqlite3_bind_blob64(pointer, position, value, UInt64(value.count), transient)
                }
            guard code == SQLITE_OK else { throw connection.failure(code, sql) }
        }
    }

    /// Goes to the next row; false when there is none.
    func step() throws(SQLiteFailure) -> Bool {
        switch sqlite3_step(pointer) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let code: throw connection.failure(code, sql)
        }
    }

    func isNull(_ column: Int) -> Bool { sqlite3_column_type(pointer, CInt(column)) == SQLITE_NULL }

    func int(_ column: Int) -> Int64 { sqlite3_column_int64(pointer, CInt(column)) }

    func text(_ column: Int) -> String {
        guard let bytes = sqlite3_column_text(pointer, CInt(column)) else { return "" }
        return String(cString: bytes)
    }

    func blob(_ column: Int) -> [UInt8] {
        // The address must be asked for before the size (SQLite's conversion rules); both hold until the next step.
        guard let bytes = sqlite3_column_blob(pointer, CInt(column)) else { return [] }
        return Array(UnsafeRawBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(pointer, CInt(column)))))
    }
}
