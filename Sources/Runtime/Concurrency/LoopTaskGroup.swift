/// Runs `body` with a group of child tasks that all run on `loop`, and waits for them: structured concurrency on a loop.
///
/// It is the standard library's throwing group, whose children carry the loop as their executor preference, so that each
/// resumption stays on the loop's thread. When `body` throws, or the caller is cancelled, the children are cancelled; this
/// returns or throws once all have ended. A shutdown of the loop cancels them and waits for them, as it does with tasks
/// made by `spawn`.
///
/// - Parameters:
///   - child: what each child returns.
///   - loop: where the children run.
///   - isolation: the caller's actor, on whose executor `body` runs.
///   - body: adds children and takes their results.
/// - Returns: what `body` returns.
/// - Throws: what `body` throws. An error of a child is thrown where its result is taken (`next`, `waitForAll`); one that
///   nobody takes is dropped.
public func withLoopTaskGroup<Child: Sendable, Outcome>(
    of child: Child.Type = Child.self, on loop: EventLoop, isolation: isolated (any Actor)? = #isolation,
    _ body: (inout LoopTaskGroup<Child>) async throws -> Outcome
) async throws -> Outcome {
    try await withThrowingTaskGroup(of: child, isolation: isolation) { group in
        var ours = LoopTaskGroup(group: group, loop: loop)
        return try await body(&ours)
    }
}

/// The children of one `withLoopTaskGroup`: used within its body alone.
public struct LoopTaskGroup<Child: Sendable>: AsyncSequence, AsyncIteratorProtocol {
    /// What each child returns.
    public typealias Element = Child

    /// Where the children run.
    public let loop: EventLoop
    private var group: ThrowingTaskGroup<Child, any Error>

    init(group: ThrowingTaskGroup<Child, any Error>, loop: EventLoop) {
        self.group = group
        self.loop = loop
    }

    /// Whether all children have ended and been taken.
    public var isEmpty: Bool { group.isEmpty }

    /// Whether the children are cancelled, those to come too.
    public var isCancelled: Bool { group.isCancelled }

    /// Adds a child; in a group that is cancelled it starts cancelled.
    ///
    /// - Parameters:
    ///   - label: what the watchdog and `LoopCounters.longestJob` call it.
    ///   - body: what to do.
    public mutating func addTask(_ label: String, _ body: @escaping @Sendable () async throws -> Child) {
        let registration = ChildRegistration(on: loop, label)
        group.addTask(executorPreference: loop.taskExecutorObject) { try await registration.run(body) }
    }

    /// The result of the next child to end; nil when none is left. Throws the child's error. Does not heed cancellation by
    /// itself: the children do.
    public mutating func next(isolation: isolated (any Actor)? = #isolation) async throws -> Child? {
        try await group.next(isolation: isolation)
    }

    /// The next result, as `next(isolation:)` gives it.
    public mutating func next() async throws -> Child? { try await group.next() }

    /// Waits for all children; the first error is thrown once all have ended.
    public mutating func waitForAll(isolation: isolated (any Actor)? = #isolation) async throws {
        try await group.waitForAll(isolation: isolation)
    }

    /// Cancels the children, those to come too.
    public func cancelAll() { group.cancelAll() }

    /// The group itself: `for try await result in group`.
    public func makeAsyncIterator() -> LoopTaskGroup { self }
}

/// A child's entry among its loop's tasks, so that a shutdown cancels and awaits it, and the watchdog knows its label.
struct ChildRegistration: Sendable {
    private let registry: TaskRegistry
    private let entry: TaskRegistry.Entry

    /// Before the child is made: the loop waits for it from now on.
    init(on loop: EventLoop, _ label: String) {
        registry = loop.tasks
        entry = TaskRegistry.Entry(label: label)
        registry.insert(entry)
    }

    /// The child's code, in the child.
    func run<T>(_ body: @Sendable () async throws -> T) async throws -> T {
        let child = RunningChild()
        registry.attach(child, to: entry)
        defer {
            child.end()
            registry.remove(entry)
        }
        return try await body()
    }
}

/// The child task whose code is running here, so that others can cancel it as long as it lives.
@safe
final class RunningChild: @unchecked Sendable {
    // SAFETY: made and ended within the task; from another thread it is only cancelled, which UnsafeCurrentTask allows, and
    // only under the lock that `end` takes before the task is over.
    private let task: Locked<UnsafeCurrentTask?>
    /// By which the loop knows what it runs.
    let address: UInt

    init() {
        let current = unsafe withUnsafeCurrentTask { unsafe $0 }
        address = unsafe current.map { unsafe unsafeBitCast($0, to: UInt.self) } ?? 0
        unsafe task = Locked(current)
    }

    func cancel() { unsafe task.withLock { unsafe $0?.cancel() } }
    func end() { unsafe task.withLock { unsafe $0 = nil } }
}
