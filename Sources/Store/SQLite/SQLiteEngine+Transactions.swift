extension SQLiteEngine {
    private static let columns = "key, value, create_revision, mod_revision, version, lease"

    private static func entry(_ row: SQLiteStatement) -> Entry {
        Entry(
            key: row.text(0), value: row.blob(1), createRevision: row.int(2), modRevision: row.int(3),
            version: row.int(4), lease: row.isNull(5) ? nil : LeaseID(row.int(5)))
    }

    func entry(_ key: String) throws(SQLiteFailure) -> Entry? {
        try connection.first("SELECT \(Self.columns) FROM kv WHERE key = ?", .text(key), row: Self.entry)
    }

    func range(_ prefix: String, after: String?, limit: Int?) throws(SQLiteFailure) -> RangeResult {
        // One more than asked for tells whether there are more.
        let rows = limit.map { Int64($0) + 1 } ?? -1
        let upper = TransactionRules.upperBound(ofPrefix: prefix)
        var entries = try connection.rows(
            """
            SELECT \(Self.columns) FROM kv
            WHERE key >= ?1 AND (?2 IS NULL OR key < ?2) AND key > ?3 ORDER BY key LIMIT ?4
            """, .text(prefix), upper.map { .text($0) } ?? .null, .text(after ?? ""), .int(rows), row: Self.entry)
        let more = limit.map { entries.count > $0 } ?? false
        if more { entries.removeLast() }
        return RangeResult(revision: revision, entries: entries, more: more)
    }

    /// Runs a checked transaction within the open one.
    ///
    /// - Throws: `StoreError` for this transaction alone, `SQLiteFailure` for the database.
    func apply(_ transaction: Transaction) throws -> TransactionResult {
        let succeeded = try transaction.compares.allSatisfy { $0.holds(for: try entry($0.key)) }
        let branch = succeeded ? transaction.then : transaction.otherwise
        for case .put(_, _, let lease?) in branch where !hasLease(lease) { throw StoreError.leaseGone(lease) }
        var writer = RevisionWriter(engine: self)
        let responses = try branch.map { try writer.run($0) }
        writer.finish()
        return TransactionResult(succeeded: succeeded, revision: draft.revision, responses: responses)
    }
}

/// Writes the changes of one new revision: to the entries, and to the log.
struct RevisionWriter {
    let engine: SQLiteEngine
    /// The revision being made.
    private let revision: Int64
    private var place: Int64 = 0
    private var bytes: Int64 = 0

    init(engine: SQLiteEngine) {
        self.engine = engine
        revision = engine.draft.revision + 1
    }

    mutating func run(_ op: Op) throws -> OpResponse {
        switch op {
        case .put(let key, let value, let lease):
            try put(key, value, lease)
            return .put
        case .delete(let key): return .deleted(try delete(key) ? 1 : 0)
        case .deletePrefix(let prefix):
            let upper = TransactionRules.upperBound(ofPrefix: prefix)
            return .deleted(
                try delete(
                    where: "SELECT key FROM kv WHERE key >= ?1 AND (?2 IS NULL OR key < ?2) ORDER BY key",
                    .text(prefix), upper.map { .text($0) } ?? .null))
        case .get(let key): return .got(try engine.entry(key))
        }
    }

    /// Makes the revision the store's, if it changed anything.
    func finish() {
        guard place > 0 else { return }
        engine.change { draft in
            draft.revision = revision
            draft.log.rows += place
            draft.log.bytes += bytes
        }
    }

    private mutating func put(_ key: String, _ value: [UInt8], _ lease: LeaseID?) throws(SQLiteFailure) {
        let connection = engine.connection
        let numbers = try connection.first(
            """
            INSERT INTO kv (key, value, create_revision, mod_revision, version, lease) VALUES (?1, ?2, ?3, ?3, 1, ?4)
            ON CONFLICT (key) DO UPDATE SET value = excluded.value, mod_revision = excluded.mod_revision,
                version = version + 1, lease = excluded.lease
            RETURNING create_revision, version
            """, .text(key), .blob(value), .int(revision), lease.map { .int($0.rawValue) } ?? .null
        ) { (create: $0.int(0), version: $0.int(1)) }
        try log(
            key, .blob(value), create: .int(numbers?.create ?? revision), version: .int(numbers?.version ?? 1),
            lease: lease.map { .int($0.rawValue) } ?? .null)
        bytes += Int64(value.count)
    }

    private mutating func delete(_ key: String) throws(SQLiteFailure) -> Bool {
        let found = try engine.connection.first("DELETE FROM kv WHERE key = ? RETURNING 1", .text(key)) { _ in true }
        guard found == true else { return false }
        try log(key, .null, create: .null, version: .null, lease: .null)
        return true
    }

    /// Deletes the keys that a query gives.
    mutating func delete(where select: String, _ values: SQLiteValue...) throws -> Int {
        // The keys are read to the end before anything is deleted: a statement must not change what it reads.
        let keys = try engine.connection.rows(select, values) { $0.text(0) }
        guard Int64(keys.count) + place < 1 << SQLiteSchema.placeBits else {
            throw StoreError(.tooLarge, "one transaction would delete \(keys.count) keys", fix: "delete them in parts")
        }
        for key in keys { _ = try delete(key) }
        return keys.count
    }

    private mutating func log(
        _ key: String, _ value: SQLiteValue, create: SQLiteValue, version: SQLiteValue, lease: SQLiteValue
    ) throws(SQLiteFailure) {
        try engine.connection.run(
            "INSERT INTO log (id, key, value, create_revision, version, lease) VALUES (?, ?, ?, ?, ?, ?)",
            .int(revision << SQLiteSchema.placeBits | place), .text(key), value, create, version, lease)
        place += 1
    }
}
