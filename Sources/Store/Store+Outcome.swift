package import Runtime

extension Store {
    /// Runs a transaction, and finds out what became of it where the store can't tell (`unknownOutcome`).
    ///
    /// What the transaction's first write left says whether it happened: so that must be a value which no other transaction
    /// writes (a new UUID, a record with its revision or a time), or a deletion after which the key may be thought gone. If it
    /// did not happen, the very same transaction is tried again: its conditions let only one copy happen, whenever the first
    /// one arrives.
    ///
    /// - Parameters:
    ///   - transaction: its first write must leave such a trace.
    ///   - loop: waits for two seconds in all between the questions.
    /// - Returns: what it did; where that had to be found out, without the responses to its operations.
    /// - Throws: `StoreError`; `unknownOutcome` when the store could not be asked in time. `CancellationError` while it is
    ///   being found out.
    package func settle(_ transaction: Transaction, on loop: EventLoop) async throws -> TransactionResult {
        do {
            return try await self.transaction(transaction)
        } catch let unknown as StoreError where unknown.code == .unknownOutcome {
            for question in 0..<Settling.questions {
                if question > 0 { try await loop.sleep(for: Settling.pause) }
                do {
                    return try await findOut(transaction)
                } catch let error as StoreError where error.code == .unknownOutcome || error.code == .unavailable {
                    continue
                }
            }
            throw unknown
        }
    }

    private func findOut(_ transaction: Transaction) async throws -> TransactionResult {
        if let revision = try await trace(of: transaction) {
            return TransactionResult(succeeded: true, revision: revision, responses: [])
        }
        let result = try await self.transaction(transaction)
        if result.succeeded { return result }
        // The conditions fail for its own first copy too, if that came in between.
        guard let revision = try await trace(of: transaction) else { return result }
        return TransactionResult(succeeded: true, revision: revision, responses: [])
    }

    /// The revision at which the transaction had happened, if its first write shows that it has.
    private func trace(of transaction: Transaction) async throws -> Int64? {
        for operation in transaction.then {
            switch operation {
            case .put(let key, let value, _):
                let entry = try await get(key).entry
                return entry?.value == value ? entry?.modRevision : nil
            case .delete(let key):
                let (entry, revision) = try await get(key)
                return entry == nil ? revision : nil
            case .deletePrefix, .get: continue
            }
        }
        return nil
    }
}

private enum Settling {
    static let questions = 10
    static let pause = Duration.milliseconds(200)
}
