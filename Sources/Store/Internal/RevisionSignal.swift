internal import Runtime

/// Tells watches that the store has reached a revision. Coalescing: a watch that is busy is told nothing and sees the
/// newest revision when it asks next.
final class RevisionSignal: Sendable {
    private struct State {
        var revision: Int64
        var end: StoreError?
        var nextID: UInt64 = 0
        var waiters: [UInt64: (revision: Int64, continuation: CheckedContinuation<Int64, any Error>)] = [:]
        /// Those cancelled before they began to wait.
        var cancelled: Set<UInt64> = []
    }

    private let state: Locked<State>

    init(revision: Int64) { state = Locked(State(revision: revision)) }

    /// Watches waiting at the moment.
    var waiterCount: Int { state.withLock { $0.waiters.count } }

    /// The store has this revision now.
    func publish(_ revision: Int64) {
        let ready = state.withLock { state in
            state.revision = max(state.revision, revision)
            let ready = state.waiters.filter { $0.value.revision <= state.revision }
            for id in ready.keys { state.waiters[id] = nil }
            return ready
        }
        for waiter in ready.values { waiter.continuation.resume(returning: revision) }
    }

    /// Ends all waiting, now and later, with the error.
    func end(_ error: StoreError) {
        let waiters = state.withLock { state in
            let waiters = state.waiters
            state.waiters = [:]
            state.end = state.end ?? error
            return waiters
        }
        for waiter in waiters.values { waiter.continuation.resume(throwing: error) }
    }

    /// Returns the store's revision once it is at least the one given.
    ///
    /// - Throws: `CancellationError`; the error that `end` was given.
    func wait(for revision: Int64) async throws -> Int64 {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        // Cancellation may come after the wait is over; its mark must not stay.
        defer { state.withLock { _ = $0.cancelled.remove(id) } }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let outcome: Result<Int64, any Error>? = state.withLock { state in
                    if state.cancelled.remove(id) != nil { return .failure(CancellationError()) }
                    if let end = state.end { return .failure(end) }
                    if state.revision >= revision { return .success(state.revision) }
                    state.waiters[id] = (revision, continuation)
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                if let waiter = state.waiters.removeValue(forKey: id) { return Optional(waiter) }
                state.cancelled.insert(id)
                return nil
            }
            waiter?.continuation.resume(throwing: CancellationError())
        }
    }
}
