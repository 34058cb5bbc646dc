internal import Model
internal import Runtime

/// The store in memory, for tests and for trying things out: nothing survives it. Calls never suspend except a watch
/// that waits.
package final class MemoryStore: Store {
    package let clusterID: String
    private let state = Locked(MemoryState())
    private let signal = RevisionSignal(revision: 1)
    private let isClosed = Locked(false)
    private let clock: any StoreClock

    /// Makes an empty store; `clock` is what leases run by.
    package init(clock: any StoreClock, clusterID: String = VMID.random().text) {
        self.clock = clock
        self.clusterID = clusterID
    }

    package func range(_ prefix: String, after: String?, limit: Int?) async throws -> RangeResult {
        try TransactionRules.check(prefix: prefix)
        try TransactionRules.check(limit: limit)
        return try locked { $0.range(prefix, after: after, limit: limit) }
    }

    package func get(_ key: String) async throws -> (entry: Entry?, revision: Int64) {
        try TransactionRules.check(key: key)
        return try locked { ($0.entry(key), $0.revision) }
    }

    package func transaction(_ transaction: Transaction) async throws -> TransactionResult {
        try TransactionRules.check(transaction)
        return try locked { state throws(StoreError) in try state.apply(transaction) }
    }

    package func watch(prefix: String, from revision: Int64) async throws -> WatchStream {
        try TransactionRules.check(prefix: prefix)
        let start = try locked { state throws(StoreError) in
            let start = revision > 0 ? revision : state.revision + 1
            _ = try state.changes(prefix, from: start)
            return start
        }
        return WatchStream(from: start) { [self] cursor in
            _ = try await signal.wait(for: cursor)
            return try locked { state throws(StoreError) in try state.changes(prefix, from: cursor) }
        }
    }

    package func grantLease(ttl: Duration) async throws -> Lease {
        try TransactionRules.check(ttl: ttl)
        let now = clock.now()
        let lease = try locked { $0.grant(ttl, now: now) }
        clock.wake(after: ttl) { [weak self] in self?.expireLeases() }
        return lease
    }

    package func keepAlive(_ lease: LeaseID) async throws -> Duration {
        let now = clock.now()
        return try locked { state throws(StoreError) in try state.keepAlive(lease, now: now) }
    }

    package func revoke(_ lease: LeaseID) async throws {
        try locked { state throws(StoreError) in try state.revoke(lease) }
    }

    package func compact(to revision: Int64) async throws {
        try locked { state throws(StoreError) in try state.compact(to: revision) }
    }

    package func close() async {
        isClosed.withLock { $0 = true }
        signal.end(.closed)
    }

    private func expireLeases() {
        let now = clock.now()
        guard let delay = try? locked({ $0.expire(now: now) }) else { return }
        clock.wake(after: delay) { [weak self] in self?.expireLeases() }
    }

    private func locked<T>(_ body: (inout MemoryState) throws(StoreError) -> T) throws(StoreError) -> T {
        guard !isClosed.withLock({ $0 }) else { throw .closed }
        let (result, revision): (Result<T, StoreError>, Int64) = state.withLock { state in
            do throws(StoreError) {
                return (.success(try body(&state)), state.revision)
            } catch {
                return (.failure(error), state.revision)
            }
        }
        signal.publish(revision)
        return try result.get()
    }
}
