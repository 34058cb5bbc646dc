internal import Runtime

/// A clock that stands still until a test moves it.
public final class ManualClock: Clock, Sendable {
    /// A moment of this clock: how long it has run.
    public struct Instant: InstantProtocol, CustomStringConvertible {
        /// Since the clock was made.
        public var elapsed: Duration

        /// That much later.
        public func advanced(by duration: Duration) -> Instant { Instant(elapsed: elapsed + duration) }
        /// How long from here to there.
        public func duration(to other: Instant) -> Duration { other.elapsed - elapsed }
        /// Earlier is less.
        public static func < (one: Instant, other: Instant) -> Bool { one.elapsed < other.elapsed }
        /// "+3.0 seconds".
        public var description: String { "+\(elapsed)" }
    }

    private struct State {
        var now = Instant(elapsed: .zero)
        var sleepers: [(deadline: Instant, event: Event)] = []
        var watchers: [(count: Int, event: Event)] = []
    }

    private let state = Locked(State())

    /// A clock at zero.
    public init() {}

    /// The moment it stands at.
    public var now: Instant { state.withLock { $0.now } }
    /// Time is as fine as a duration.
    public var minimumResolution: Duration { .zero }

    /// Waits until the clock has been moved to `deadline`. Throws `CancellationError`.
    public func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let event = Event()
        let reached = state.withLock { state in
            if deadline <= state.now {
                event.happen()
                return [Event]()
            }
            state.sleepers.append((deadline, event))
            let reached = state.watchers.filter { $0.count <= state.sleepers.count }.map(\.event)
            state.watchers.removeAll { $0.count <= state.sleepers.count }
            return reached
        }
        for watcher in reached { watcher.happen() }
        defer { state.withLock { $0.sleepers.removeAll { $0.event === event } } }
        try await event.wait()
    }

    /// Waits until `count` tasks sleep, so that moving the clock is sure to wake them.
    public func waitForSleepers(_ count: Int = 1) async throws {
        let event = Event()
        state.withLock { state in
            if state.sleepers.count >= count { event.happen() } else { state.watchers.append((count, event)) }
        }
        try await event.wait()
    }

    /// Moves the clock on; whoever's time has come wakes, earliest first.
    public func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.now = state.now.advanced(by: duration)
            let now = state.now
            let due = state.sleepers.filter { $0.deadline <= now }.sorted { $0.deadline < $1.deadline }
            state.sleepers.removeAll { $0.deadline <= now }
            return due
        }
        for (_, event) in due { event.happen() }
    }
}
