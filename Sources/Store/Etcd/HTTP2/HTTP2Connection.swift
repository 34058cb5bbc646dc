internal import Runtime

/// A connection to a server that speaks HTTP/2: the session's bytes on a stream of the loop, with or without TLS.
///
/// On its loop only. What is to be sent goes out once a turn, after everything that a callback has set off, so that calls made
/// together share a system call. It lives until `close`, or until the connection fails; then every stream's handler is told.
final class HTTP2Connection: StreamDelegate, @unchecked Sendable {
    // SAFETY: all members but the constants are used on the loop's thread.

    /// How it finds out that a silent server is gone.
    struct Timing: Sendable {
        var pingInterval: Duration
        var pingPatience: Duration
    }

    /// Bytes gathered for one write.
    private static let writeSize = 64 * 1024
    /// Bytes that wait for the kernel before nghttp2 is asked for more.
    private static let highWater = 256 * 1024

    let loop: EventLoop
    /// Which server, for messages.
    let name: String
    private let stream: StreamHandle
    private let session: HTTP2Session
    private let ready = Ticket<Void>()
    private var keepAlive: KeepAlive
    private var timer: ScheduledTimer?
    private var buffer: [UInt8] = []
    private var flushIsDue = false
    private(set) var failure: HTTP2Failure?
    /// Whether no more requests belong here; those under way go on.
    private(set) var isRetired = false
    /// When the server was heard last, in the loop's time.
    private(set) var lastHeard: Duration

    /// Takes over a connected stream, and greets. On the loop.
    ///
    /// - Throws: `HTTP2Failure` when there is no memory; the stream is closed then.
    init(_ stream: StreamHandle, name: String, timing: Timing) throws(HTTP2Failure) {
        loop = stream.loop
        self.name = name
        self.stream = stream
        keepAlive = KeepAlive(interval: timing.pingInterval, patience: timing.pingPatience)
        lastHeard = loop.now
        do throws(HTTP2Failure) {
            session = try HTTP2Session()
        } catch {
            stream.abort()
            throw error
        }
        stream.delegate = self
        stream.startReading()
        flush()
    }

    /// Whether requests may be sent.
    var isUsable: Bool { failure == nil && !isRetired && !session.isGoingAway }

    /// Returns once the server has said that it speaks HTTP/2. To be called once.
    ///
    /// - Throws: `HTTP2Failure` when the connection ends before.
    func waitUntilReady(isolation: isolated (any Actor)? = #isolation) async throws { try await ready.value() }

    /// Opens a stream; the bytes go out at the end of the turn.
    ///
    /// - Parameters:
    ///   - head: the request's fields.
    ///   - body: the first bytes of its body.
    ///   - ends: whether these are the last.
    ///   - handler: who is told what happens.
    /// - Returns: the stream's number.
    /// - Throws: `HTTP2Failure` when the connection takes no more; nothing is sent then.
    func open(
        _ head: [HTTP2Field], body: [UInt8], ends: Bool, handler: any HTTP2StreamHandler
    ) throws(HTTP2Failure) -> Int32 {
        guard isUsable else { throw failure ?? .refused }
        let id = try session.open(head, body: body, ends: ends, handler: handler)
        if let delay = keepAlive.begin(at: loop.now) { scheduleTick(after: delay) }
        scheduleFlush()
        return id
    }

    /// Ends a stream at once; its handler hears no more.
    func cancel(_ id: Int32) {
        session.cancel(id)
        scheduleFlush()
        closeIfIdle()
    }

    /// Lets the server send as many more bytes on a stream.
    func consume(_ count: Int, of id: Int32) {
        session.consume(count, of: id)
        scheduleFlush()
    }

    /// Takes no more requests, and closes when those under way are over.
    func retire() {
        isRetired = true
        closeIfIdle()
    }

    /// Closes; streams that are open end with `connectionLost`.
    func close(_ reason: String = "the connection was closed") {
        guard failure == nil else { return }
        session.terminate()
        flush()
        end(.connectionLost(reason))
    }

    // MARK: Reading and writing

    func stream(_ stream: StreamHandle, didRead bytes: Span<UInt8>) {
        guard failure == nil else { return }
        lastHeard = loop.now
        keepAlive.hear(at: lastHeard)
        do throws(HTTP2Failure) {
            try session.receive(bytes)
        } catch {
            return end(error)
        }
        if session.hasSettings { ready.settle(.success(())) }
        scheduleFlush()
        closeIfIdle()
    }

    func streamDidFlush(_ stream: StreamHandle) { flush() }

    /// Once a turn, after the jobs that are ready by now.
    private func scheduleFlush() {
        if flushIsDue { return }
        flushIsDue = true
        loop.execute { [self] in
            flushIsDue = false
            flush()
        }
    }

    private func flush() {
        while failure == nil, !stream.isClosed, stream.pendingBytes < Self.highWater {
            buffer.removeAll(keepingCapacity: true)
            do throws(HTTP2Failure) {
                try session.takeOutput(into: &buffer, limit: Self.writeSize)
            } catch {
                return end(error)
            }
            if buffer.isEmpty { break }
            stream.write(buffer)
        }
        if failure == nil, !session.isAlive { end(.connectionLost("the server ended the connection")) }
    }

    // MARK: The end

    func streamDidEnd(_ stream: StreamHandle) { end(.connectionLost("the server closed the connection")) }

    func stream(_ stream: StreamHandle, didFail error: UVError) { end(.connectionLost("\(error)")) }

    private func closeIfIdle() {
        if (isRetired || session.isGoingAway) && session.isIdle && failure == nil {
            // Not within nghttp2's callbacks, and after what is still to be sent.
            loop.execute { [self] in if session.isIdle { close("the connection was given up") } }
        }
    }

    private func end(_ failure: HTTP2Failure) {
        guard self.failure == nil else { return }
        self.failure = failure
        timer?.cancel()
        stream.close()
        ready.settle(.failure(failure))
        session.fail(failure)
    }

    // MARK: Whether the server is there

    private func scheduleTick(after delay: Duration) {
        timer = loop.schedule(after: delay) { [weak self] in self?.tick() }
    }

    private func tick() {
        guard failure == nil else { return }
        switch keepAlive.tick(at: loop.now, hasStreams: !session.isIdle) {
        case .rest: break
        case .wait(let delay): scheduleTick(after: delay)
        case .ask(let delay):
            session.ping()
            flush()
            scheduleTick(after: delay)
        case .giveUp: end(.connectionLost("\(name) does not answer"))
        }
    }
}

extension EventLoop {
    /// The loop's time since an arbitrary moment.
    var now: Duration { .nanoseconds(Int64(nowNanoseconds)) }
}
