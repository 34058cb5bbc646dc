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
        guard isCurrent else {
            let node = TimerNode(loop: self, deadline: deadline, onAbandon: onAbandon, body: body)
            let timer = ScheduledTimer(node: node, turn: node.turn)
            execute { self.add(node) }
            return timer
        }
        return local.startTimer(at: deadline, loop: self, onAbandon: onAbandon, body)
    }

    private func add(_ node: TimerNode) {
        // SAFETY: on the loop, as all that has to do with nodes in its hands.
        let retained = unsafe Unmanaged.passRetained(node)
        // Cancelled elsewhere on its way here.
        if !node.isPending(node.turn) {
            node.clear()
            return unsafe local.timers.recycle(retained)
        }
        unsafe local.addTimer(retained, deadline: node.deadline, loop: self)
    }

    /// After its cancellation. libuv's timer stays as it is: as a rule another one follows, and at worst the loop wakes once for
    /// nothing. A node that is not here any more, or not yet, is somebody else's to let go.
    func remove(_ node: TimerNode, _ turn: UInt64) {
        let index = node.heapIndex
        if index >= 0, node.turn == turn {
            node.clear()
            // SAFETY: on the loop.
            unsafe local.timers.recycle(local.timers.remove(at: index))
        }
        time?.loop(self, hasTimers: local.timers.count)
    }

    /// The loop ends first: bodies will not run.
    func abandonTimers() {
        while local.timers.count > 0 { unsafe local.abandonTimer(local.timers.remove(at: 0)) }
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
    /// Starts a timer, in a node that is kept for that if there is one.
    func startTimer(
        at deadline: UInt64, loop: EventLoop, onAbandon: (@Sendable () -> Void)?, _ body: @escaping @Sendable () -> Void
    ) -> ScheduledTimer {
        // SAFETY: on the loop; the node is the heap's again before this returns.
        if let spare = unsafe timers.takeSpare() {
            let node = unsafe spare.takeUnretainedValue()
            node.begin(deadline: deadline, onAbandon: onAbandon, body: body)
            unsafe addTimer(spare, deadline: deadline, loop: loop)
            return ScheduledTimer(node: node, turn: node.turn)
        }
        let node = TimerNode(loop: loop, deadline: deadline, onAbandon: onAbandon, body: body)
        unsafe addTimer(.passRetained(node), deadline: deadline, loop: loop)
        return ScheduledTimer(node: node, turn: node.turn)
    }

    /// Takes a retained node over, with a timer that waits.
    func addTimer(_ node: Unmanaged<TimerNode>, deadline: UInt64, loop: EventLoop) {
        if ending { return unsafe abandonTimer(node) }
        unsafe timers.insert(node, deadline: deadline)
        if let time = loop.time { return loop.tell(time, ofTimerAt: deadline) }
        if armedFor == 0 || deadline / 1_000_000 + 1 < armedFor { armTimer(for: deadline, loop) }
    }

    /// Takes a retained node over whose timer can't run any more.
    func abandonTimer(_ node: Unmanaged<TimerNode>) {
        let onAbandon = unsafe node._withUnsafeGuaranteedRef { node in
            let isOurs = node.claim(node.turn)
            let onAbandon = node.takeOnAbandon()
            return isOurs ? onAbandon : nil
        }
        unsafe timers.recycle(node)
        onAbandon?()
    }

    /// Sets libuv's one timer to the earliest of ours, unless it goes off no later than that.
    private func armTimer(for deadline: UInt64, _ loop: EventLoop) {
        let due = deadline / 1_000_000 + 1
        if ending || armedFor != 0 && armedFor <= due { return }
        armedFor = due
        let now = loop.nowMilliseconds
        // SAFETY: on the loop; the handle lives until `closed`.
        unsafe uv_timer_start(
            timerHandle,
            { handle in
                guard let handle = unsafe handle, let loop = unsafe EventLoop.of(handle.pointee.loop) else { return }
                loop.observation.began(.timer)
                loop.local.fireTimers(at: uv_hrtime(), loop)
                loop.afterCallback()
            }, due > now ? due - now : 0, 0)
    }

    func fireTimers(at now: UInt64, _ loop: EventLoop) {
        timerWakes += 1
        armedFor = 0
        while let deadline = timers.earliestDeadline, deadline <= now {
            let node = unsafe timers.remove(at: 0)
            let body = unsafe node._withUnsafeGuaranteedRef { node in
                let isOurs = node.claim(node.turn)
                let body = node.takeBody()
                return isOurs ? body : nil
            }
            unsafe timers.recycle(node)
            loop.time?.loop(loop, hasTimers: timers.count)
            body?()
        }
        if let deadline = timers.earliestDeadline, loop.time == nil { armTimer(for: deadline, loop) }
    }
}

extension Duration {
    /// Whole nanoseconds, at least 0 and at most 100 years.
    var nanoseconds: UInt64 {
        let attoseconds = attoseconds
        if attoseconds <= 0 { return 0 }
        // A division of 128 bits costs ten times as much: below two hours this one of 64 bits will do, by 10^9 = 2^9 * 5^9.
        let shifted = attoseconds >> 9
        if shifted <= Int128(UInt64.max) { return UInt64(truncatingIfNeeded: shifted) / 1_953_125 }
        let limit: UInt64 = 100 * 365 * 86_400 * 1_000_000_000
        return UInt64(min(attoseconds / 1_000_000_000, Int128(limit)))
    }

    /// Whole milliseconds, rounded up.
    var milliseconds: UInt64 { (nanoseconds + 999_999) / 1_000_000 }
}
