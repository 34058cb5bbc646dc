internal import Runtime

/// A write that waits for its commit.
protocol QueuedWrite: AnyObject, Sendable {
    /// Does the write within the open transaction of the database. May be called again after a rollback.
    ///
    /// - Throws: `SQLiteFailure` for the database; what concerns this write alone is kept for `settle`.
    func perform(_ engine: SQLiteEngine) throws(SQLiteFailure)
    /// Tells the waiting task: its own outcome, or the failure of all.
    func settle(_ failure: StoreError?)
}

/// A write with a result.
final class Write<Value: Sendable>: QueuedWrite, @unchecked Sendable {
    let ticket = Ticket<Value>()
    private let body: @Sendable (SQLiteEngine) throws -> Value
    // SAFETY: touched by the store's thread alone, in `perform` and `settle`.
    private nonisolated(unsafe) var outcome: Result<Value, any Error>?

    init(_ body: @escaping @Sendable (SQLiteEngine) throws -> Value) { self.body = body }

    func perform(_ engine: SQLiteEngine) throws(SQLiteFailure) {
        do {
            outcome = .success(try engine.savepoint { try body(engine) })
        } catch let failure as SQLiteFailure {
            throw failure
        } catch {
            outcome = .failure(error)
        }
    }

    func settle(_ failure: StoreError?) {
        ticket.settle(failure.map { .failure($0) } ?? outcome ?? .failure(StoreError.closed))
    }
}

/// The writes that wait for the next commit. While one commit waits for the disk the queue fills, and the next commit
/// takes all of it: that is the group commit.
final class CommitQueue: Sendable {
    private struct State {
        var writes: [any QueuedWrite] = []
        var isScheduled = false
        var isClosed = false
    }

    private let state = Locked(State())

    /// Adds a write.
    ///
    /// - Returns: whether the caller must have the store's thread take the queue: nobody else has yet.
    /// - Throws: `closed`.
    func add(_ write: any QueuedWrite) throws(StoreError) -> Bool {
        let isFirst: Bool? = state.withLock { state in
            guard !state.isClosed else { return nil }
            state.writes.append(write)
            let isFirst = !state.isScheduled
            state.isScheduled = true
            return isFirst
        }
        guard let isFirst else { throw .closed }
        return isFirst
    }

    /// Takes all that waits.
    func take() -> [any QueuedWrite] {
        state.withLock { state in
            let writes = state.writes
            state.writes = []
            state.isScheduled = false
            return writes
        }
    }

    /// Refuses every later write; false if that was so before.
    func close() -> Bool {
        state.withLock { state in
            let wasOpen = !state.isClosed
            state.isClosed = true
            return wasOpen
        }
    }

    var isClosed: Bool { state.withLock { $0.isClosed } }
}
