internal import JSON
internal import Model
package import Runtime
package import Store

/// What a write under an Idempotency-Key adds to its transaction: the key must be new, and is remembered with the write.
package struct WriteMemory: Sendable {
    /// A write without a key.
    package static let none = WriteMemory(key: nil, digest: "", lease: nil)

    /// Where it is remembered.
    let key: String?
    let digest: String
    let lease: LeaseID?

    var compares: [Compare] { key.map { [.absent($0)] } ?? [] }

    /// What the transaction does beside the write itself.
    ///
    /// - Parameters:
    ///   - created: whether the write made the resource.
    ///   - document: what a deletion answers; anything else is there to be read again.
    /// - Returns: nothing for a write without a key.
    /// - Throws: when the document can't be encoded.
    func operations(created: Bool, document: JSONValue? = nil) throws -> [Op] {
        guard let key else { return [] }
        let record = IdempotencyRecord(digest: digest, created: created, document: document)
        return [.put(key, try encodeRecord(record), lease: lease)]
    }
}

/// Another write under the same Idempotency-Key came first.
struct RepeatedWrite: Error {}

/// An `Idempotency-Key` that was used, as stored under `idempotency/<owner>/<key>` for a day.
struct IdempotencyRecord: StoredRecord {
    var schema = Self.currentSchema
    /// What the request was, in short.
    var digest: String
    /// Whether it made the resource.
    var created: Bool
    /// The answer, where the resource is not there to be read again.
    var document: JSONValue?
}

/// The leases that Idempotency-Keys are kept by: one for all keys of an hour, so that they cost the store little.
package actor IdempotencyLeases {
    /// A day, and the hour in which a lease takes further keys.
    private static let lifetime = Duration.seconds(25 * 3600)
    private static let use: Int64 = 3600

    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private let store: any Store
    private let clock: NodeClock
    private var current: (lease: LeaseID, until: Int64)?

    package init(store: any Store, clock: NodeClock, loop: EventLoop) {
        self.store = store
        self.clock = clock
        self.loop = loop
    }

    /// The lease for a key that is used now. Throws `StoreError`.
    package func lease() async throws -> LeaseID {
        let now = clock.unixSeconds()
        if let current, now < current.until { return current.lease }
        let granted = try await store.grantLease(ttl: Self.lifetime)
        // Another call may have granted one meanwhile; then one of the two ends unused.
        current = (granted.id, now + Self.use)
        return granted.id
    }
}
