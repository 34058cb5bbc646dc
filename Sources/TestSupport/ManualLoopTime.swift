public import Runtime

/// A time source for event loops that stands still until a test moves it:
/// `EventLoopGroup(loops: 1, label: "test", time: ManualLoopTime())`.
///
/// What waits for time on those loops then waits for `advance`; I/O goes on by itself.
public final class ManualLoopTime: LoopTimeSource {
    private struct State {
        // Not zero: a source's time is more than that.
        var now: UInt64 = 1_000_000_000_000
        var followers: [LoopTimeFollower] = []
        var timers: [ObjectIdentifier: Int] = [:]
        var watchers: [(count: Int, event: Event)] = []
    }

    private let state = Locked(State())

    /// A time that stands still.
    public init() {}

    /// The present time.
    public var nanoseconds: UInt64 { state.withLock { $0.now } }

    /// Called by the group of loops that this is given to.
    public func attach(_ follower: LoopTimeFollower) { state.withLock { $0.followers.append(follower) } }

    /// Called by the loops.
    public func loop(_ loop: EventLoop, hasTimers count: Int) {
        let reached = state.withLock { state in
            state.timers[ObjectIdentifier(loop)] = count
            let reached = state.watchers.filter { $0.count <= count }
            state.watchers.removeAll { $0.count <= count }
            return reached
        }
        for (_, event) in reached { event.happen() }
    }

    /// Waits until one of the loops has `count` timers waiting, so that moving the time is sure to reach them. Throws
    /// `CancellationError`.
    public func waitForTimers(_ count: Int = 1) async throws {
        let event = Event()
        state.withLock { state in
            if state.timers.values.contains(where: { $0 >= count }) {
                event.happen()
            } else {
                state.watchers.append((count, event))
            }
        }
        try await event.wait()
    }

    /// Moves the time on, stopping at each deadline on the way: timers fire in their order, each at its time, also those that
    /// are made by what others resumed. When this returns, what was due has run, and so has what it resumed on the same loop.
    public func advance(by duration: Duration) async {
        let (seconds, attoseconds) = duration.components
        let target = nanoseconds + UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
        let followers = state.withLock { $0.followers }
        while let next = await earliest(of: followers), next <= target {
            state.withLock { $0.now = max($0.now, next) }
            for follower in followers { await follower.fire() }
        }
        state.withLock { $0.now = max($0.now, target) }
        for follower in followers { await follower.fire() }
        _ = await earliest(of: followers)
    }

    private func earliest(of followers: [LoopTimeFollower]) async -> UInt64? {
        var deadlines: [UInt64] = []
        for follower in followers {
            if let deadline = await follower.nextDeadline() { deadlines.append(deadline) }
        }
        return deadlines.min()
    }
}
