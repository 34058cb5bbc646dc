/// Starts a task on a loop: the one way to start a task in this project.
///
/// The task carries the loop as its executor preference, so that every resumption stays on the loop's thread; a bare
/// `Task {}` or `Task.detached` would resume through the global pool. The loop knows the task until it ends: shutting the
/// loop down cancels it and waits for it.
///
/// - Parameters:
///   - loop: where the task runs whenever no actor with an executor of its own is running it.
///   - label: what the watchdog and `LoopCounters.longestJob` call it.
///   - body: what to do. An error it throws is the task's result; nobody else hears of it.
/// - Returns: the task, to cancel or to await.
@discardableResult
public func spawn<T: Sendable>(
    on loop: EventLoop, _ label: String, _ body: @escaping @Sendable () async throws -> T
) -> Task<T, any Error> {
    let entry = TaskRegistry.Entry(label: label)
    loop.tasks.insert(entry)
    let task = Task(executorPreference: loop.taskExecutorObject) {
        defer { loop.tasks.remove(entry) }
        return try await body()
    }
    loop.tasks.attach(task, to: entry)
    return task
}
