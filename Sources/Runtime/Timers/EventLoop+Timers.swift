internal import CLibuv

extension EventLoop {
    /// Runs `body` on the loop once `delay` has passed: never sooner, as a rule within a millisecond. Any thread.
    ///
    /// Timers with the same delay run in the order of their scheduling. Those still pending when the loop shuts down do
    /// not run.
    @discardableResult
    public func schedule(after delay: Duration, _ body: @escaping @Sendable () -> Void) -> ScheduledTimer {
        schedule(after: delay, onAbandon: nil, body)
    }

    /// As the public form; `onAbandon` runs instead of the body if the loop ends before.
    func schedule(
        after delay: Duration, onAbandon: (@Sendable () -> Void)?, _ body: @escaping @Sendable () -> Void
    ) -> ScheduledTimer {
        let deadline = nowNanoseconds &+ delay.nanoseconds
        let timer = ScheduledTimer(deadline: deadline, loop: self, onAbandon: onAbandon, body: body)
        // Without a closure where none is needed.
        if isCurrent { add(timer) } else { execute { self.add(timer) } }
        return timer
    }

    private func add(_ timer: ScheduledTimer) {
        local.addTimer(timer)
        if let time { tell(time, of: timer) }
    }

    /// Suspends the task for at least `duration`, by a timer of this loop.
    ///
    /// - Parameters:
    ///   - duration: how long; nothing or less returns after one turn.
    ///   - isolation: the caller's actor, on whose executor this waits.
    /// - Throws: `CancellationError` as soon as the task is cancelled; `UVError` (cancelled) when the loop shuts down.
    public func sleep(for duration: Duration, isolation: isolated (any Actor)? = #isolation) async throws {
        let outcome = OneShot<Void>()
        let timer = schedule(
            after: duration, onAbandon: { outcome.resolve(.failure(UVError.cancelled("sleep"))) }
        ) {
            outcome.resolve(.success(()))
        }
        defer { timer.cancel() }
        try await outcome.cancellableValue()
    }
}

extension LoopLocal {
    func addTimer(_ timer: ScheduledTimer) {
        guard timer.isPending else { return }
        if ending { return timer.abandon() }
        timers.insert(timer)
        if timers.earliest === timer { armTimer() }
    }

    /// libuv's timer stays as it is: as a rule another one follows, and at worst the loop wakes once for nothing.
    func removeTimer(_ timer: ScheduledTimer) { timers.remove(timer) }

    /// Sets libuv's one timer to the earliest of ours, unless it goes off no later than that.
    private func armTimer() {
        guard !ending, let earliest = timers.earliest else { return }
        // SAFETY: on the loop; the handle lives until `closed`.
        guard let loop = unsafe EventLoop.of(timerHandle.pointee.loop), loop.time == nil else { return }
        let now = loop.nowMilliseconds
        let due = earliest.deadline / 1_000_000 + 1
        if armedFor != 0 && armedFor <= due { return }
        armedFor = due
        unsafe uv_timer_start(
            timerHandle,
            { handle in
                guard let handle = unsafe handle, let loop = unsafe EventLoop.of(handle.pointee.loop) else { return }
                loop.observation.began(.timer)
                loop.local.fireTimers(at: uv_hrtime())
                loop.afterCallback()
            }, due > now ? due - now : 0, 0)
    }

    func fireTimers(at now: UInt64) {
        timerWakes += 1
        armedFor = 0
        while let timer = timers.earliest, timer.deadline <= now {
            timers.remove(timer)
            timer.fire()
        }
        armTimer()
    }
}

extension Duration {
    /// Whole nanoseconds, at least 0 and at most 100 years.
    var nanoseconds: UInt64 {
        let limit: Int64 = 100 * 365 * 86_400
        if self <= .zero { return 0 }
        let (seconds, attoseconds) = components
        if seconds >= limit { return UInt64(limit) * 1_000_000_000 }
        return UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
    }

    /// Whole milliseconds, rounded up.
    var milliseconds: UInt64 { (nanoseconds + 999_999) / 1_000_000 }
}
