/// A channel for one result: it arrives once, and whoever waits for it, now or later, gets it. Any thread, any task.
///
/// Whoever resolves it first gives the result; the others learn that by `false`, and keep what they would have given. That is
/// how cancellation and completion meet without losing data. One that is never resolved keeps its waiters waiting, until
/// they are cancelled.
public final class OneShot<Value: Sendable>: Sendable {
    /// A task that waits. Unchecked, which costs no allocation: `fulfil` takes each out under the lock and resumes it once.
    @safe
    struct Waiter {
        // SAFETY: resumed once, see above.
        let continuation: UnsafeContinuation<Value, any Error>

        func resume(with result: Result<Value, any Error>) { unsafe continuation.resume(with: result) }
    }

    private enum Follower {
        case result(OneShot)
        case signal(OneShot<Void>)

        var isClaimed: Bool {
            switch self {
            case .result(let follower): follower.isClaimed
            case .signal(let follower): follower.isClaimed
            }
        }

        func resolve(_ result: Result<Value, any Error>) {
            switch self {
            case .result(let follower): follower.resolve(result)
            case .signal(let follower): follower.resolve(.success(()))
            }
        }
    }

    private struct State {
        var claimed = false
        var result: Result<Value, any Error>?
        var first: Waiter?
        var others: [Waiter] = []
        var followers: [Follower] = []
    }

    private let state = Locked(State())

    /// One whose result has not arrived.
    public init() {}

    /// The result, if it has arrived.
    public var result: Result<Value, any Error>? { state.withLock { $0.result } }

    /// Whether somebody has given the result or is about to.
    package var isClaimed: Bool { state.withLock { $0.claimed } }

    /// The value, if there is one.
    var current: Value? {
        state.withLock { if case .success(let value) = $0.result { value } else { nil } }
    }

    /// Takes the right, and the duty, to `fulfil`; false if it is taken.
    func claim() -> Bool {
        state.withLock { state in
            let before = state.claimed
            state.claimed = true
            return !before
        }
    }

    /// Gives the result. Only after a `claim` of one's own.
    func fulfil(_ result: Result<Value, any Error>) {
        let (first, others, followers) = state.withLock { state in
            state.result = result
            let waiters = (state.first, state.others, state.followers)
            state.first = nil
            state.others = []
            state.followers = []
            return waiters
        }
        first?.resume(with: result)
        for waiter in others { waiter.resume(with: result) }
        for follower in followers { follower.resolve(result) }
    }

    /// Gives the result and resumes whoever waits.
    ///
    /// - Parameter result: a value or an error.
    /// - Returns: false if somebody gave one before: then this one is not used.
    @discardableResult
    public func resolve(_ result: Result<Value, any Error>) -> Bool {
        guard claim() else { return false }
        fulfil(result)
        return true
    }

    /// Waits for the result; ignores cancellation, which whoever made this turns into a result.
    package func value(isolation: isolated (any Actor)? = #isolation) async throws -> Value {
        try await unsafe withUnsafeThrowingContinuation { continuation in
            let waiter = unsafe Waiter(continuation: continuation)
            let result: Result<Value, any Error>? = state.withLock { state in
                if let result = state.result { return result }
                if state.first == nil { state.first = waiter } else { state.others.append(waiter) }
                return nil
            }
            if let result { waiter.resume(with: result) }
        }
    }

    /// Waits for the result; any number of tasks may, each gets it.
    ///
    /// - Parameter isolation: the caller's actor, on whose executor this waits.
    /// - Returns: the value.
    /// - Throws: the error it was resolved with; `CancellationError` when the task is cancelled first, which ends this waiting
    ///   alone.
    public func wait(isolation: isolated (any Actor)? = #isolation) async throws -> Value {
        try Task.checkCancellation()
        let own = OneShot<Value>()
        let result: Result<Value, any Error>? = state.withLock { state in
            if let result = state.result { return result }
            state.followers.removeAll { $0.isClaimed }
            state.followers.append(.result(own))
            return nil
        }
        if let result { return try result.get() }
        return try await own.cancellableValue()
    }

    /// Waits for the result; when the task is cancelled first, that resolves it with `CancellationError`, after `onCancel`
    /// was called on whatever thread cancelled.
    func cancellableValue(
        isolation: isolated (any Actor)? = #isolation, onCancel: @escaping @Sendable () -> Void = {}
    ) async throws -> Value {
        try await withTaskCancellationHandler {
            try await value()
        } onCancel: {
            guard claim() else { return }
            onCancel()
            fulfil(.failure(CancellationError()))
        }
    }
}

extension OneShot {
    /// Has the watcher told when the result arrives: at once if it has.
    func watch(_ watcher: OneShot<Void>) {
        let arrived = state.withLock { state in
            if state.result != nil { return true }
            state.followers.removeAll { $0.isClaimed }
            state.followers.append(.signal(watcher))
            return false
        }
        if arrived { watcher.resolve(.success(())) }
    }

    func unwatch(_ watcher: OneShot<Void>) {
        state.withLock { state in
            state.followers.removeAll { if case .signal(let follower) = $0 { follower === watcher } else { false } }
        }
    }
}
