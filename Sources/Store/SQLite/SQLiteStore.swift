internal import Runtime

/// The store in one SQLite file: for one process on one host.
///
/// All work runs on a thread of its own. Writes are committed in groups: while the disk is busy with one commit the next
/// group gathers, and each write's task resumes once its group is on the disk. Reads run on the same thread, between the
/// commits.
///
/// A disk that fails at a commit ends the store: those waiting get `unknownOutcome`, and every later call `unavailable`,
/// since nobody can know what the kernel dropped. Opening it again reads what the disk has.
package final class SQLiteStore: Store {
    package let clusterID: String
    /// Where the file is.
    package let path: String
    let worker: SQLiteWorker
    private let clock: any StoreClock

    private init(worker: SQLiteWorker, cluster: String, clock: any StoreClock) {
        self.worker = worker
        self.clock = clock
        clusterID = cluster
        path = worker.configuration.path
    }

    /// Opens the store, and makes it where there is none. The directory must be there.
    ///
    /// The file has the mode 0600. It is this process's alone until `close`.
    ///
    /// - Throws: `StoreError`: `notWritable`, `full`, `locked`, `corrupt`, `newerSchema`, `unavailable`.
    package static func open(_ configuration: Configuration, clock: any StoreClock) async throws -> SQLiteStore {
        let worker = SQLiteWorker(configuration: configuration)
        do {
            let cluster = try await worker.open(now: clock.now())
            let store = SQLiteStore(worker: worker, cluster: cluster, clock: clock)
            await store.armLeases()
            return store
        } catch {
            await worker.executor.shutdown()
            throw error
        }
    }

    package func range(_ prefix: String, after: String?, limit: Int?) async throws -> RangeResult {
        try TransactionRules.check(prefix: prefix)
        try TransactionRules.check(limit: limit)
        return try await read { try $0.range(prefix, after: after, limit: limit) }
    }

    package func get(_ key: String) async throws -> (entry: Entry?, revision: Int64) {
        try TransactionRules.check(key: key)
        return try await read { (try $0.entry(key), $0.revision) }
    }

    package func transaction(_ transaction: Transaction) async throws -> TransactionResult {
        try TransactionRules.check(transaction)
        return try await write { try $0.apply(transaction) }
    }

    package func watch(prefix: String, from revision: Int64) async throws -> WatchStream {
        try TransactionRules.check(prefix: prefix)
        let start = try await read { engine in
            let start = revision > 0 ? revision : engine.revision + 1
            guard start > engine.compacted else { throw StoreError.compacted(at: engine.compacted) }
            return start
        }
        return WatchStream(from: start) { [self] cursor in
            _ = try await worker.signal.wait(for: cursor)
            return try await read { try $0.changes(prefix, from: cursor) }
        }
    }

    package func compact(to revision: Int64) async throws {
        try await read { try $0.compact(to: revision) }
    }

    package func close() async {
        guard worker.queue.close() else { return }
        await worker.close()
        await worker.executor.shutdown()
    }

    /// Runs the body on the store's thread, outside any transaction.
    func read<T: Sendable>(_ body: @escaping @Sendable (SQLiteEngine) throws -> T) async throws -> T {
        guard !worker.queue.isClosed else { throw StoreError.closed }
        return try await worker.read(body)
    }

    /// Queues the body for the next commit and waits for that.
    func write<T: Sendable>(_ body: @escaping @Sendable (SQLiteEngine) throws -> T) async throws -> T {
        let write = Write(body)
        if try worker.queue.add(write) { await worker.drain() }
        return try await write.ticket.value()
    }
}

extension SQLiteStore {
    package func grantLease(ttl: Duration) async throws -> Lease {
        try TransactionRules.check(ttl: ttl)
        let now = clock.now()
        let lease = try await write { try $0.grant(ttl, now: now) }
        await armLeases()
        return lease
    }

    package func keepAlive(_ lease: LeaseID) async throws -> Duration {
        let now = clock.now()
        return try await read { engine in
            guard let ttl = engine.rearm(lease, now: now) else { throw StoreError.leaseGone(lease) }
            return ttl
        }
    }

    package func revoke(_ lease: LeaseID) async throws {
        try await write { try $0.revoke(lease) }
    }

    /// Has the clock wake the store when the next lease ends, unless it will be woken by then anyway.
    private func armLeases() async {
        let now = clock.now()
        guard let delay = await worker.armLeases(now: now) else { return }
        clock.wake(after: delay) { [weak self] in await self?.expireLeases() }
    }

    private func expireLeases() async {
        let now = clock.now()
        let isDone: Void? = try? await write { engine in
            for id in engine.overdue(now: now) { try engine.revoke(id) }
        }
        await worker.disarmLeases()
        if isDone != nil {
            await armLeases()
        } else if !worker.queue.isClosed {
            // Whatever failed is told to those who use the store; here it is tried again, but not in a circle.
            clock.wake(after: .seconds(1)) { [weak self] in await self?.expireLeases() }
        }
    }
}
