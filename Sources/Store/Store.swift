/// A key-value store with the semantics of etcd: one revision counter, compare-and-swap transactions, watches from a
/// revision, leases.
///
/// Any task may call any method at any time. Keys are printable ASCII without spaces, in byte order. What a
/// `transaction` has acknowledged survives a crash of the process and, where the backend is on disk, a loss of power.
/// Errors are `StoreError`, except where `CancellationError` is named.
package protocol Store: Sendable {
    /// The identity of the data, made once with it: a different one means a different store.
    var clusterID: String { get }

    /// The entries whose keys begin with the prefix, in byte order of the keys.
    ///
    /// All of one call show the same revision; pages of several calls need not: watch from the first page's revision + 1
    /// to see what changed meanwhile.
    ///
    /// - Parameters:
    ///   - prefix: "" for everything.
    ///   - after: only keys beyond this one: the last of the page before.
    ///   - limit: at most so many entries, at least 1; nil for all.
    /// - Returns: the entries, and whether the limit cut some off.
    /// - Throws: `StoreError`.
    func range(_ prefix: String, after: String?, limit: Int?) async throws -> RangeResult

    /// The entry of a key, nil if there is none, and the store's revision at that moment.
    func get(_ key: String) async throws -> (entry: Entry?, revision: Int64)

    /// Runs `then` if every compare holds, else `otherwise`: all of it or nothing, at one new revision.
    ///
    /// A transaction that changes nothing makes no revision. Once begun it runs to its end even if the task is
    /// cancelled, so that its outcome is known.
    ///
    /// - Throws: `unknownOutcome` when it may or may not have happened: read again before trying again. Every other
    ///   error means that nothing happened.
    func transaction(_ transaction: Transaction) async throws -> TransactionResult

    /// The changes below a prefix from a revision on, that one included; 0 means from the next change.
    ///
    /// Changes of one revision come together, none is left out, and the order is that of the revisions. A revision of
    /// the future is waited for. Memory is bounded however slow the reader is: it is a cursor, not a queue.
    ///
    /// - Throws: `compacted` when changes from that revision on are no longer kept: read the range again.
    func watch(prefix: String, from revision: Int64) async throws -> WatchStream

    /// Makes a lease: keys put with it vanish when it was not kept alive for `ttl` (at least a second). A restart of the
    /// store gives each lease its full time again.
    func grantLease(ttl: Duration) async throws -> Lease

    /// Starts a lease's time anew and gives it.
    ///
    /// - Throws: `leaseGone`.
    func keepAlive(_ lease: LeaseID) async throws -> Duration

    /// Ends a lease and deletes its keys, in one transaction.
    ///
    /// - Throws: `leaseGone`.
    func revoke(_ lease: LeaseID) async throws

    /// Forgets the changes up to and with a revision; the entries stay. A revision of the future, or one forgotten
    /// already, is refused as `invalid` or does nothing.
    func compact(to revision: Int64) async throws

    /// Ends the store: what was begun is finished, watches end with `closed`, and so does every later call.
    func close() async
}

extension Store {
    /// The entries of a prefix; see `range(_:after:limit:)`.
    package func range(_ prefix: String, limit: Int? = nil) async throws -> RangeResult {
        try await range(prefix, after: nil, limit: limit)
    }
}

/// The limits of every backend: what etcd takes by default.
package enum StoreLimits {
    /// Compares, and operations of each branch, in one transaction.
    package static let operations = 128
    /// Bytes of all keys and values of a transaction together: etcd's 1.5 MiB, less what they are wrapped in.
    package static let requestBytes = (3 << 19) - (32 << 10)
    /// Bytes of a key.
    package static let keyBytes = 1024
    /// The shortest lease.
    package static let shortestLease = Duration.seconds(1)
}
