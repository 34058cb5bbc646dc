internal import Runtime

/// A call under way: its request is sent, what comes is put together, and tasks wait for it.
///
/// On the connection's loop, but for `cancel`. One task reads at a time. What nobody reads stays with the server: beyond the
/// message that is arriving it may send `HTTP2Session.streamWindow` bytes, and then waits.
final class GRPCCall: HTTP2StreamHandler, @unchecked Sendable {
    // SAFETY: all members but `loop` are used on its thread.

    private let loop: EventLoop
    private let connection: HTTP2Connection
    private var id: Int32 = 0
    private var receiver: GRPCReceiver
    /// Bytes that came and that the server does not know to be consumed.
    private var held = 0
    private var waiter: Ticket<[UInt8]?>?
    /// Whether who waits is told at the end alone, with the one message there is.
    private var wantsWhole = false
    private var timer: ScheduledTimer?

    /// Sends a request. On the loop.
    ///
    /// - Parameters:
    ///   - path: the method's.
    ///   - metadata: what goes along with it; its timeout is held on this side too.
    ///   - frame: the request's message, framed.
    ///   - ends: whether it is all that this side has to say.
    ///   - connection: where to.
    ///   - maxMessage: the longest answer that is taken, in bytes.
    /// - Throws: `GRPCFailure` when nothing was sent.
    init(
        _ path: HTTP2Field, _ metadata: GRPCMetadata, frame: [UInt8], ends: Bool, on connection: HTTP2Connection,
        maxMessage: Int
    ) throws(GRPCFailure) {
        loop = connection.loop
        self.connection = connection
        receiver = GRPCReceiver(maxMessage: maxMessage)
        do throws(HTTP2Failure) {
            id = try connection.open(metadata.head(path), body: frame, ends: ends, handler: self)
        } catch {
            // Nothing was sent: wherever the request is sent next, it is sent once.
            throw .refused
        }
        if let timeout = metadata.timeout {
            timer = loop.schedule(after: timeout) { [weak self] in self?.finish(.deadline) }
        }
    }

    /// The answer of a call that has one. On the loop.
    ///
    /// - Throws: `GRPCFailure`; `cancelled` when the task is, and heeds it: the call is cancelled then.
    func answer(
        heedsCancellation: Bool, isolation: isolated (any Actor)? = #isolation
    ) async throws(GRPCFailure) -> [UInt8] {
        wantsWhole = true
        var answer: [UInt8]?
        while let message = try await next(heedsCancellation: heedsCancellation) {
            if answer != nil { throw .malformed("two answers to one request") }
            answer = message
        }
        guard let answer else { throw .malformed("no answer and no error") }
        return answer
    }

    /// The next message; nil when the server ended the call without an error. On the loop.
    ///
    /// - Throws: `GRPCFailure`, after everything that came before it; `cancelled` when the task is, and heeds it: the call is
    ///   over then.
    func next(
        heedsCancellation: Bool = true, isolation: isolated (any Actor)? = #isolation
    ) async throws(GRPCFailure) -> [UInt8]? {
        // Without the caller's isolation this would run on the global pool, and miss what arrives meanwhile.
        precondition(loop.isCurrent, "a call is used on its connection's loop")
        if let now = ready() { return try now.get() }
        let ticket = Ticket<[UInt8]?>()
        waiter = ticket
        do {
            guard heedsCancellation else { return try await ticket.value() }
            return try await withTaskCancellationHandler {
                try await ticket.value()
            } onCancel: {
                cancel()
            }
        } catch let failure as GRPCFailure {
            throw failure
        } catch {
            throw .lost("\(error)")
        }
    }

    /// Ends the call, wherever it is. Any thread, any number of times.
    func cancel() { loop.run { [self] in finish(.cancelled) } }

    /// Ends the call with an error of this side. On the loop.
    func finish(_ failure: GRPCFailure) {
        guard receiver.end == nil else { return }
        receiver.close(failure)
        connection.cancel(id)
        wake()
    }

    /// What can be told without waiting.
    private func ready() -> Result<[UInt8]?, GRPCFailure>? {
        if let message = receiver.take() {
            release()
            return .success(message)
        }
        guard let end = receiver.end else { return nil }
        timer?.cancel()
        return receiver.isOK ? .success(nil) : .failure(end)
    }

    private func wake() {
        if wantsWhole, receiver.end == nil { return }
        guard let ticket = waiter, let result = ready() else { return }
        waiter = nil
        ticket.settle(result.mapError { $0 as any Error })
    }

    /// Lets more come, unless a message waits to be read.
    private func release() {
        guard held > 0, receiver.messages.isEmpty, receiver.end == nil else { return }
        connection.consume(held, of: id)
        held = 0
    }

    // MARK: From the session

    func didReceive(field name: String, value: String) { receiver.receive(field: name, value: value) }

    func didReceiveFields(isLast: Bool) {}

    func didReceive(data: UnsafeBufferPointer<UInt8>) {
        held += data.count
        let wasOpen = receiver.end == nil
        receiver.receive(data: data)
        if wasOpen, receiver.end != nil { connection.cancel(id) }
        if receiver.messages.count > 0 || receiver.end != nil { wake() }
        release()
    }

    func didEndInput() {
        receiver.receiveEnd()
        wake()
    }

    func didClose(_ failure: HTTP2Failure?) {
        receiver.close(failure)
        wake()
    }
}
