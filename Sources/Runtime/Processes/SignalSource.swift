internal import CLibuv

/// Signals sent to this process, as elements of a channel.
///
/// While it is open, these signals do nothing else. Several of the same kind before anyone receives come as one, as
/// signals do: each kind waits at most once, and none is lost to another's number.
public final class SignalSource: Sendable {
    /// The signals, in the order of their arrival; finished by `close` or the loop's end.
    public let signals = AsyncChannel<CInt>(capacity: SignalSource.kinds)
    /// More than Linux has: signal(7) ends with SIGRTMAX, 64.
    private static let kinds = 65
    private let loop: EventLoop
    private let handles: Handover<[SignalHandle]>

    /// Begins to take the signals; they have been taken over when this returns.
    ///
    /// - Parameters:
    ///   - numbers: SIGTERM, SIGINT, ...; not SIGKILL or SIGSTOP.
    ///   - loop: where they arrive.
    ///   - isolation: the caller's actor, on whose executor this waits.
    /// - Throws: `UVError` for a signal that cannot be caught.
    public init(_ numbers: [CInt], on loop: EventLoop, isolation: isolated (any Actor)? = #isolation) async throws {
        self.loop = loop
        let handles = Handover<[SignalHandle]>()
        self.handles = handles
        let signals = signals
        let started = OneShot<Void>()
        loop.run {
            started.resolve(
                Result {
                    var made: [SignalHandle] = []
                    do {
                        for number in numbers { made.append(try SignalHandle(number, signals, on: loop)) }
                    } catch {
                        for handle in made { handle.close() }
                        throw error
                    }
                    handles.value = made
                })
        }
        try await started.value()
    }

    deinit { close() }

    /// Gives the signals back their former meaning and finishes the channel. Any number of times.
    public func close() {
        let (handles, signals) = (handles, signals)
        loop.run {
            for handle in handles.value ?? [] { handle.close() }
            handles.value = nil
            signals.finish()
        }
    }
}

/// libuv's handle for one signal. On the loop only.
@safe
private final class SignalHandle: HandleOwner {
    // SAFETY: used on the loop's thread; the memory is freed in the close callback, and the data word retains this until then.
    private var handle: UnsafeMutablePointer<uv_signal_t>?
    private let channel: AsyncChannel<CInt>

    init(_ number: CInt, _ channel: AsyncChannel<CInt>, on loop: EventLoop) throws(UVError) {
        self.channel = channel
        if loop.local.ending { throw UVError.cancelled("signal \(number)") }
        let memory = UnsafeMutablePointer<uv_signal_t>.allocate(capacity: 1)
        let made = unsafe uv_signal_init(loop.uv, memory)
        if made < 0 {
            unsafe memory.deallocate()
            throw UVError(code: made, operation: "signal \(number)")
        }
        unsafe memory.pointee.data = Unmanaged.passRetained(self as AnyObject).toOpaque()
        unsafe handle = memory
        let code = unsafe uv_signal_start(
            memory,
            { handle, number in
                guard let raw = unsafe handle?.pointee.data else { return }
                let owner = unsafe Unmanaged<AnyObject>.fromOpaque(raw).takeUnretainedValue()
                unsafe EventLoop.of(handle?.pointee.loop)?.observation.began(.readiness)
                (owner as? SignalHandle)?.channel.core.trySend(number, unlessWaiting: { $0 == number })
                unsafe EventLoop.of(handle?.pointee.loop)?.afterCallback()
            }, number)
        if code < 0 {
            close()
            throw UVError(code: code, operation: "signal \(number)")
        }
    }

    func close() {
        guard let handle = unsafe handle else { return }
        unsafe self.handle = nil
        unsafe uv_close(rawHandle(handle)) { raw in
            guard let raw = unsafe raw, let data = unsafe raw.pointee.data else { return }
            let loop = unsafe EventLoop.of(raw.pointee.loop)
            unsafe UnsafeMutableRawPointer(raw).assumingMemoryBound(to: uv_signal_t.self).deallocate()
            // Letting go may let others go, whose ends resume tasks.
            unsafe Unmanaged<AnyObject>.fromOpaque(data).release()
            loop?.afterCallback()
        }
    }

    func loopIsEnding() {
        close()
        channel.finish()
    }
}
