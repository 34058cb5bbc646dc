internal import CLibuv
internal import CLinux
internal import Glibc

/// A connected stream (TCP, unix socket or pipe) with callbacks: what servers are made of. `Connection` is its form for tasks.
///
/// Everything happens on the stream's loop and nowhere else; the type is Sendable only so that closures may carry it there.
/// It owns its descriptor. An open stream keeps itself and its delegate alive until `close`.
///
/// A fresh connection costs one allocation, this object: libuv's part comes from the loop's pool, and is not needed at all
/// where a request is there when the connection is accepted and the connection closed with the answer.
@safe
public final class StreamHandle: HandleOwner, @unchecked Sendable {
    // SAFETY: all members are used on the loop's thread.
    /// What the descriptor is; it decides which calls serve it.
    public enum Kind: Sendable { case tcp, unix, pipe }

    private enum Life: UInt8 {
        /// The descriptor alone, unknown to libuv. Can become open or closed.
        case raw
        /// Held by libuv. Can become closing.
        case open
        /// Given up, close callback outstanding.
        case closing
        case closed
    }

    /// The loop it belongs to.
    public let loop: EventLoop
    /// Who is told; kept alive until the stream has closed.
    public var delegate: (any StreamDelegate)?
    // Ordered and sized so that the object fits 104 bytes: a server has thousands of them.
    /// The descriptor, for socket options; -1 once closed.
    public private(set) var descriptor: CInt
    /// What the descriptor is.
    public let kind: Kind
    private var life = Life.raw
    private var wantsReading = false
    private var readsAhead: Bool
    /// Bytes given to `write` that the kernel has not taken yet.
    public internal(set) var pendingBytes = 0
    private(set) var failure: CInt = 0
    private(set) var atEnd = false
    var endsWhenFlushed = false
    var closesWhenFlushed = false
    var extras: StreamExtras?
    var handle: UnsafeMutableRawPointer?
    var wheelLink = WheelLink()

    /// Takes over a connected descriptor; an `accepted` one must be non-blocking already. One that can't be waited for, such
    /// as a file, fails when it is used (`didFail` with EPERM, as epoll_ctl(2) has it).
    ///
    /// - Parameters:
    ///   - descriptor: the connected socket or pipe.
    ///   - loop: where it will live; this may be called on any thread.
    ///   - kind: what it is, if known; asking the kernel is a system call.
    ///   - accepted: the first `startReading` tries to read at once, since a request is as a rule there already.
    public init(adopting descriptor: CInt, on loop: EventLoop, kind: Kind? = nil, accepted: Bool = false) {
        self.loop = loop
        self.descriptor = descriptor
        self.kind = kind ?? Self.kind(of: descriptor)
        readsAhead = accepted
        // What the kernel refuses here, it refuses again when the stream is used.
        if !accepted { cl_nonblocking(descriptor, 1) }
    }

    deinit {
        if life == .raw && descriptor >= 0 { cl_close(descriptor) }
    }

    private static func kind(of descriptor: CInt) -> Kind {
        switch cl_socket_family(descriptor) {
        case AF_INET, AF_INET6: .tcp
        case AF_UNIX: .unix
        default: .pipe
        }
    }

    /// Whether `close` has been called, or the stream failed.
    public var isClosed: Bool { life == .closing || life == .closed || failure != 0 }

    // MARK: Reading

    /// Lets bytes come. Also goes on after `pauseReading`.
    public func startReading() {
        loop.assertCurrent()
        guard !isClosed, !wantsReading, !atEnd else { return }
        wantsReading = true
        if life == .raw {
            if readsAhead { readAhead() }
            readsAhead = false
            // The delegate may have closed the stream, or paused it, in the meantime.
            if isClosed || !openIfRaw() { return }
        }
        if let filter, filter.holdsInput { return resumeLater(filter) }
        if wantsReading && !atEnd { uvReadStart() }
    }

    /// What the filter held back comes in a turn of its own: whoever resumes does not expect bytes before that returns.
    private func resumeLater(_ filter: any StreamFilter) {
        loop.execute { [self] in
            if wantsReading, !isClosed, filter.holdsInput { filter.streamDidResume(self) }
        }
    }

    /// Reads on once the filter holds nothing back any more.
    func resumeFiltered() {
        if wantsReading, !atEnd, !isClosed, life == .open { uvReadStart() }
    }

    /// What stands between the bytes and the delegate; nil for a plain stream.
    public var filter: (any StreamFilter)? { extras?.filter }

    func setFilter(_ filter: any StreamFilter) { ensuredExtras.filter = filter }

    /// Goes on after `pauseReading`.
    public func resumeReading() { startReading() }

    /// Leaves further bytes with the kernel, so that the peer feels it.
    public func pauseReading() {
        loop.assertCurrent()
        guard wantsReading else { return }
        wantsReading = false
        if life == .open, let stream = unsafe uvStream {
            // SAFETY: open, and on the loop.
            unsafe uv_read_stop(stream)
        }
    }

    /// Whether bytes may come.
    public var isReading: Bool { wantsReading }

