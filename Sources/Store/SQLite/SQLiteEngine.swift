/// The store on one SQLite connection: plain synchronous calls, all on the thread that made it.
///
/// `SQLiteStore` queues and threads; this knows tables. Numbers kept in memory (`revision`, the log's size, the leases'
/// deadlines) change only when the database has committed.
final class SQLiteEngine {
    let connection: SQLiteConnection
    let path: String
    let cluster: String
    /// The newest committed revision.
    private(set) var revision: Int64
    private(set) var compacted: Int64
    private(set) var lastLease: Int64
    private(set) var leases: [LeaseID: LeaseClockState] = [:]
    /// Rows and bytes of the log, as of the last commit.
    var logSize = LogSize()
    /// What the open transaction has done so far.
    private(set) var draft = Draft()

    struct LeaseClockState {
        var ttl: Duration
        var deadline: Duration
    }

    struct LogSize: Equatable {
        var rows: Int64 = 0
        var bytes: Int64 = 0
    }

    /// What a transaction of the database changes in memory once it is committed.
    struct Draft {
        var revision: Int64 = 0
        var lastLease: Int64 = 0
        var granted: [LeaseID: LeaseClockState] = [:]
        var revoked: Set<LeaseID> = []
        var log = LogSize()
    }

    /// Opens the database and takes it for this process.
    ///
    /// - Throws: `StoreError`.
    init(_ configuration: SQLiteStore.Configuration, now: Duration) throws {
        path = configuration.path
        do {
            connection = try SQLiteConnection(
                path: path, vfs: configuration.vfs, creating: configuration.vfs != nil)
            let meta = try SQLiteSchema.prepare(connection, configuration)
            cluster = meta.cluster
            revision = meta.revision
            compacted = meta.compacted
            lastLease = meta.lastLease
            let leases = try connection.rows("SELECT id, ttl_ms FROM lease") { row in
                (LeaseID(row.int(0)), Duration.milliseconds(row.int(1)))
            }
            for (id, ttl) in leases { self.leases[id] = LeaseClockState(ttl: ttl, deadline: now + ttl) }
            logSize =
                try connection.first("SELECT count(*), coalesce(sum(length(value)), 0) FROM log") {
                    LogSize(rows: $0.int(0), bytes: $0.int(1))
                } ?? LogSize()
        } catch let failure as SQLiteFailure {
            throw failure.storeError(path: path)
        }
    }

    func close() { connection.close() }

    /// Begins a transaction of the database, in which several of the store's may run.
    func begin() throws(SQLiteFailure) {
        draft = Draft(revision: revision, lastLease: lastLease, log: logSize)
        try connection.execute("BEGIN IMMEDIATE")
    }

    /// Commits it and takes over what it did.
    func commit() throws(SQLiteFailure) {
        if draft.revision != revision {
            try connection.run("UPDATE meta SET value = ? WHERE name = 'revision'", .int(draft.revision))
        }
        try connection.execute("COMMIT")
        revision = draft.revision
        lastLease = draft.lastLease
        logSize = draft.log
        for id in draft.revoked { leases[id] = nil }
        for (id, state) in draft.granted { leases[id] = state }
    }

    /// Undoes all since `begin`; on some errors SQLite has done so itself.
    func rollback() {
        draft = Draft()
        if !connection.isAutocommit { try? connection.execute("ROLLBACK") }
    }

    /// Runs the body as one of the store's transactions: an error undoes it alone, not its neighbours.
    func savepoint<T>(_ body: () throws -> T) throws -> T {
        let before = draft
        try connection.execute("SAVEPOINT one")
        do {
            let result = try body()
            try connection.execute("RELEASE one")
            return result
        } catch {
            draft = before
            if !connection.isAutocommit {
                try connection.execute("ROLLBACK TO one")
                try connection.execute("RELEASE one")
            }
            throw error
        }
    }

    func change(_ body: (inout Draft) -> Void) { body(&draft) }

    /// Whether the lease lives, the open transaction included.
    func hasLease(_ id: LeaseID) -> Bool {
        draft.granted[id] != nil || (leases[id] != nil && !draft.revoked.contains(id))
    }

    func rearm(_ id: LeaseID, now: Duration) -> Duration? {
        guard let state = leases[id] else { return nil }
        leases[id]?.deadline = now + state.ttl
        return state.ttl
    }

    func setCompacted(_ revision: Int64) { compacted = revision }
}
