internal import CLinux

/// A thread for work that blocks (SQLite, fsync, libnftables, reading files): bodies and jobs run one at a time, in order.
///
/// It may be an actor's executor (`unownedExecutor`), if the actor holds it; the actor's methods then run on its thread. The
/// thread starts with the first work and ends with `shutdown`, or when nobody holds the executor any more.
public final class BlockingExecutor: SerialExecutor {
    /// The thread's name.
    public let label: String
    private let queue: WorkQueue

    /// Makes the executor; the thread comes later. Linux shows 15 bytes of the label.
    public init(label: String) {
        self.label = label
        queue = WorkQueue(label: label, threads: 1)
    }

    deinit { queue.stop() }

    /// Whether the caller is on this executor's thread.
    public var isCurrent: Bool {
        // SAFETY: compares addresses only.
        unsafe cl_blocking_current() == UnsafeMutableRawPointer(Unmanaged.passUnretained(self).toOpaque())
    }

    /// Runs `body` on the thread, after all that was asked for before.
    ///
    /// - Parameters:
    ///   - isolation: the caller's actor, on whose executor this waits.
    ///   - body: may block as long as it likes.
    /// - Returns: what `body` returns.
    /// - Throws: what `body` throws; `CancellationError` when the task is cancelled before the body's turn, which then does
    ///   not run. One that runs is awaited: its outcome is known. `SystemError` when the process may have no more threads.
    public func run<T: Sendable>(
        isolation: isolated (any Actor)? = #isolation, _ body: @escaping @Sendable () throws -> T
    ) async throws -> T {
        try await queue.run { try self.asCurrent(body) }
    }

    /// Called by the Swift runtime for each job of an actor of this executor.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let body: WorkQueue.Body = {
            self.asCurrent {
                // SAFETY: the job runs once, on this executor's thread (or, after its end, on the afterlife's).
                unsafe job.runSynchronously(on: self.asUnownedSerialExecutor())
            }
        }
        // A job may not be lost: without a thread of its own it runs where late jobs do.
        let admission = queue.add(body) { _ in Afterlife.shared.run(body) }
        if admission != .taken { Afterlife.shared.run(body) }
    }

    /// Called by the Swift runtime when it needs to know that code is on this executor.
    public func checkIsolated() { precondition(isCurrent, "not isolated to the blocking executor \(label)") }

    /// The non-fatal form of `checkIsolated`.
    public func isIsolatingCurrentContext() -> Bool? { isCurrent }

    /// Runs what is queued, then ends the thread. Later `run`s throw `CancellationError`. Not from its own thread.
    /// Does not heed cancellation.
    public func shutdown() async {
        queue.stop()
        try? await queue.ended.value()
    }

    private func asCurrent<T>(_ body: () throws -> T) rethrows -> T {
        let before = unsafe cl_blocking_current()
        unsafe cl_set_blocking_current(Unmanaged.passUnretained(self).toOpaque())
        defer { unsafe cl_set_blocking_current(before) }
        return try body()
    }
}
