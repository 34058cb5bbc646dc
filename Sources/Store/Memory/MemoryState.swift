/// The whole store as a value: the plain statement of what the protocol means. Pure; the caller has lock and clock.
struct MemoryState {
    struct LeaseState {
        var ttl: Duration
        var deadline: Duration
        var keys: Set<String> = []
    }

    /// etcd's first revision, that of an empty store.
    private(set) var revision: Int64 = 1
    private(set) var compacted: Int64 = 0
    private var entries: [String: Entry] = [:]
    /// In byte order: keys are ASCII, for which String's order is that of the bytes.
    private var keys: [String] = []
    private var log: [WatchBatch] = []
    private var leases: [LeaseID: LeaseState] = [:]
    private var lastLease: Int64 = 0

    func entry(_ key: String) -> Entry? { entries[key] }

    func range(_ prefix: String, after: String?, limit: Int?) -> RangeResult {
        var found: [Entry] = []
        for key in keys[firstIndex(prefix, after: after)...] {
            guard key.hasPrefix(prefix) else { break }
            guard found.count < limit ?? .max else {
                return RangeResult(revision: revision, entries: found, more: true)
            }
            if let entry = entries[key] { found.append(entry) }
        }
        return RangeResult(revision: revision, entries: found, more: false)
    }

    private func firstIndex(_ prefix: String, after: String?) -> Int {
        guard let after, after >= prefix else { return index(of: prefix) }
        let index = index(of: after)
        return index < keys.count && keys[index] == after ? index + 1 : index
    }

    /// Where the key is, or would be.
    private func index(of key: String) -> Int {
        var low = 0
        var high = keys.count
        while low < high {
            let middle = (low + high) / 2
            if keys[middle] < key { low = middle + 1 } else { high = middle }
        }
        return low
    }

    mutating func apply(_ transaction: Transaction) throws(StoreError) -> TransactionResult {
        let succeeded = transaction.compares.allSatisfy { $0.holds(for: entries[$0.key]) }
        let branch = succeeded ? transaction.then : transaction.otherwise
        for case .put(_, _, let lease?) in branch where leases[lease] == nil { throw .leaseGone(lease) }
        var events: [WatchEvent] = []
        var responses: [OpResponse] = []
        for op in branch {
            switch op {
            case .put(let key, let value, let lease):
                put(key, value, lease, &events)
                responses.append(.put)
            case .delete(let key): responses.append(.deleted(delete(key, &events) ? 1 : 0))
            case .deletePrefix(let prefix):
                let doomed = range(prefix, after: nil, limit: nil).entries
                for entry in doomed { delete(entry.key, &events) }
                responses.append(.deleted(doomed.count))
            case .get(let key): responses.append(.got(entries[key]))
            }
        }
        finish(events)
        return TransactionResult(succeeded: succeeded, revision: revision, responses: responses)
    }

    private mutating func finish(_ events: [WatchEvent]) {
        guard !events.isEmpty else { return }
        revision += 1
        log.append(WatchBatch(revision: revision, events: events))
    }

    private mutating func put(_ key: String, _ value: [UInt8], _ lease: LeaseID?, _ events: inout [WatchEvent]) {
        let old = entries[key]
        if old == nil { keys.insert(key, at: index(of: key)) }
        if let lease = old?.lease { leases[lease]?.keys.remove(key) }
        if let lease { leases[lease]?.keys.insert(key) }
        let entry = Entry(
            key: key, value: value, createRevision: old?.createRevision ?? revision + 1, modRevision: revision + 1,
            version: (old?.version ?? 0) + 1, lease: lease)
        entries[key] = entry
        events.append(.put(entry))
    }

    @discardableResult
    private mutating func delete(_ key: String, _ events: inout [WatchEvent]) -> Bool {
        guard let old = entries.removeValue(forKey: key) else { return false }
        keys.remove(at: index(of: key))
        if let lease = old.lease { leases[lease]?.keys.remove(key) }
        events.append(.delete(key, modRevision: revision + 1))
        return true
    }
}

extension MemoryState {
    /// The changes below a prefix from a revision up to the newest.
    func changes(_ prefix: String, from first: Int64) throws(StoreError) -> WatchStream.Page {
        guard first > compacted else { throw .compacted(at: compacted) }
        var batches: [WatchBatch] = []
        for batch in log where batch.revision >= first {
            let events = batch.events.filter { $0.key.hasPrefix(prefix) }
            if !events.isEmpty { batches.append(WatchBatch(revision: batch.revision, events: events)) }
        }
        return WatchStream.Page(batches: batches, next: revision + 1)
    }

    mutating func compact(to target: Int64) throws(StoreError) {
        guard target <= revision else {
            throw StoreError(.invalid, "revision \(target) lies in the future, the store has \(revision)")
        }
        compacted = max(compacted, target)
        log.removeAll { $0.revision <= target }
    }

    mutating func grant(_ ttl: Duration, now: Duration) -> Lease {
        lastLease += 1
        leases[LeaseID(lastLease)] = LeaseState(ttl: ttl, deadline: now + ttl)
        return Lease(id: LeaseID(lastLease), ttl: ttl)
    }

    mutating func keepAlive(_ id: LeaseID, now: Duration) throws(StoreError) -> Duration {
        guard let lease = leases[id] else { throw .leaseGone(id) }
        leases[id]?.deadline = now + lease.ttl
        return lease.ttl
    }

    mutating func revoke(_ id: LeaseID) throws(StoreError) {
        guard let lease = leases[id] else { throw .leaseGone(id) }
        var events: [WatchEvent] = []
        for key in lease.keys.sorted() { delete(key, &events) }
        leases[id] = nil
        finish(events)
    }

    /// Ends the leases whose time is over, each at a revision of its own, and gives the time until the next one ends.
    mutating func expire(now: Duration) -> Duration? {
        for id in leases.keys.sorted() where leases[id].map({ $0.deadline <= now }) ?? false { try? revoke(id) }
        return leases.values.map(\.deadline).min().map { $0 - now }
    }
}
