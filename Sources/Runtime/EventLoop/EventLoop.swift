internal import CLibuv
internal import CLinux
internal import Glibc
internal import Synchronization

/// A thread that waits for I/O with libuv and runs Swift jobs between: the serial executor of actors; `taskExecutor` is that
/// of tasks.
///
/// Loops are made by an `EventLoopGroup` and live as long as the process, since executors are referred to without being
/// retained; `shutdown` of the group ends the thread and frees all else. Tasks get onto a loop by `spawn`, which gives them
/// the loop as their executor preference: without that each resumption would pass through the global pool.
///
/// Methods are for any thread unless they say "on the loop".
@safe
public final class EventLoop: SerialExecutor, @unchecked Sendable {
    // SAFETY: `uv`, `wakeHandle` and the contents of `local` are used on the loop's thread alone (before the thread starts: by
    // init), but for uv_async_send, which libuv allows anywhere and `inbox` orders before the handle's close.
    /// The place in its group.
    public let index: Int
    /// The thread's name: the group's label and the index.
    public let label: String
    /// The actor whose isolation is this loop's thread.
    public var actor: LoopActor { actorBox.actor }

    /// The executor of tasks that prefer this loop: for `executorPreference:` and `withTaskExecutorPreference`.
    public var taskExecutor: any TaskExecutor { taskExecutorObject }

    var taskExecutorObject: LoopTaskExecutor {
        guard let freeExecutor else { fatalError("a loop has no executor of tasks") }
        return freeExecutor
    }

    let uv: UnsafeMutablePointer<uv_loop_t>
    let wakeHandle: UnsafeMutablePointer<uv_async_t>
    let local: LoopLocal

    /// Where its time comes from, if not from the system.
    let time: (any LoopTimeSource)?
    let inbox = LoopInbox()
    let tasks = TaskRegistry()
    let observation: LoopObservation
    let jobCount = RelaxedCounter()
    let exhaustedCount = RelaxedCounter()
    let readPauseCount = RelaxedCounter()
    let acceptPauseCount = RelaxedCounter()
    let refusedCount = RelaxedCounter()
    let lateCount = Atomic<Int>(0)
    private let actorBox = ActorBox()
    private var freeExecutor: LoopTaskExecutor?
    let ended = OneShot<Void>()
    /// Whether it has a thread. Set where its group is made, before others know the loop.
    var started = false

    // SAFETY: set once in EventLoop.init, before any other thread can know the loop.
    private final class ActorBox: @unchecked Sendable {
        private var made: LoopActor?
        var actor: LoopActor {
            guard let made else { fatalError("a loop has no actor") }
            return made
        }
        func make(_ loop: EventLoop) { made = LoopActor(loop: loop) }
    }

    init(
        index: Int, label: String, time: (any LoopTimeSource)? = nil, measuresJobs: Bool = false
    ) throws(UVError) {
        self.index = index
        self.label = label
        self.time = time
        observation = LoopObservation(measuresJobs: measuresJobs)
        // SAFETY: fresh memory, initialised by libuv before use; freed when the loop has closed (`finish`).
        let uv = UnsafeMutablePointer<uv_loop_t>.allocate(capacity: 1)
        let code = unsafe uv_loop_init(uv)
        if code < 0 {
            unsafe uv.deallocate()
            throw UVError(code: code, operation: "uv_loop_init")
        }
        unsafe self.uv = uv
        unsafe wakeHandle = .allocate(capacity: 1)
        unsafe local = LoopLocal(loop: uv)
        actorBox.make(self)
        freeExecutor = LoopTaskExecutor(loop: self)
        // SAFETY: the loop is never freed (see above), so that the unretained pointers in the handles stay good.
        let raw = unsafe Unmanaged.passRetained(self).toOpaque()
        unsafe uv.pointee.data = raw
        let made = unsafe uv_async_init(uv, wakeHandle) { handle in
            guard let handle = unsafe handle, let loop = unsafe EventLoop.of(handle.pointee.loop) else { return }
            loop.observation.began(.inbox)
            loop.takeInbox()
            loop.afterCallback()
        }
        if made < 0 {
            // Nothing else is known to libuv yet, so that the loop closes at once. This object stays: it is small, and whoever
            // has no descriptors left makes few of them.
            unsafe uv_loop_close(uv)
            unsafe uv.deallocate()
            unsafe wakeHandle.deallocate()
            local.free()
            throw UVError(code: made, operation: "uv_async_init")
        }
        unsafe local.start(on: uv)
    }

