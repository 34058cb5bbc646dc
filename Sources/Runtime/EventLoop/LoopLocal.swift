internal import CLibuv

/// What only the loop's own thread touches.
@safe
final class LoopLocal {
    static let readCapacity = 64 * 1024

    var ring = WorkRing()
    var spare: [Work] = []
    /// What is to run after the next poll.
    private var nextTurn: [Work] = []
    var draining = false
    /// Jobs since the last poll.
    var jobsThisTurn = 0
    /// libuv's time in the first callback after the last poll, in milliseconds; 0 before it.
    var turnStart: UInt64 = 0
    /// The stream that libuv reads from, and how often it has since the last poll.
    private var reader: UnsafeMutablePointer<uv_handle_t>?
    private var reads = 0
    /// What lets a listener without descriptors refuse instead of letting its peers wait.
    var reserve = ReserveDescriptor()
    var lookout = Lookout()
    /// No new handles and timers: the loop is about to close.
    var ending = false
    var closed = false
    var timers = TimerHeap()
    /// When libuv's timer goes off, in milliseconds; 0 while it is not set.
    var armedFor: UInt64 = 0
    /// Times that timers were looked at.
    var timerWakes = 0
    let wheel = TimerWheel()
    /// Whether a delegate is looking at the read buffer.
    var readBufferBusy = false
    private var deferred: [StreamHandle] = []
    private var settling: [StreamHandle] = []

    /// One buffer for all reads: what a callback does not take is gone when it returns.
    let readBuffer: UnsafeMutablePointer<CChar>
    private let tcpHandles = unsafe HandlePool(size: MemoryLayout<uv_tcp_t>.size)
    private let pipeHandles = unsafe HandlePool(size: MemoryLayout<uv_pipe_t>.size)

    private let idle: UnsafeMutablePointer<uv_idle_t>
    private let prepare: UnsafeMutablePointer<uv_prepare_t>
    let timerHandle: UnsafeMutablePointer<uv_timer_t>
    let wheelHandle: UnsafeMutablePointer<uv_timer_t>
    private var idling = false

    init(loop: UnsafeMutablePointer<uv_loop_t>) {
        unsafe readBuffer = .allocate(capacity: Self.readCapacity)
        unsafe idle = .allocate(capacity: 1)
        unsafe prepare = .allocate(capacity: 1)
        unsafe timerHandle = .allocate(capacity: 1)
        unsafe wheelHandle = .allocate(capacity: 1)
    }

    func start(on loop: UnsafeMutablePointer<uv_loop_t>) {
        // SAFETY: the handles are fresh and live until `free`; these inits cannot fail, nor can the start.
        unsafe uv_idle_init(loop, idle)
        unsafe uv_timer_init(loop, timerHandle)
        unsafe uv_timer_init(loop, wheelHandle)
        unsafe uv_prepare_init(loop, prepare)
        unsafe uv_prepare_start(prepare) { handle in
            guard let raw = unsafe handle?.pointee.loop.pointee.data else { return }
            unsafe Unmanaged<EventLoop>.fromOpaque(raw)._withUnsafeGuaranteedRef { $0.endTurn() }
        }
    }

    /// What every turn begins with.
    func beginTurn() {
        jobsThisTurn = 0
        turnStart = 0
        unsafe reader = nil
    }

    /// Whether libuv may fill the read buffer from this stream once more before it polls again: it would go on by itself as
    /// long as the stream fills it, 32 times (uv__read in libuv 1.44).
    func mayRead(_ handle: UnsafeMutablePointer<uv_handle_t>) -> Bool {
        if unsafe handle != reader {
            unsafe reader = handle
            reads = 0
        }
        reads += 1
        return reads <= readBudget
    }

    /// Whether the stream was just told to leave the rest for the next turn.
    func hadItsTurn(_ handle: UnsafeMutablePointer<uv_stream_t>) -> Bool {
        unsafe reader == rawHandle(handle) && reads > readBudget
    }

    /// Whether the loop polls without waiting and drains again at once.
    func setIdle(_ wanted: Bool) {
        if wanted == idling || closed { return }
        idling = wanted
        if wanted {
            // SAFETY: on the loop; the handle is alive until `closed`.
            unsafe uv_idle_start(idle) { handle in
                guard let handle = unsafe handle else { return }
                unsafe EventLoop.of(handle.pointee.loop)?.afterCallback()
            }
        } else {
            unsafe uv_idle_stop(idle)
        }
    }

    /// Puts off what a stream has to tell until the current callback has done.
    func `defer`(_ stream: StreamHandle) { deferred.append(stream) }

    /// Has the body run after the next poll for I/O, which waits for nothing then.
    func runNextTurn(_ body: @escaping @Sendable () -> Void) { nextTurn.append(.body(body)) }

    /// The loop is about to poll.
    func readyNextTurn() {
        if nextTurn.isEmpty { return }
        for work in nextTurn { ring.push(work) }
        nextTurn.removeAll(keepingCapacity: true)
    }

    /// Whether polling may not wait.
    var isInHaste: Bool { hasWork || !nextTurn.isEmpty }

    /// Whether anything is ready to run.
    var hasWork: Bool { hasDeferred || !ring.isEmpty }
    var hasDeferred: Bool { !deferred.isEmpty }

    func settleDeferred() {
        while !deferred.isEmpty {
            // Two arrays in turn, so that a connection that comes and goes allocates nothing here.
            swap(&deferred, &settling)
            for stream in settling { stream.settle() }
            settling.removeAll(keepingCapacity: true)
        }
    }

    /// Where memory for handles of that type comes from and goes to.
    func handles(_ type: uv_handle_type) -> HandlePool { type == UV_TCP ? tcpHandles : pipeHandles }

    /// Begins the close of the loop's own handles; `free` when uv_run has seen them off.
    func close() {
        closed = true
        reserve.close()
        unsafe uv_close(rawHandle(idle), nil)
        unsafe uv_close(rawHandle(prepare), nil)
        unsafe uv_close(rawHandle(timerHandle), nil)
        unsafe uv_close(rawHandle(wheelHandle), nil)
    }

    /// Whether the handle is one of the loop's own.
    func isOwn(_ handle: UnsafeMutablePointer<uv_handle_t>) -> Bool {
        unsafe handle == rawHandle(idle) || handle == rawHandle(prepare) || handle == rawHandle(timerHandle)
            || handle == rawHandle(wheelHandle)
    }

    func free() {
        unsafe readBuffer.deallocate()
        unsafe idle.deallocate()
        unsafe prepare.deallocate()
        unsafe timerHandle.deallocate()
        unsafe wheelHandle.deallocate()
        tcpHandles.freeAll()
        pipeHandles.freeAll()
        timers.free()
    }
}

/// Any handle as libuv's base type.
// SAFETY: each uv handle type begins with the fields of uv_handle_t.
func rawHandle<Handle>(_ handle: UnsafeMutablePointer<Handle>) -> UnsafeMutablePointer<uv_handle_t> {
    unsafe UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_handle_t.self)
}
