internal import CLibuv
internal import Glibc

/// Notices what holds a loop for too long, and says what it is: for `EventLoopGroup`.
///
/// A thread of its own looks at the loops at half the limit's intervals. Whatever holds one for one and a half times the limit
/// is noticed for sure, nothing shorter than the limit ever; the loops pay two stores a job for it. It ends with its loops.
public struct LoopWatchdog: Sendable {
    /// How long something may hold a loop.
    public var limit: Duration
    /// Called once when the limit has passed, and once more when it is over; on the watchdog's thread, and therefore briefly.
    public var onHold: @Sendable (LoopHold) -> Void

    /// Says whom to tell, and from when on.
    ///
    /// - Parameters:
    ///   - limit: how long something may hold a loop; at least 2 ms.
    ///   - onHold: is told.
    public init(limit: Duration = .milliseconds(50), onHold: @escaping @Sendable (LoopHold) -> Void) {
        precondition(limit >= .milliseconds(2), "a watchdog's limit is at least 2 ms")
        self.limit = limit
        self.onHold = onHold
    }

    func start(for loops: [EventLoop]) throws(SystemError) {
        let limit = limit.nanoseconds
        let interval = timespec(tv_sec: Int(limit / 2_000_000_000), tv_nsec: Int(limit / 2 % 1_000_000_000))
        try startThread(named: "rt-watchdog") { [self] in
            var trackers = loops.map { _ in HoldTracker(limit: limit) }
            while loops.contains(where: { $0.ended.result == nil }) {
                var pause = interval
                // SAFETY: the interval is this thread's own; an interrupted sleep only looks earlier.
                unsafe nanosleep(&pause, nil)
                let now = uv_hrtime()
                for (index, loop) in loops.enumerated() { look(at: loop, &trackers[index], now) }
            }
        }
    }

    private func look(at loop: EventLoop, _ tracker: inout HoldTracker, _ now: UInt64) {
        let current = loop.observation.current
        // While the label is looked up the loop may have gone on, so that it is asked for only once it is needed, and kept.
        guard let (label, nanoseconds, isOver) = tracker.look(current, at: now, labelling: loop.label(of:)) else {
            return
        }
        let duration = Duration.nanoseconds(Int64(clamping: nanoseconds))
        loop.observation.noteJob(label, duration)
        onHold(LoopHold(loop: loop.label, label: label, duration: duration, isOver: isOver))
    }
}

/// Something that holds a loop, or has held it.
public struct LoopHold: Sendable, Hashable, CustomStringConvertible {
    /// The loop's label.
    public var loop: String
    /// The task's label as given to `spawn`, or the kind of callback.
    public var label: String
    /// How long at least, so far or altogether.
    public var duration: Duration
    /// Whether the loop goes on by now.
    public var isOver: Bool

    /// "node-0 is held by the greeting since 0.05 seconds".
    public var description: String {
        isOver ? "\(loop) was held by \(label) for \(duration)" : "\(loop) is held by \(label) since \(duration)"
    }
}

/// What a watchdog knows of one loop: pure, so that it can be tested without waiting.
package struct HoldTracker {
    private let limit: UInt64
    private var step: UInt = 0
    /// When the step was first seen, and last.
    private var since: UInt64 = 0
    private var lastSeen: UInt64 = 0
    /// What was reported of it.
    private var reported: String?

    /// In nanoseconds.
    package init(limit: UInt64) { self.limit = limit }

    /// Takes a look; what is to be told of it, if anything. `doing` is 0 while the loop polls.
    package mutating func look(
        _ current: (doing: UInt, step: UInt), at now: UInt64, labelling: (UInt) -> String
    ) -> (label: String, nanoseconds: UInt64, isOver: Bool)? {
        if current.step != step {
            defer {
                step = current.step
                since = now
                lastSeen = now
                reported = nil
            }
            return reported.map { ($0, lastSeen - since, true) }
        }
        lastSeen = now
        guard reported == nil, current.doing != LoopObservation.Doing.polling.rawValue, now - since >= limit else {
            return nil
        }
        let label = labelling(current.doing)
        reported = label
        return (label, now - since, false)
    }
}

extension EventLoop {
    /// What a loop does, in words.
    func label(of doing: UInt) -> String {
        LoopObservation.Doing(rawValue: doing)?.label ?? tasks.label(of: doing) ?? LoopObservation.unknown
    }
}
