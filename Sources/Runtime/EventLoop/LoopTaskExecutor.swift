/// A loop as the executor of tasks, for code that is on no actor: what `spawn` gives its tasks as preference.
///
/// It is not the loop itself. A loop's jobs run on its thread either way; but Swift has to be told which of the two a job runs
/// on, and code that calls or resumes what is on no actor goes on without another job only where it was told this one.
final class LoopTaskExecutor: TaskExecutor, @unchecked Sendable {
    // SAFETY: set once, before any other thread can know it; a loop is never freed.
    private unowned(unsafe) var loop: EventLoop

    init(loop: EventLoop) { unsafe self.loop = loop }

    /// Called by the Swift runtime for each job that is on no actor, of a task that prefers this loop.
    func enqueue(_ job: consuming ExecutorJob) { unsafe loop.add(.freeJob(UnownedJob(job))) }
}