    /// The loop whose thread is running, if any.
    public static var current: EventLoop? {
        // SAFETY: the word is set by this class alone, to a loop that is never freed.
        guard let raw = unsafe cl_loop_current() else { return nil }
        return unsafe Unmanaged<EventLoop>.fromOpaque(raw).takeUnretainedValue()
    }

    /// Whether the caller is on this loop's thread.
    public var isCurrent: Bool {
        // SAFETY: compares addresses only.
        unsafe cl_loop_current() == UnsafeMutableRawPointer(Unmanaged.passUnretained(self).toOpaque())
    }

    /// Runs `body` on the loop's thread in a later turn, in order with jobs enqueued from the same thread.
    public func execute(_ body: @escaping @Sendable () -> Void) { add(.body(body)) }

    /// Runs `body` once the loop has looked for I/O again: for whoever has more to do than may keep the others waiting. On the
    /// loop; not from a job that runs after the loop's end.
    package func executeNextTurn(_ body: @escaping @Sendable () -> Void) {
        assertCurrent()
        local.runNextTurn(body)
    }

    /// Runs `body` at once when on the loop's thread, otherwise as `execute` does.
    public func run(_ body: @escaping @Sendable () -> Void) {
        if isCurrent { body() } else { add(.body(body)) }
    }

    /// Runs `body` isolated to the loop's actor. On the loop only: elsewhere the process ends here.
    public func assumeIsolated<T>(_ body: (isolated LoopActor) throws -> T) rethrows -> T {
        precondition(isCurrent, "not on the loop's thread")
        typealias Unisolated = (LoopActor) throws -> T
        return try withoutActuallyEscaping(body) { body in
            // SAFETY: the isolation is what the precondition established; the calling convention is the same, as
            // Actor.assumeIsolated has it.
            try unsafe unsafeBitCast(body, to: Unisolated.self)(actor)
        }
    }

    /// What the loop has done so far.
    public var counters: LoopCounters {
        let counts = inbox.counts
        return LoopCounters(
            jobs: jobCount.current, crossThreadEnqueues: counts.crossings, wakeups: counts.wakeups,
            exhaustedBudgets: exhaustedCount.current, lateJobs: lateCount.load(ordering: .relaxed),
            turns: observation.turnTimes, longestTurn: observation.longestTurn,
            deepestQueue: observation.deepestQueue.current, longestJob: observation.longestJob.withLock { $0 },
            readPauses: readPauseCount.current, acceptPauses: acceptPauseCount.current,
            refusedConnections: refusedCount.current)
    }

    /// libuv's cached time, in milliseconds. On the loop.
    var nowMilliseconds: UInt64 {
        if let time { return time.nanoseconds / 1_000_000 }
        // SAFETY: on the loop.
        return unsafe uv_now(uv)
    }

    /// The time now, in nanoseconds since an arbitrary moment. Any thread.
    package var nowNanoseconds: UInt64 { time?.nanoseconds ?? uv_hrtime() }

    func assertCurrent() { assert(isCurrent, "not on the loop's thread") }

    // SAFETY: the data word of a loop is the loop itself (init), which is never freed.
    static func of(_ uv: UnsafeMutablePointer<uv_loop_t>?) -> EventLoop? {
        guard let raw = unsafe uv?.pointee.data else { return nil }
        return unsafe Unmanaged<EventLoop>.fromOpaque(raw).takeUnretainedValue()
    }
}
