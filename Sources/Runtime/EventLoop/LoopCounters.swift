internal import Synchronization

/// What a loop has done so far: counts for benchmarks and tests, cheap enough to be always on.
public struct LoopCounters: Sendable, Hashable {
    /// Jobs and bodies run.
    public var jobs: Int
    /// Jobs and bodies that came from another thread.
    public var crossThreadEnqueues: Int
    /// Times another thread had to wake the loop (`uv_async_send`): at most one for each time the inbox was empty.
    public var wakeups: Int
    /// Times the budget ran out with jobs left, so that I/O was polled between them.
    public var exhaustedBudgets: Int
    /// Jobs that arrived after the loop had shut down and ran on the afterlife thread.
    public var lateJobs: Int
    /// How many turns took how long.
    public var turns: TurnTimes
    /// The longest turn, to a millisecond.
    public var longestTurn: Duration
    /// The most jobs and bodies that were ready to run at once.
    public var deepestQueue: Int
    /// What held the loop longest without giving it back, with its label: each job where the group was told to measure them,
    /// otherwise what its watchdog has noticed; nil if nothing.
    public var longestJob: LabelledTime?
    /// Times a stream had to leave bytes for the next turn, since it had had its share of this one.
    public var readPauses: Int
    /// Times accepting, or receiving descriptors, had to pause for want of descriptors or memory.
    public var acceptPauses: Int
    /// Connections that were reset unserved, since there were no descriptors for too long.
    public var refusedConnections: Int
}

/// A duration, and what took it.
public struct LabelledTime: Sendable, Hashable {
    /// The task's label as given to `spawn`, or the kind of callback.
    public var label: String
    /// How long.
    public var duration: Duration

    /// Made by hand, for tests.
    public init(label: String, duration: Duration) {
        self.label = label
        self.duration = duration
    }
}

/// A histogram of a loop's turns: what it does between two polls for I/O.
///
/// A turn is measured by the times that libuv takes anyway, when a poll has ended and before the next, in whole milliseconds.
/// Below 1 ms is exact; what took longer is so to within a millisecond.
public struct TurnTimes: Sendable, Hashable {
    /// Turns by their time: below 1 ms, 2 ms, 4 ms, and so on to 1,024 ms; the last counts all above.
    public var counts: [Int]
    /// All turns in which the loop had something to do.
    public var total: Int { counts.reduce(0, +) }

    /// Turns in the buckets from a bound on: the duration is rounded up to a power of two of milliseconds.
    public func count(atLeast duration: Duration) -> Int {
        let milliseconds = duration.milliseconds
        if milliseconds == 0 { return total }
        return counts[LoopObservation.bucket(milliseconds: milliseconds - 1)...].dropFirst().reduce(0, +)
    }
}

/// A counter with one writer at a time, readable from everywhere.
struct RelaxedCounter: ~Copyable, Sendable {
    private let value = Atomic<Int>(0)

    var current: Int { value.load(ordering: .relaxed) }

    /// Adds without a locked instruction: only the one thread (or lock holder) that owns the counter may call it.
    func add(_ amount: Int = 1) { value.store(value.load(ordering: .relaxed) &+ amount, ordering: .relaxed) }
}
