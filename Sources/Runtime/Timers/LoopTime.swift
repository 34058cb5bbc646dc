/// Where the timers of loops take their time from, if not from the system: a clock that a test moves, or one that replays.
///
/// It drives what waits for time on the loops: `schedule`, `sleep`, `withDeadline`, `EventLoopClock` and the timeouts of streams.
/// I/O goes on by itself. One source may drive any number of loops.
public protocol LoopTimeSource: AnyObject, Sendable {
    /// Nanoseconds since an arbitrary moment, more than zero, never going back. Any thread, often: it must be quick.
    var nanoseconds: UInt64 { get }
    /// A loop begins to follow this source.
    func attach(_ follower: LoopTimeFollower)
    /// A timer was made, cancelled or is about to fire on a loop, which has this many waiting now. On that loop.
    func loop(_ loop: EventLoop, hasTimers count: Int)
}

/// A loop that follows a time source. Any thread, any task.
public struct LoopTimeFollower: Sendable {
    /// The loop.
    public let loop: EventLoop

    /// When the loop has something to do, in nanoseconds; nil if nothing waits. Jobs that were ready before have run by then.
    public func nextDeadline() async -> UInt64? {
        let answer = OneShot<UInt64?>()
        loop.execute { [loop] in
            let deadlines = [loop.local.timers.earliestDeadline, loop.local.wheel.nextNanoseconds]
            answer.resolve(.success(deadlines.compactMap { $0 }.min()))
        }
        return (try? await answer.value()) ?? nil
    }

    /// Has the loop do what is due by the source's present time; returns when the timers' bodies have run.
    public func fire() async {
        let done = OneShot<Void>()
        loop.execute { [loop] in
            loop.local.fireTimers(at: loop.nowNanoseconds, loop)
            loop.local.wheel.advance(loop: loop)
            done.resolve(.success(()))
        }
        try? await done.value()
    }
}

extension EventLoop {
    /// On the loop, after a timer was added; one that is due by now needs no moving of the clock.
    func tell(_ time: any LoopTimeSource, ofTimerAt deadline: UInt64) {
        if deadline <= time.nanoseconds { execute { self.local.fireTimers(at: time.nanoseconds, self) } }
        time.loop(self, hasTimers: local.timers.count)
    }

    /// How often the loop has looked at its timers and at its wheel, and how often a stream was put into the wheel: for
    /// tests. On the loop.
    package var timerCounts: (timerWakes: Int, wheelWakes: Int, wheelMoves: Int) {
        (local.timerWakes, local.wheel.wakes, local.wheel.moves)
    }
}
