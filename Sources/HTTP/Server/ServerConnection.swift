internal import Runtime

/// One connection of a server, from accept to close. On its loop only.
///
/// ```
/// reading --head and body--> (sync answer) reading | flushing
///    |                (.task, .hold) working --answer--> reading | flushing
///    |                                          \--101--> over (the stream is the upgrade's)
///    +--refusal--> flushing --all sent--> over, or lingering until the peer ends --> over
/// ```
/// What an idle connection needs is in this object; all that a request in pieces, a body, a task or unsent pipelined
/// bytes need is in `work`, which is let go when the connection is idle again.
// SAFETY: used on the loop's thread alone; references travel in closures that run there.
final class ServerConnection: StreamDelegate, @unchecked Sendable {
    enum Phase: UInt8 {
        /// Waits for requests, or reads one.
        case reading
        /// A task prepares or streams an answer, or the request is held; what comes meanwhile waits in the buffer.
        case working
        /// The last answer is written and being sent.
        case flushing
        /// Everything was sent, our side is shut; the peer's bytes are dropped until it ends, so that no reset
        /// destroys the answer on its way: RFC 9112, section 9.6.
        case lingering
        case over
    }

    let core: ServerCore
    let stream: StreamHandle
    let context: ConnectionContext
    // Ordered and sized so that the object fits 88 bytes: a server has thousands of them.
    var phase = Phase.reading
    /// Whether bytes the peer may still send have to be waited for before the close.
    var mustLinger = false
    /// Whether the peer has closed its sending half.
    var peerEnded = false
    /// Whether a request was answered or is being answered; a fresh connection may still be waiting to send its first.
    var hasServed = false
    var isPaused = false
    /// Whether the connection is over a limit, and only there to be told so.
    var isSurplus = false
    /// Whether the head of the answer being streamed has gone out.
    var hasSentHead = false
    /// Whether the rest of what was read has to wait until others have had their turn.
    var awaitsTurn = false
    /// Whether the connection counts as one of its peer's.
    var isCounted = false
    /// How the answer being prepared must be written.
    var traits = AnswerTraits()
    var waitsFor = Deadline.none
    /// Whether the time-out that runs was for an earlier message than the one being read.
    var deadlineIsStale = false
    /// What the peer had not taken when the time-out for that began, and what was written since; modulo 2^32.
    var untakenWhenArmed: UInt32 = 0
    /// What of `ServerCore.bytesInFlight` is this connection's.
    var accounted: UInt32 = 0
    /// The body writer that may write: one that outlived its closure may not.
    var writer: UInt32 = 0
    var work: Work?

    init(core: ServerCore, stream: StreamHandle, context: ConnectionContext) {
        self.core = core
        self.stream = stream
        self.context = context
    }

    /// What most connections most of the time don't have.
    final class Work {
        /// Bytes received and not yet used, from the first byte of the message being read.
        var buffer: [UInt8] = []
        /// The parser of a head that is not complete.
        var parser: RequestParser?
        /// The body being read.
        var body: BodyReader?
        /// The body that the task reads in pieces.
        var stream: BodyStream?
        /// The request that waits for a change.
        var held: Hold?
        /// What a streamed answer of known length still owes; nil for chunks.
        var owed: Int64?
        /// The fields to send after a body in chunks.
        var trailers: [UInt8] = []
        /// Bytes of the body that the task was given.
        var taken = 0
        /// What prepares or streams the answer.
        var task: Task<Void, any Error>?
        /// A body writer that waits for the peer to take bytes.
        var drainWaiter: CheckedContinuation<Void, any Error>?
        /// Bytes dropped while lingering.
        var lingered = 0

        var isNeeded: Bool {
            !buffer.isEmpty || parser != nil || body != nil || task != nil || held != nil || drainWaiter != nil
        }

        /// What of requests is in memory.
        var bytes: Int { buffer.count &+ (body?.collected.count ?? 0) &+ taken }
    }

    /// The state that only some connections have, made when first asked for.
    var ensuredWork: Work {
        if let work { return work }
        let made = Work()
        work = made
        return made
    }

    /// Whether answers wait for the peer to take them.
    var isBlocked: Bool { stream.pendingBytes > 0 }

    /// Begins to read. The first request may be answered before this returns.
    func begin() {
        stream.delegate = self
        stream.startReading()
        if phase == .reading, waitsFor == .none { setDeadline() }
    }

    // MARK: - What the stream tells

