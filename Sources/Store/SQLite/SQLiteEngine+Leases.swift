extension SQLiteEngine {
    /// Makes a lease within the open transaction.
    func grant(_ ttl: Duration, now: Duration) throws(SQLiteFailure) -> Lease {
        let id = LeaseID(draft.lastLease + 1)
        try connection.run("INSERT INTO lease (id, ttl_ms) VALUES (?, ?)", .int(id.rawValue), .int(ttl.milliseconds))
        try connection.run("UPDATE meta SET value = ? WHERE name = 'last_lease'", .int(id.rawValue))
        change { draft in
            draft.lastLease = id.rawValue
            draft.granted[id] = LeaseClockState(ttl: ttl, deadline: now + ttl)
        }
        return Lease(id: id, ttl: ttl)
    }

    /// Ends a lease and its keys within the open transaction, at one new revision.
    ///
    /// - Throws: `StoreError` leaseGone, `SQLiteFailure`.
    func revoke(_ id: LeaseID) throws {
        guard hasLease(id) else { throw StoreError.leaseGone(id) }
        var writer = RevisionWriter(engine: self)
        _ = try writer.delete(where: "SELECT key FROM kv WHERE lease = ?1 ORDER BY key", .int(id.rawValue))
        writer.finish()
        try connection.run("DELETE FROM lease WHERE id = ?", .int(id.rawValue))
        change { draft in
            draft.granted[id] = nil
            draft.revoked.insert(id)
        }
    }

    /// The leases whose time is over, in order.
    func overdue(now: Duration) -> [LeaseID] { leases.filter { $0.value.deadline <= now }.keys.sorted() }

    /// When the next lease ends.
    var nextDeadline: Duration? { leases.values.map(\.deadline).min() }
}

extension Duration {
    /// Whole milliseconds, rounded up.
    var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
    }
}
