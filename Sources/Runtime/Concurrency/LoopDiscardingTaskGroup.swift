/// Runs `body` with a group of child tasks that all run on `loop` and whose results nobody takes: for servers, which add
/// children without end and keep nothing of those that have ended.
///
/// When a child throws, the others and the task that runs `body` are cancelled, and its error is thrown once all have ended;
/// a child whose failure is its own concern catches it. Otherwise as `withLoopTaskGroup`.
///
/// - Parameters:
///   - loop: where the children run.
///   - isolation: the caller's actor, on whose executor `body` runs.
///   - body: adds children.
/// - Returns: what `body` returns, once all children have ended.
/// - Throws: the first error of a child or of `body`.
public func withLoopDiscardingTaskGroup<Outcome>(
    on loop: EventLoop, isolation: isolated (any Actor)? = #isolation,
    _ body: (inout LoopDiscardingTaskGroup) async throws -> Outcome
) async throws -> Outcome {
    try await withThrowingDiscardingTaskGroup(isolation: isolation) { group in
        var ours = LoopDiscardingTaskGroup(group: group, loop: loop)
        return try await body(&ours)
    }
}

/// The children of one `withLoopDiscardingTaskGroup`: used within its body alone.
public struct LoopDiscardingTaskGroup {
    /// Where the children run.
    public let loop: EventLoop
    private var group: ThrowingDiscardingTaskGroup<any Error>

    init(group: ThrowingDiscardingTaskGroup<any Error>, loop: EventLoop) {
        self.group = group
        self.loop = loop
    }

    /// Whether the children are cancelled, those to come too.
    public var isCancelled: Bool { group.isCancelled }

    /// Adds a child; in a group that is cancelled it starts cancelled.
    ///
    /// - Parameters:
    ///   - label: what the watchdog and `LoopCounters.longestJob` call it.
    ///   - body: what to do.
    public mutating func addTask(_ label: String, _ body: @escaping @Sendable () async throws -> Void) {
        let registration = ChildRegistration(on: loop, label)
        group.addTask(executorPreference: loop.taskExecutorObject) { try await registration.run(body) }
    }

    /// Cancels the children, those to come too.
    public func cancelAll() { group.cancelAll() }
}
