internal import Synchronization

/// What a loop keeps of a timer. It serves one timer after another, so that as a rule starting one allocates nothing; each is a
/// turn of it, by whose number those that are over are told from the present one.
@safe
final class TimerNode: @unchecked Sendable {
    // SAFETY: all but `home` and `state` is used on the loop's thread alone, and before that by the one that made the node, as
    // long as no other knows of it. A loop is never freed.
    private let home: Unmanaged<EventLoop>
    /// Twice the turn, and 1 as long as its timer waits.
    private let state: Atomic<UInt64>
    /// Nanoseconds of the monotonic clock.
    private(set) var deadline: UInt64
    /// The place in the loop's heap, -1 outside.
    var heapIndex = -1
    /// Another that waits for a timer, in its loop's list of those.
    var nextSpare: Unmanaged<TimerNode>?
    private var body: (@Sendable () -> Void)?
    private var onAbandon: (@Sendable () -> Void)?

    /// With its first turn.
    init(loop: EventLoop, deadline: UInt64, onAbandon: (@Sendable () -> Void)?, body: @escaping @Sendable () -> Void) {
        unsafe home = .passUnretained(loop)
        self.deadline = deadline
        self.onAbandon = onAbandon
        self.body = body
        state = Atomic(3)
    }

    /// Runs `body` with the loop, without retaining it.
    func withLoop<T>(_ body: (EventLoop) -> T) -> T { unsafe home._withUnsafeGuaranteedRef { body($0) } }

    var turn: UInt64 { state.load(ordering: .relaxed) / 2 }

    /// Another timer. On the loop, after the one before has been let go.
    func begin(deadline: UInt64, onAbandon: (@Sendable () -> Void)?, body: @escaping @Sendable () -> Void) {
        self.deadline = deadline
        self.onAbandon = onAbandon
        self.body = body
        state.store((turn + 1) * 2 + 1, ordering: .releasing)
    }

    func isPending(_ turn: UInt64) -> Bool { state.load(ordering: .acquiring) == turn * 2 + 1 }

    /// Decides between running, cancelling and abandoning: one of them gets true. Inlined it would retain the node.
    @inline(never)
    func claim(_ turn: UInt64) -> Bool {
        state.compareExchange(expected: turn * 2 + 1, desired: turn * 2, ordering: .acquiringAndReleasing).exchanged
    }

    /// Lets go of what the timer would have run. On the loop.
    func clear() {
        body = nil
        if onAbandon != nil { onAbandon = nil }
    }

    /// Lets go of it too, and gives it to be run. On the loop.
    func takeBody() -> (@Sendable () -> Void)? {
        defer { clear() }
        return body
    }

    /// As `takeBody`, for what is run where the body can't.
    func takeOnAbandon() -> (@Sendable () -> Void)? {
        defer { clear() }
        return onAbandon
    }
}
