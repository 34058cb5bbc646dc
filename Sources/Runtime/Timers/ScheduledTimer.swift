/// A body that its loop will run once, unless cancelled before.
public final class ScheduledTimer: @unchecked Sendable {
    // SAFETY: `heapIndex` is used on the loop's thread alone; all else is immutable or behind the lock.
    /// Nanoseconds of the monotonic clock.
    let deadline: UInt64
    private let loop: EventLoop
    private let body: Locked<(@Sendable () -> Void)?>
    private let onAbandon: (@Sendable () -> Void)?
    /// The place in the loop's heap, -1 outside.
    var heapIndex = -1

    init(
        deadline: UInt64, loop: EventLoop, onAbandon: (@Sendable () -> Void)?, body: @escaping @Sendable () -> Void
    ) {
        self.onAbandon = onAbandon
        self.deadline = deadline
        self.loop = loop
        self.body = Locked(body)
    }

    /// Whether it has neither run nor been cancelled.
    public var isPending: Bool { body.withLock { $0 != nil } }

    /// Keeps the body from running, if it has not begun. Any thread, any number of times; the body is released at once.
    public func cancel() {
        guard take() != nil else { return }
        if loop.isCurrent { remove() } else { loop.execute { self.remove() } }
    }

    private func remove() {
        loop.local.removeTimer(self)
        loop.time?.loop(loop, hasTimers: loop.local.timers.count)
    }

    /// Once it is out of the heap.
    func fire() {
        loop.time?.loop(loop, hasTimers: loop.local.timers.count)
        take()?()
    }

    /// The loop ends first: the body will not run.
    func abandon() { if take() != nil { onAbandon?() } }

    private func take() -> (@Sendable () -> Void)? {
        body.withLock { body in
            let taken = body
            body = nil
            return taken
        }
    }
}
