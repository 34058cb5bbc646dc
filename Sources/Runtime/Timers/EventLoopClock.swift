/// A loop's time as a `Clock`: monotonic, and driven by the loop's timers or by the time source that was put in their place.
///
/// It stands still while the machine is suspended (CLOCK_MONOTONIC, as clock_gettime(2) has it). Any thread, any task.
public struct EventLoopClock: Clock {
    /// A moment of a loop's time. Moments of all loops of a group can be compared, and of all groups that have the system's
    /// time; those of other processes mean nothing here.
    public struct Instant: InstantProtocol, CustomStringConvertible {
        /// Since an arbitrary moment.
        let offset: Duration

        /// That much later.
        public func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        /// How long from here to there.
        public func duration(to other: Instant) -> Duration { other.offset - offset }
        /// Earlier is less.
        public static func < (one: Instant, other: Instant) -> Bool { one.offset < other.offset }
        /// "+3.0 seconds".
        public var description: String { "+\(offset)" }
    }

    /// The loop.
    public let loop: EventLoop

    /// The present moment.
    public var now: Instant { Instant(offset: .nanoseconds(Int64(loop.nowNanoseconds))) }

    /// A timer fires within a millisecond of its time, as a rule; `now` is finer.
    public var minimumResolution: Duration { .milliseconds(1) }

    /// Waits until `deadline`: never less.
    ///
    /// - Parameters:
    ///   - deadline: until when; a moment that has passed returns after one turn.
    ///   - tolerance: not made use of.
    /// - Throws: `CancellationError` as soon as the task is cancelled; `UVError` (cancelled) when the loop shuts down.
    public func sleep(until deadline: Instant, tolerance: Duration? = nil) async throws {
        try await loop.sleep(for: now.duration(to: deadline))
    }
}

extension EventLoop {
    /// This loop's time as a `Clock`.
    public var clock: EventLoopClock { EventLoopClock(loop: self) }
}
