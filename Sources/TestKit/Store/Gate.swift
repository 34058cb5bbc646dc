internal import Runtime
internal import Store

/// Something that opens, or fails, once, and those who wait for it.
package final class Gate: Sendable {
    private struct State {
        var result: Result<Void, any Error>?
        var nextID = 0
        var waiters: [Int: CheckedContinuation<Void, any Error>] = [:]
        var cancelled: Set<Int> = []
    }

    private let state = Locked(State())

    /// Makes a closed one.
    package init() {}

    /// How many wait; lets a test wait for the fact that someone has come.
    package var waiterCount: Int { state.withLock { $0.waiters.count } }

    /// Opens it.
    package func open() { settle(.success(())) }

    /// Has all who wait, now and later, fail.
    package func fail(_ error: any Error) { settle(.failure(error)) }

    /// Throws the error it has failed with, if it has.
    func checkFailure() throws {
        let result = state.withLock { $0.result }
        try result?.get()
    }

    private func settle(_ result: Result<Void, any Error>) {
        let waiters = state.withLock { state in
            guard state.result == nil else { return [CheckedContinuation<Void, any Error>]() }
            state.result = result
            let waiters = Array(state.waiters.values)
            state.waiters = [:]
            return waiters
        }
        for waiter in waiters { waiter.resume(with: result) }
    }

    /// Returns once it is open.
    ///
    /// - Throws: the error it failed with, `CancellationError`.
    package func wait() async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        defer { state.withLock { _ = $0.cancelled.remove(id) } }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result: Result<Void, any Error>? = state.withLock { state in
                    if state.cancelled.remove(id) != nil { return .failure(CancellationError()) }
                    if let result = state.result { return result }
                    state.waiters[id] = continuation
                    return nil
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                if let waiter = state.waiters.removeValue(forKey: id) { return Optional(waiter) }
                state.cancelled.insert(id)
                return nil
            }
            waiter?.resume(throwing: CancellationError())
        }
    }
}

extension WatchStream {
    /// The same stream, which also ends with the error that the gate fails with.
    func ended(by end: Gate) -> WatchStream {
        WatchStream(
            from: start,
            makingPages: {
                let page = makePages()
                return { cursor in
                    try end.checkFailure()
                    return try await withThrowingTaskGroup(of: Page?.self) { group in
                        group.addTask {
                            try await end.wait()
                            return nil
                        }
                        group.addTask { try await page(cursor) }
                        defer { group.cancelAll() }
                        while let page = try await group.next() { if let page { return page } }
                        throw CancellationError()
                    }
                }
            })
    }
}
