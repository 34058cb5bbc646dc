internal import CSQLite
internal import Model

/// The tables, and what is read from them when a store is opened.
///
/// `kv` holds the entries; `log` every change that is still kept, its `id` being the revision shifted by 20 bits plus
/// the change's place within it, so that a revision's changes lie side by side and at the table's end; `lease` the
/// leases; `meta` a row each for schema, cluster, revision, compacted and last_lease.
enum SQLiteSchema {
    /// The version that this program reads and writes.
    static let version: Int64 = 1
    /// Marks the file as ours, for `file` and for ourselves: "uncl".
    static let applicationID: Int64 = 0x756e_636c
    /// Bits of a log row's id for the place within its revision.
    static let placeBits: Int64 = 20

    struct Meta {
        var cluster: String
        var revision: Int64
        var compacted: Int64
        var lastLease: Int64
    }

    private static let tables = """
        CREATE TABLE meta (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
        CREATE TABLE kv (
            key TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL, create_revision INTEGER NOT NULL,
            mod_revision INTEGER NOT NULL, version INTEGER NOT NULL, lease INTEGER);
        CREATE INDEX kv_lease ON kv (lease) WHERE lease IS NOT NULL;
        CREATE TABLE log (
            id INTEGER PRIMARY KEY, key TEXT NOT NULL, value BLOB, create_revision INTEGER, version INTEGER,
            lease INTEGER);
        CREATE TABLE lease (id INTEGER PRIMARY KEY, ttl_ms INTEGER NOT NULL);
        """

    /// Takes the file for this process, and makes the tables in an empty one.
    static func prepare(
        _ connection: SQLiteConnection, _ configuration: SQLiteStore.Configuration
    ) throws -> Meta {
        let (path, synchronous) = (configuration.path, configuration.synchronous)
        // EXCLUSIVE: the first write takes the lock and keeps it, so a second process is refused at once, and no shared
        // memory file is needed.
        try connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        try connection.execute("PRAGMA trusted_schema = OFF")
        try connection.execute("PRAGMA cell_size_check = ON")
        try connection.execute("PRAGMA temp_store = MEMORY")
        try refuseForeign(connection, path: path)
        // The change of mode deletes a rollback journal; only EXTRA also forces that deletion onto the disk, and a
        // journal that came back after a loss of power would undo the store.
        if synchronous == .full { try connection.execute("PRAGMA synchronous = EXTRA") }
        let mode = try connection.first("PRAGMA journal_mode = WAL") { $0.text(0) }
        try connection.execute("PRAGMA synchronous = \(synchronous.rawValue)")
        let level = try connection.first("PRAGMA synchronous") { $0.int(0) }
        guard mode == "wal", level == synchronous.level else {
            throw StoreError(
                .unavailable, "SQLite refuses the write-ahead log for \(path)",
                fix: "put the state directory on a local file system", cause: "journal mode \(mode ?? "unknown")")
        }
        try connection.execute("PRAGMA journal_size_limit = \(64 << 20)")
        try connection.execute("PRAGMA wal_autocheckpoint = \(configuration.checkpointPages)")
        try connection.execute("BEGIN IMMEDIATE")
        do {
            let meta = try isEmpty(connection) ? create(connection) : read(connection, path: path)
            try connection.execute("COMMIT")
            return meta
        } catch {
            try? connection.execute("ROLLBACK")
            throw error
        }
    }

    private static func isEmpty(_ connection: SQLiteConnection) throws -> Bool {
        try connection.first("SELECT count(*) FROM sqlite_schema") { $0.int(0) } == 0
    }

    /// Refuses the database of another program before anything in it is changed.
    private static func refuseForeign(_ connection: SQLiteConnection, path: String) throws {
        let id = try connection.first("PRAGMA application_id") { $0.int(0) }
        guard id != applicationID, try !isEmpty(connection) else { return }
        throw StoreError(
            .corrupt, "\(path) is a SQLite database, but not a store of uncloud-node",
            fix: "give the daemon a state directory of its own; nothing was changed")
    }

    private static func create(_ connection: SQLiteConnection) throws -> Meta {
        try connection.execute("PRAGMA application_id = \(applicationID)")
        try connection.execute(tables)
        let meta = Meta(cluster: VMID.random().text, revision: 1, compacted: 0, lastLease: 0)
        try connection.run("INSERT INTO meta VALUES ('schema', ?)", .int(version))
        try connection.run("INSERT INTO meta VALUES ('cluster', ?)", .text(meta.cluster))
        for (name, value) in [("revision", meta.revision), ("compacted", 0), ("last_lease", 0)] {
            try connection.run("INSERT INTO meta VALUES (?, ?)", .text(name), .int(value))
        }
        return meta
    }

    private static func read(_ connection: SQLiteConnection, path: String) throws -> Meta {
        let select = "SELECT value FROM meta WHERE name = ?"
        guard let found = try connection.first(select, .text("schema"), row: { $0.int(0) }) else {
            throw damaged(path)
        }
        guard found <= version else {
            throw StoreError(
                .newerSchema, "the store \(path) has schema \(found), this uncloud-node knows up to \(version)",
                fix: "run the newer uncloud-node again, or restore a backup from before the upgrade")
        }
        let cluster = try connection.first(select, .text("cluster"), row: { $0.text(0) })
        let numbers = try ["revision", "compacted", "last_lease"].map { name in
            try connection.first(select, .text(name), row: { $0.int(0) })
        }
        guard let cluster, let revision = numbers[0], let compacted = numbers[1], let lastLease = numbers[2] else {
            throw damaged(path)
        }
        return Meta(cluster: cluster, revision: revision, compacted: compacted, lastLease: lastLease)
    }

    private static func damaged(_ path: String) -> StoreError {
        StoreError(
            .corrupt, "the store \(path) lacks its own description",
            fix: "keep the file aside and restore a backup; nothing was changed")
    }
}

/// When SQLite waits for the disk.
package enum SQLiteSynchronous: String, Sendable {
    /// Never: a loss of power may lose or damage what was acknowledged. For tests only.
    case off = "OFF"
    /// At checkpoints: a loss of power may lose what was acknowledged. For tests and measurements only.
    case normal = "NORMAL"
    /// At each commit: what was acknowledged is there.
    case full = "FULL"

    var level: Int64 {
        switch self {
        case .off: 0
        case .normal: 1
        case .full: 2
        }
    }
}