    func stream(_ stream: StreamHandle, didRead bytes: Span<UInt8>) {
        switch phase {
        case .reading:
            if let work, !work.buffer.isEmpty {
                work.buffer.append(copying: bytes)
                processBuffer()
            } else {
                let used = process(bytes)
                if used < bytes.count, phase == .reading || phase == .working {
                    ensuredWork.buffer.append(copying: bytes.extracting(used...))
                }
            }
            settle()
        case .working:
            ensuredWork.buffer.append(copying: bytes)
            work?.stream?.wake()
            settle()
        case .lingering:
            let work = ensuredWork
            work.lingered += bytes.count
            if work.lingered > ServerCore.maxLingered { close() }
        case .flushing, .over:
            break
        }
    }

    func streamDidEnd(_ stream: StreamHandle) {
        peerEnded = true
        work?.stream?.wake()
        switch phase {
        case .reading, .working, .flushing: settle()
        case .lingering: close()
        case .over: break
        }
    }

    func streamDidFlush(_ stream: StreamHandle) {
        guard phase != .over else { return }
        // The peer has taken all that the time-out was for.
        if waitsFor == .write { deadlineIsStale = true }
        if let waiter = work?.drainWaiter {
            work?.drainWaiter = nil
            waiter.resume()
        }
        if phase == .reading { processBuffer() }
        settle()
    }

    func stream(_ stream: StreamHandle, didFail error: UVError) { close() }

    // MARK: - Ends

    /// Whether neither a message nor an answer is under way.
    var isIdle: Bool { !isBlocked && !(work?.isNeeded ?? false) }

    /// Closes at once; whoever prepares an answer is cancelled.
    func close() {
        guard phase != .over else { return }
        phase = .over
        waitsFor = .none
        let ended = work
        work = nil
        ended?.task?.cancel()
        ended?.drainWaiter?.resume(throwing: CancellationError())
        ended?.stream?.wake()
        if let held = ended?.held {
            core.counters.held -= 1
            held.end()
        }
        core.remove(self)
        stream.close()
    }

    /// Sends what was encoded, then decides what to wait for. The last line of whatever changes the connection.
    func settle() {
        guard phase != .over else { return }
        flush()
        guard phase != .over else { return }
        account()
        if phase == .reading, peerEnded, !isBlocked, !awaitsTurn { phase = .flushing }
        if phase == .flushing, !isBlocked { return finish() }
        if let work, !work.isNeeded, work.lingered == 0 { self.work = nil }
        if core.isDraining, phase == .reading, isIdle, hasServed { return close() }
        setReading()
        setDeadline()
    }

    /// The last answer was sent.
    private func finish() {
        if !mustLinger || peerEnded { return close() }
        phase = .lingering
        work?.buffer = []
        stream.shutdownWrite()
        setReading()
        arm(.linger, core.timeouts.linger)
    }

    /// Writes what the encoder holds.
    func flush() {
        let output = core.encoder.output
        if output.isEmpty { return }
        // SAFETY: nothing is appended before `removeAll`: a write calls nobody back.
        let bytes = output.bytes
        let before = stream.pendingBytes
        if before > 0 {
            stream.write(bytes.span)
            untakenWhenArmed &+= UInt32(truncatingIfNeeded: stream.pendingBytes - before)
        } else if phase == .flushing, !mustLinger || peerEnded {
            stream.writeLast(bytes.span)
        } else {
            stream.write(bytes.span)
        }
        output.removeAll()
    }

    /// Brings the server's count of bytes up to date with this connection's.
    @inline(__always)
    private func account() {
        var count = stream.pendingBytes
        if let work { count &+= work.bytes }
        let bytes = UInt32(clamping: count)
        guard bytes != accounted else { return }
        let change = Int(bytes) &- Int(accounted)
        accounted = bytes
        core.addInFlight(change)
    }

    /// Stops reading while too much waits in either direction, or in the whole server.
    func setReading() {
        let waiting = work?.buffer.count ?? 0
        let wantsPause =
            switch phase {
            case .reading: awaitsTurn || isBlocked && (waiting > 0 || core.isFull)
            case .working:
                waiting > 0 && waiting >= core.configuration.maxPipelined || core.isFull && !awaitsPiece
            case .flushing: true
            case .lingering, .over: false
            }
        guard wantsPause != isPaused else { return }
        isPaused = wantsPause
        if wantsPause { stream.pauseReading() } else { stream.resumeReading() }
    }
}

extension ServerConnection {
    /// Whether a task waits for the next bytes of a body: they are its own as soon as they are there.
    private var awaitsPiece: Bool {
        guard let work, work.buffer.isEmpty else { return false }
        return work.stream?.isAwaited == true
    }
}

extension [UInt8] {
    /// Appends the bytes of a span.
    mutating func append(copying span: Span<UInt8>) {
        span.withUnsafeBufferPointer { append(contentsOf: $0) }
    }
}
