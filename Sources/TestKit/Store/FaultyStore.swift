internal import Runtime
package import Store

/// A store in front of another that fails on request, above all *after* having done what was asked, which is what a
/// network does to a client; and that records every transaction.
package final class FaultyStore: Store {
    /// Which calls a fault is for.
    package enum Call: Sendable, Hashable {
        /// Reads of ranges and keys.
        case read
        /// Transactions.
        case transaction
        /// Beginnings of watches.
        case watch
        /// Grants, renewals and ends of leases.
        case lease
    }

    /// What goes wrong.
    package enum Fault: Sendable {
        /// The call fails and nothing has happened.
        case before(StoreError)
        /// The call has happened, and fails.
        case after(StoreError)
        /// The call waits until the gate opens, then happens.
        case hold(Gate)

        /// A transaction that happened, and whose caller does not know.
        package static let unknownOutcome = Fault.after(StoreError(.unknownOutcome, "the connection was lost"))
        /// A store that can't be reached.
        package static let unavailable = Fault.before(StoreError(.unavailable, "no store can be reached"))
    }

    private struct Order {
        var call: Call
        var fault: Fault
        var skip: Int
        var times: Int
        var matches: @Sendable (Transaction?) -> Bool
    }

    private struct State {
        var orders: [Order] = []
        var transactions: [Transaction] = []
        var watches: [Gate] = []
    }

    private let base: any Store
    private let state = Locked(State())

    /// Puts itself in front of a store.
    package init(_ base: any Store) { self.base = base }

    package var clusterID: String { base.clusterID }

    /// All transactions that were asked for, in order, the failed ones too.
    package var transactions: [Transaction] { state.withLock { $0.transactions } }

    /// Makes calls of a kind fail: the first `skip` matching ones pass, then `times` fail.
    package func inject(
        _ fault: Fault, on call: Call = .transaction, skip: Int = 0, times: Int = 1,
        where matches: @escaping @Sendable (Transaction?) -> Bool = { _ in true }
    ) {
        let order = Order(call: call, fault: fault, skip: skip, times: times, matches: matches)
        state.withLock { $0.orders.append(order) }
    }

    /// Takes back every fault that has not come to pass.
    package func heal() { state.withLock { $0.orders = [] } }

    /// Ends all watches that are open with the error, as a lost connection does.
    package func breakWatches(_ error: StoreError = StoreError(.unavailable, "the connection was lost")) {
        let watches = state.withLock { state in
            let watches = state.watches
            state.watches = []
            return watches
        }
        for watch in watches { watch.fail(error) }
    }

    package func range(_ prefix: String, after: String?, limit: Int?) async throws -> RangeResult {
        try await perform(.read) { try await base.range(prefix, after: after, limit: limit) }
    }

    package func get(_ key: String) async throws -> (entry: Entry?, revision: Int64) {
        try await perform(.read) { try await base.get(key) }
    }

    package func transaction(_ transaction: Transaction) async throws -> TransactionResult {
        state.withLock { $0.transactions.append(transaction) }
        return try await perform(.transaction, transaction) { try await base.transaction(transaction) }
    }

    package func watch(prefix: String, from revision: Int64) async throws -> WatchStream {
        let stream = try await perform(.watch) { try await base.watch(prefix: prefix, from: revision) }
        let end = Gate()
        state.withLock { $0.watches.append(end) }
        return stream.ended(by: end)
    }

    package func grantLease(ttl: Duration) async throws -> Lease {
        try await perform(.lease) { try await base.grantLease(ttl: ttl) }
    }

    package func keepAlive(_ lease: LeaseID) async throws -> Duration {
        try await perform(.lease) { try await base.keepAlive(lease) }
    }

    package func revoke(_ lease: LeaseID) async throws {
        try await perform(.lease) { try await base.revoke(lease) }
    }

    package func compact(to revision: Int64) async throws { try await base.compact(to: revision) }

    package func close() async { await base.close() }

    private func perform<T>(
        _ call: Call, _ transaction: Transaction? = nil, _ body: () async throws -> T
    ) async throws -> T {
        switch fault(for: call, transaction) {
        case nil: return try await body()
        case .before(let error): throw error
        case .after(let error):
            _ = try await body()
            throw error
        case .hold(let gate):
            try await gate.wait()
            return try await body()
        }
    }

    private func fault(for call: Call, _ transaction: Transaction?) -> Fault? {
        state.withLock { state in
            for index in state.orders.indices
            where state.orders[index].call == call && state.orders[index].matches(transaction) {
                guard state.orders[index].skip == 0 else {
                    state.orders[index].skip -= 1
                    continue
                }
                state.orders[index].times -= 1
                let fault = state.orders[index].fault
                if state.orders[index].times == 0 { state.orders.remove(at: index) }
                return fault
            }
            return nil
        }
    }
}
