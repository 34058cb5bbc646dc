internal import Foundation
package import Runtime

/// The store in etcd (3.4 or newer): for many hosts.
///
/// It lives on one loop, which must outlive it; any task on any loop may call it. Reads are linearizable, and asked of another
/// member when one does not answer. A write goes out once: what became of it is known, or the error is `unknownOutcome`. Every
/// answer is held against those before it: `foreign` and `restored` mean that this is not the store worked with so far.
/// A read whose task is cancelled throws `CancellationError`.
package final class EtcdStore: Store {
    package let clusterID: String
    let client: EtcdClient

    private init(client: EtcdClient, clusterID: String) {
        self.client = client
        self.clusterID = clusterID
    }

    /// Connects to a cluster.
    ///
    /// - Parameters:
    ///   - configuration: which one, and how.
    ///   - loop: where the connection lives.
    /// - Returns: the store; it has to be closed.
    /// - Throws: `StoreError`: `invalid` for a configuration that can't be one, `unavailable` when no member answers in
    ///   `callTimeout`, `unauthenticated`, `foreign`, `restored`; `CancellationError`. Nothing is left open then.
    package static func open(_ configuration: EtcdConfiguration, on loop: EventLoop) async throws -> EtcdStore {
        var endpoints: [EtcdEndpoint] = []
        for text in configuration.endpoints { endpoints.append(try EtcdEndpoint(text)) }
        guard !endpoints.isEmpty else { throw StoreError(.invalid, "no endpoint of etcd is configured") }
        if configuration.security == nil, let secure = endpoints.first(where: \.isSecure) {
            throw StoreError(.invalid, "\(secure) needs TLS, and nothing is configured for it")
        }
        var cluster: UInt64?
        if let text = configuration.clusterID {
            guard let number = UInt64(text, radix: 16) else {
                throw StoreError(.invalid, "\(text.debugDescription) is no cluster of etcd")
            }
            cluster = number
        }
        // Each client begins with another member, so that they share the clients between them.
        let client = EtcdClient(configuration, endpoints: endpoints.shuffled(), cluster: cluster, on: loop)
        do {
            _ = try await client.revision()
            let number = client.answers.withLock { $0.cluster } ?? 0
            return EtcdStore(client: client, clusterID: AnswerCheck.text(number))
        } catch {
            await client.close()
            throw error
        }
    }

    /// The highest revision in any answer so far.
    package var highestRevision: Int64 { client.answers.withLock { $0.highest } }

    /// The member that is connected to, if one is.
    package var endpoint: String? { get async { await client.endpoint?.description } }

    /// Takes renewed certificates: for connections from now on, and the next call makes one. Watches stay where they are.
    package func use(_ security: EtcdSecurity) async { await client.use(security) }

    package func range(_ prefix: String, after: String?, limit: Int?) async throws -> RangeResult {
        try TransactionRules.check(prefix: prefix)
        try TransactionRules.check(limit: limit)
        return try await client.range(prefix, after: after, limit: limit)
    }

    package func get(_ key: String) async throws -> (entry: Entry?, revision: Int64) {
        try TransactionRules.check(key: key)
        let answer = try await client.call(EtcdMethods.range, EtcdRangeRequest(key: key), .linearizableRead)
        return (answer.kvs.first.map { Entry($0) }, answer.header.revision)
    }

    package func transaction(_ transaction: Transaction) async throws -> TransactionResult {
        try TransactionRules.check(transaction)
        let writes = (transaction.then + transaction.otherwise).contains(where: \.isWrite)
        let manner = EtcdClient.Manner(effect: writes ? .write : .repeatable, isLinearizable: true)
        let answer: EtcdTxnResponse
        do {
            answer = try await client.call(EtcdMethods.transaction, EtcdTxnRequest(transaction), manner)
        } catch let error as StoreError where error.code == .leaseGone {
            throw transaction.leases.first.map { StoreError.leaseGone($0) } ?? error
        }
        let responses = answer.responses.compactMap { OpResponse($0) }
        return TransactionResult(
            succeeded: answer.succeeded, revision: answer.header.revision, responses: responses)
    }

    package func watch(prefix: String, from revision: Int64) async throws -> WatchStream {
        try TransactionRules.check(prefix: prefix)
        let start = try await client.beginWatch(prefix, from: revision)
        return WatchStream(
            from: start,
            makingPages: { [client] in
                let reader = WatchReader(prefix: prefix, on: client.loop)
                return { cursor in try await client.page(reader, from: cursor) }
            })
    }

    package func grantLease(ttl: Duration) async throws -> Lease {
        try TransactionRules.check(ttl: ttl)
        var request = EtcdLeaseGrantRequest()
        request.ttl = ttl.components.seconds + (ttl.components.attoseconds > 0 ? 1 : 0)
        let answer = try await client.call(EtcdMethods.grant, request, .repeatable)
        return Lease(id: LeaseID(answer.id), ttl: .seconds(answer.ttl))
    }

    package func keepAlive(_ lease: LeaseID) async throws -> Duration {
        var request = EtcdLeaseKeepAliveRequest()
        request.id = lease.rawValue
        let answer = try await client.call(EtcdMethods.keepAlive, request, .repeatable)
        // etcd's way of saying that there is none.
        guard answer.ttl > 0 else { throw StoreError.leaseGone(lease) }
        return .seconds(answer.ttl)
    }

    package func revoke(_ lease: LeaseID) async throws {
        var request = EtcdLeaseRevokeRequest()
        request.id = lease.rawValue
        do {
            _ = try await client.call(EtcdMethods.revoke, request, .repeatable)
        } catch let error as StoreError where error.code == .leaseGone {
            throw StoreError.leaseGone(lease)
        }
    }

    package func compact(to revision: Int64) async throws {
        var request = EtcdCompactionRequest()
        request.revision = revision
        do {
            _ = try await client.call(EtcdMethods.compact, request, .repeatable)
        } catch let error as StoreError where error.code == .compacted {
            // It was done before, by somebody else or by an attempt whose answer was lost.
        }
    }

    package func close() async { await client.close() }
}

extension Transaction {
    fileprivate var leases: [LeaseID] {
        (then + otherwise).compactMap { if case .put(_, _, let lease?) = $0 { lease } else { nil } }
    }
}

extension EtcdClient.Manner {
    static let linearizableRead = EtcdClient.Manner(effect: .read, isLinearizable: true)
    static let repeatable = EtcdClient.Manner(effect: .repeatable)
}