    /// Reads what the kernel has by now, before libuv tells of it. On the loop, in no callback of a stream; not for pipes.
    func readAvailable() {
        if wantsReading, !isClosed, !atEnd, kind != .pipe { readAhead() }
    }

    private func readAhead() {
        let local = loop.local
        if local.readBufferBusy || local.ending { return }
        let count = unsafe cl_recv(descriptor, local.readBuffer, LoopLocal.readCapacity)
        switch count {
        case 1...: deliver(count)
        case 0: didReadEnd()
        case -Int(EAGAIN): break
        default: fail(CInt(count))
        }
    }

    /// Hands `count` bytes of the loop's buffer to the delegate.
    func deliver(_ count: Int) {
        let local = loop.local
        let before = local.readBufferBusy
        local.readBufferBusy = true
        // SAFETY: `count` bytes were just read into the buffer, which nobody fills again before the flag is back.
        let bytes = unsafe UnsafeRawBufferPointer(start: local.readBuffer, count: count)
        if let filter {
            unsafe filter.stream(self, didReceive: Span<UInt8>(_unsafeBytes: bytes))
        } else {
            unsafe delegate?.stream(self, didRead: Span<UInt8>(_unsafeBytes: bytes))
        }
        local.readBufferBusy = before
    }

    func didReadEnd() {
        if let filter { filter.streamDidReceiveEnd(self) } else { deliverEnd() }
    }

    func deliverEnd() {
        atEnd = true
        wantsReading = false
        delegate?.streamDidEnd(self)
    }

    // MARK: Closing

    /// Closes the descriptor; what still waits to be written is dropped. Any number of times.
    public func close() {
        if let filter, !isClosed { filter.streamWillClose(self) }
        abort()
    }

    /// Closes without telling the peer that this is the end, where a filter would: what was sent must not pass for the whole.
    public func abort() {
        loop.assertCurrent()
        switch life {
        case .closing, .closed: return
        case .raw:
            life = .closing
            loop.local.defer(self)
        case .open:
            life = .closing
            uvClose()
        }
        loop.local.wheel.remove(self)
        wantsReading = false
    }

    /// Closes once everything written is with the kernel.
    public func closeWhenFlushed() {
        if pendingBytes == 0 { close() } else { closesWhenFlushed = true }
    }

    /// Tells the peer that no more will be written, once everything written is with the kernel. Not for pipes: close those.
    public func shutdownWrite() {
        loop.assertCurrent()
        if isClosed { return }
        if let filter, !filter.streamWillShutdownWrite(self) { return }
        if pendingBytes > 0 {
            endsWhenFlushed = true
        } else if kind != .pipe {
            // A peer that is gone shows by the next read.
            Glibc.shutdown(descriptor, CInt(SHUT_WR))
        }
    }

    /// Calls `streamDidTimeOut` once this much time has passed, rounded up to the wheel's quarter of a second; nil turns that
    /// off. Setting it anew for each request costs a store.
    public func setTimeout(_ duration: Duration?) {
        setTimeout(milliseconds: duration.map { max($0.milliseconds, 1) } ?? 0)
    }

    /// The same in milliseconds, 0 for off: a `Duration` takes a 128-bit division to become that.
    public func setTimeout(milliseconds: UInt64) {
        loop.assertCurrent()
        guard !isClosed, !loop.local.ending, milliseconds > 0 else {
            loop.local.wheel.remove(self)
            return
        }
        if life == .raw {
            wheelLink.pending = UInt32(clamping: milliseconds)
        } else {
            loop.local.wheel.set(self, milliseconds: milliseconds, loop: loop)
        }
    }

    /// Remembers a failure; the delegate is told when the current callback has done, never within its own call.
    func fail(_ code: CInt) {
        guard !isClosed else { return }
        failure = code
        wantsReading = false
        loop.local.defer(self)
    }

    func loopIsEnding() { fail(UVError.cancelledCode) }

    /// What was put off: a failure to tell, or the close of a stream that libuv never saw.
    func settle() {
        if failure != 0 && (life == .raw || life == .open) {
            let operation = filter?.failureDescription ?? "stream"
            delegate?.stream(self, didFail: UVError(code: failure, operation: operation))
            if life == .raw || life == .open {
                close()
                return
            }
        }
        if unsafe life == .closing && handle == nil {
            cl_close(descriptor)
            didClose()
        }
    }

    func didClose() {
        life = .closed
        descriptor = -1
        let delegate = delegate
        self.delegate = nil
        filter?.streamDidClose(self)
        delegate?.streamDidClose(self)
    }

    // MARK: libuv

    var uvStream: UnsafeMutablePointer<uv_stream_t>? { unsafe handle?.assumingMemoryBound(to: uv_stream_t.self) }

    /// Makes the stream known to libuv; false when that failed (and the failure will be told).
    func openIfRaw() -> Bool {
        guard life == .raw else { return life == .open }
        if loop.local.ending {
            fail(UVError.cancelledCode)
            return false
        }
        let code = uvOpen()
        if code < 0 {
            fail(code)
            return false
        }
        life = .open
        let pending = wheelLink.pending
        if pending > 0 { loop.local.wheel.set(self, milliseconds: UInt64(pending), loop: loop) }
        return true
    }
}
