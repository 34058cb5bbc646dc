/// A deadline passed before the work was done.
public struct DeadlineError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The work, in words.
    public let what: String
    /// How long was waited.
    public let duration: Duration

    /// Names what was waited for, and how long.
    public init(what: String, duration: Duration) {
        self.what = what
        self.duration = duration
    }

    /// "the greeting took longer than 5.0 seconds".
    public var description: String { "\(what) took longer than \(duration)" }
}

/// Runs `body` as a task on `loop`, but waits for it no longer than `duration`.
///
/// At the deadline the body is cancelled and then `DeadlineError` thrown at once, whether or not the body heeds its
/// cancellation: what it was doing then has an unknown outcome. A read or receive that it waited in has taken nothing by
/// then, so that the caller may read on. Cancelling the caller cancels the body and waits for what
/// it makes of that.
///
/// - Parameters:
///   - duration: how long at most.
///   - loop: where body and timer run.
///   - what: the work, for the error's text.
///   - isolation: the caller's actor, on whose executor this waits.
///   - body: the work.
/// - Returns: what `body` returns.
/// - Throws: `DeadlineError`, or what `body` throws.
public func withDeadline<T: Sendable>(
    _ duration: Duration, on loop: EventLoop, _ what: String, isolation: isolated (any Actor)? = #isolation,
    _ body: @escaping @Sendable () async throws -> T
) async throws -> T {
    let outcome = OneShot<T>()
    let task = spawn(on: loop, what) {
        do {
            outcome.resolve(.success(try await body()))
        } catch {
            outcome.resolve(.failure(error))
        }
    }
    let end: @Sendable (any Error) -> Void = { error in
        guard outcome.claim() else { return }
        // First the body, whose awaits have heeded that when this returns, then the caller, who may go on with the same
        // connection on another thread.
        task.cancel()
        outcome.fulfil(.failure(error))
    }
    let timer = loop.schedule(after: duration, onAbandon: { end(UVError.cancelled(what)) }) {
        end(DeadlineError(what: what, duration: duration))
    }
    defer { timer.cancel() }
    return try await withTaskCancellationHandler {
        try await outcome.value()
    } onCancel: {
        task.cancel()
    }
}
