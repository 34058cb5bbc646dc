/// The one actor of a loop: isolation to it is isolation to the loop's thread.
///
/// Code that runs in libuv's callbacks takes an `isolated LoopActor` (by `EventLoop.assumeIsolated`), so that the compiler
/// checks what the thread guarantees. Actors of your own use the same executor instead: `unownedExecutor` of their loop.
public actor LoopActor {
    /// The loop this actor runs on.
    public nonisolated let loop: EventLoop

    // SAFETY: the actor holds its loop, so the executor's thread outlives every job of the actor.
    /// The loop as this actor's executor.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    init(loop: EventLoop) { self.loop = loop }
}
