internal import Synchronization

/// What a loop is doing and how long its turns take: plain stores by the loop's thread, read from any.
final class LoopObservation: Sendable {
    /// What a loop does, besides running jobs. A job is a pointer, hence larger than any of these.
    enum Doing: UInt {
        case polling
        case body, inbox, timer, readiness, read, write, close

        var label: String {
            switch self {
            case .polling: "polling"
            case .body: "a body given to execute"
            case .inbox: "taking work of other threads"
            case .timer: "a timer's body"
            case .readiness: "a callback of a polled descriptor or listener"
            case .read: "a stream's read callback"
            case .write: "a stream's write callback"
            case .close: "a close callback"
            }
        }
    }

    /// The upper bounds are powers of two, from 1 ms; the last bucket has none.
    static let bucketCount = 12

    let measuresJobs: Bool
    let deepestQueue = RelaxedCounter()
    /// Nanoseconds, of jobs that were measured.
    private let longestMeasured = RelaxedCounter()
    let longestJob = Locked<LabelledTime?>(nil)
    private let doing = Atomic<UInt>(0)
    private let steps = Atomic<UInt>(0)
    private let longest = Atomic<UInt64>(0)
    /// Turns below 1 ms: nearly all.
    private let short = RelaxedCounter()
    private let buckets = InlineArray<12, RelaxedCounter> { _ in RelaxedCounter() }

    init(measuresJobs: Bool) { self.measuresJobs = measuresJobs }

    // MARK: The loop's thread

    func began(_ what: Doing) { began(job: what.rawValue) }

    func began(job: UInt) {
        doing.store(job, ordering: .relaxed)
        steps.store(steps.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
    }

    func sawQueue(_ depth: Int) {
        let known = deepestQueue.current
        if depth > known { deepestQueue.add(depth - known) }
    }

    func turnTook(milliseconds: UInt64) {
        if milliseconds == 0 { return short.add() }
        buckets[Self.bucket(milliseconds: milliseconds)].add()
        if milliseconds > longest.load(ordering: .relaxed) { longest.store(milliseconds, ordering: .relaxed) }
    }

    /// The label is looked up for the longest job so far alone.
    func jobTook(_ nanoseconds: UInt64, _ label: @autoclosure () -> String?) {
        if nanoseconds <= longestMeasured.current { return }
        longestMeasured.add(Int(clamping: nanoseconds) - longestMeasured.current)
        noteJob(label() ?? Self.unknown, .nanoseconds(Int64(clamping: nanoseconds)))
    }

    // MARK: Any thread

    /// A job that spawn did not start: a plain actor's, or a child of a group of the standard library's.
    static let unknown = "a job that spawn does not know"

    /// What the loop is at, and the number of that step.
    var current: (doing: UInt, step: UInt) {
        (doing.load(ordering: .relaxed), steps.load(ordering: .relaxed))
    }

    var turnTimes: TurnTimes { TurnTimes(counts: [short.current] + (1..<Self.bucketCount).map { buckets[$0].current }) }
    var longestTurn: Duration { .milliseconds(Int64(clamping: longest.load(ordering: .relaxed))) }

    func noteJob(_ label: String, _ duration: Duration) {
        longestJob.withLock { longest in
            if let known = longest, known.duration >= duration { return }
            longest = LabelledTime(label: label, duration: duration)
        }
    }

    static func bucket(milliseconds: UInt64) -> Int {
        min(UInt64.bitWidth - milliseconds.leadingZeroBitCount, bucketCount - 1)
    }
}
