internal import JSON
internal import Model
internal import Runtime
internal import Store

/// What every write of the control API shares: the store, the clock, idempotency keys and the answer to a lost race.
package struct Writer: Sendable {
    let store: StoreActor
    let clock: NodeClock
    let macs: MACAllocator
    let numbers: NumberAllocator
    let leases: IdempotencyLeases
    /// Asks the net-helper whether an interface could be a guest's port; throws `HelperFailure` where it could not.
    let checkInterface: @Sendable (String) async throws -> Void

    /// How often a write is tried again when others came in between.
    static let attempts = 8
    /// How many addresses of the pool are tried for a VM.
    static let candidates = 64

    package init(
        store: StoreActor, clock: NodeClock, macs: MACAllocator, numbers: NumberAllocator, leases: IdempotencyLeases,
        checkInterface: @escaping @Sendable (String) async throws -> Void
    ) {
        self.store = store
        self.clock = clock
        self.macs = macs
        self.numbers = numbers
        self.leases = leases
        self.checkInterface = checkInterface
    }

    /// Runs a read-decide-commit until it commits: `decide` gets the newest catalog and returns a transaction, or throws.
    ///
    /// - Throws: what `decide` throws; `RepeatedWrite` when another write took the Idempotency-Key; `ProblemError` `conflict`
    ///   when it never won; the store's trouble as a 503.
    func commit(
        _ label: String, _ memory: WriteMemory, _ decide: @Sendable (Catalog) async throws -> Transaction
    ) async throws -> TransactionResult {
        for _ in 0..<Self.attempts {
            let catalog = await store.catalog
            let transaction = try await decide(catalog)
            let result: TransactionResult
            do {
                result = try await store.commit(transaction, label)
            } catch let error as StoreError {
                throw Self.problem(error)
            }
            await store.caughtUp(to: result.revision)
            if result.succeeded { return result }
            if let key = memory.key, try await read(key) != nil { throw RepeatedWrite() }
        }
        throw ProblemError.conflict(
            "conflict", "others changed the same things at the same time", fix: "try again", retryable: true)
    }

    /// How a request under an Idempotency-Key is remembered; nil without a key.
    func memory(_ options: WriteOptions, owner: Name, _ request: [String], _ body: JSONValue) async throws
        -> WriteMemory
    {
        guard let text = options.idempotencyKey, !options.dryRun else { return .none }
        let digest = Self.digest(of: request + [String(decoding: body.encoded(), as: UTF8.self)])
        do {
            return WriteMemory(
                key: KeyPath.idempotency(owner, text), digest: digest, lease: try await leases.lease())
        } catch let error as StoreError {
            throw Self.problem(error)
        }
    }

    /// What an earlier request under the same key led to, if there was one.
    ///
    /// - Throws: `ProblemError` `idempotency.mismatch` (422) when that was another request.
    func earlier(_ memory: WriteMemory) async throws -> IdempotencyRecord? {
        guard let key = memory.key, let entry = try await read(key) else { return nil }
        let record: IdempotencyRecord = try decodeRecord(from: entry.value, key: key)
        // The answer is read from the catalog.
        await store.caughtUp(to: entry.modRevision)
        guard record.digest == memory.digest else {
            throw ProblemError(
                status: 422, code: "idempotency.mismatch",
                detail: "the Idempotency-Key was used for another request", fix: "use a new key for a new request")
        }
        return record
    }

    /// Remembers a request that changes nothing in the store.
    ///
    /// - Throws: `RepeatedWrite` when another one came first.
    func claim(_ memory: WriteMemory) async throws {
        guard memory.key != nil else { return }
        _ = try await commit("idempotency", memory) { _ in
            Transaction(compares: memory.compares, then: try memory.operations(created: false))
        }
    }

    private func read(_ key: String) async throws -> Entry? {
        do {
            return try await store.store.get(key).entry
        } catch let error as StoreError {
            throw Self.problem(error)
        }
    }

    /// A store's error as the caller sees it.
    static func problem(_ error: StoreError) -> ProblemError {
        ProblemError(
            status: error.code == .tooLarge ? 413 : 503, code: "store.\(error.code.rawValue)",
            title: "The store could not take the change", detail: error.message, fix: error.fix,
            retryable: error.isRetryable)
    }

    /// FNV-1a over the parts: tells requests apart, and protects nothing.
    private static func digest(of parts: [String]) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in parts.joined(separator: "\u{0}").utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return String(hash, radix: 16)
    }
}
