package import Runtime

/// The time by which leases run out: monotonic, and a way to be woken.
package protocol StoreClock: Sendable {
    /// The time since some fixed moment.
    func now() -> Duration
    /// Runs the body once, anywhere, at least `delay` from now.
    func wake(after delay: Duration, _ body: @escaping @Sendable () async -> Void)
}

/// The system's monotonic clock, waking by timers of a loop.
package struct LoopClock: StoreClock {
    private let loop: EventLoop
    private let start = ContinuousClock.now

    /// Makes a clock on a loop, which must outlive the store.
    package init(loop: EventLoop) { self.loop = loop }

    package func now() -> Duration { ContinuousClock.now - start }

    package func wake(after delay: Duration, _ body: @escaping @Sendable () async -> Void) {
        _ = loop.schedule(after: delay) { [loop] in spawn(on: loop, "store.leases") { await body() } }
    }
}
