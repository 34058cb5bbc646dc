extension SQLiteEngine {
    /// Changes of a page: more only to finish a revision.
    private static let pageRows = 256
    /// Bytes of values of a page: more only to finish a revision.
    private static let pageBytes = 4 << 20

    /// The changes below a prefix from a revision on: as many whole revisions as fit a page.
    ///
    /// - Throws: `StoreError` compacted, `SQLiteFailure`.
    func changes(_ prefix: String, from first: Int64) throws -> WatchStream.Page {
        guard first > compacted else { throw StoreError.compacted(at: compacted) }
        let upper = TransactionRules.upperBound(ofPrefix: prefix)
        var batches: [WatchBatch] = []
        var rows = 0
        var bytes = 0
        var next: Int64?
        _ = try connection.rows(
            """
            SELECT id, key, value, create_revision, version, lease FROM log
            WHERE id >= ?1 AND key >= ?2 AND (?3 IS NULL OR key < ?3) ORDER BY id
            """, .int(first << SQLiteSchema.placeBits), .text(prefix), upper.map { .text($0) } ?? .null
        ) { row -> Void? in
            let revision = row.int(0) >> SQLiteSchema.placeBits
            let event = Self.event(row, revision)
            if batches.last?.revision == revision {
                batches[batches.count - 1].events.append(event)
            } else if rows >= Self.pageRows || bytes >= Self.pageBytes {
                next = revision
                return nil
            } else {
                batches.append(WatchBatch(revision: revision, events: [event]))
            }
            rows += 1
            if case .put(let entry) = event { bytes += entry.value.count }
            return ()
        }
        return WatchStream.Page(batches: batches, next: max(first, next ?? revision + 1))
    }

    private static func event(_ row: SQLiteStatement, _ revision: Int64) -> WatchEvent {
        // A deletion has no value; an empty value is no NULL.
        guard !row.isNull(2) else { return .delete(row.text(1), modRevision: revision) }
        return .put(
            Entry(
                key: row.text(1), value: row.blob(2), createRevision: row.int(3), modRevision: revision,
                version: row.int(4), lease: row.isNull(5) ? nil : LeaseID(row.int(5))))
    }

    /// Forgets the changes up to and with a revision.
    ///
    /// - Throws: `StoreError` invalid, `SQLiteFailure`.
    func compact(to target: Int64) throws {
        guard target <= revision else {
            throw StoreError(.invalid, "revision \(target) lies in the future, the store has \(revision)")
        }
        guard target > compacted else { return }
        try begin()
        do {
            try connection.run("UPDATE meta SET value = ? WHERE name = 'compacted'", .int(target))
            let removed = try connection.first(
                "SELECT count(*), coalesce(sum(length(value)), 0) FROM log WHERE id < ?",
                .int((target + 1) << SQLiteSchema.placeBits)
            ) { LogSize(rows: $0.int(0), bytes: $0.int(1)) }
            try connection.run("DELETE FROM log WHERE id < ?", .int((target + 1) << SQLiteSchema.placeBits))
            change { draft in
                draft.log.rows -= removed?.rows ?? 0
                draft.log.bytes -= removed?.bytes ?? 0
            }
            try commit()
            setCompacted(target)
        } catch {
            rollback()
            throw error
        }
    }

    /// How far to forget so that the log has at most so many rows and bytes; nil when nothing would go.
    ///
    /// - Throws: `SQLiteFailure`.
    func trimTarget(rows: Int64, bytes: Int64) throws -> Int64? {
        var keptRows: Int64 = 0
        var keptBytes: Int64 = 0
        var target: Int64?
        _ = try connection.rows("SELECT id, coalesce(length(value), 0) FROM log ORDER BY id DESC") { row -> Void? in
            keptRows += 1
            keptBytes += row.int(1)
            guard keptRows > rows || keptBytes > bytes else { return () }
            target = row.int(0) >> SQLiteSchema.placeBits
            return nil
        }
        // The newest revision always stays, however large it is.
        return target.map { min($0, revision - 1) }.flatMap { $0 > compacted ? $0 : nil }
    }
}
