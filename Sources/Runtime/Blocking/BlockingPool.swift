/// Nothing more may wait for a thread of a pool.
public struct BlockingPoolFull: Error, Sendable, Hashable, CustomStringConvertible {
    /// The pool's label.
    public let label: String
    /// "the pool files is full".
    public var description: String { "the pool \(label) is full" }
}

/// A few threads for blocking work without an order.
public final class BlockingPool: Sendable {
    /// The threads' name.
    public let label: String
    private let queue: WorkQueue

    /// Makes the pool; threads start when work needs them, up to this many.
    ///
    /// - Parameters:
    ///   - threads: how many bodies run at once.
    ///   - waiting: how many more may wait for a thread; beyond that `run` throws. Without a bound each costs the memory of the
    ///     task that waits.
    ///   - label: the threads' name; "-" and a number are added.
    public init(threads: Int, waiting: Int = .max, label: String = "pool") {
        precondition(threads > 0 && waiting >= 0, "a pool without threads")
        self.label = label
        queue = WorkQueue(label: label, threads: threads, room: waiting)
    }

    deinit { queue.stop() }

    /// Runs `body` on one of the threads.
    ///
    /// - Parameters:
    ///   - isolation: the caller's actor, on whose executor this waits.
    ///   - body: may block as long as it likes.
    /// - Returns: what `body` returns.
    /// - Throws: what `body` throws; `BlockingPoolFull`, `SystemError` when the process may have no more threads, and
    ///   `CancellationError` when the task is cancelled before the body's turn: it does not run then. One that runs is awaited.
    public func run<T: Sendable>(
        isolation: isolated (any Actor)? = #isolation, _ body: @escaping @Sendable () throws -> T
    ) async throws -> T {
        try await queue.run(body)
    }

    /// As `run`, for a body whose outcome nobody has to know: cancellation returns at once, and what it does then is dropped.
    func runAbandonably<T: Sendable>(
        isolation: isolated (any Actor)? = #isolation, _ body: @escaping @Sendable () throws -> T
    ) async throws -> T {
        try await queue.run(awaitingOutcome: false, body)
    }

    /// Runs what is queued, then ends the threads. Does not heed cancellation.
    public func shutdown() async {
        queue.stop()
        try? await queue.ended.value()
    }
}

extension WorkQueue {
    /// Runs a body for a task; one that runs is awaited, unless its outcome is worth nothing without the task.
    func run<T: Sendable>(
        awaitingOutcome: Bool = true, isolation: isolated (any Actor)? = #isolation,
        _ body: @escaping @Sendable () throws -> T
    ) async throws -> T {
        try Task.checkCancellation()
        let outcome = OneShot<T>()
        let item = Item(
            {
                // Cancelled before its turn: it does not begin.
                if awaitingOutcome {
                    guard outcome.claim() else { return }
                    outcome.fulfil(Result(catching: body))
                } else if !outcome.isClaimed {
                    outcome.resolve(Result(catching: body))
                }
            }, refuse: { outcome.resolve(.failure($0)) })
        switch add(item) {
        // Its place is free for others before anybody learns that it was cancelled.
        case .taken: return try await outcome.cancellableValue { self.takeBack(item) }
        case .full: throw BlockingPoolFull(label: label)
        case .stopped: throw CancellationError()
        }
    }
}
