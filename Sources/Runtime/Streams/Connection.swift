internal import CLinux

/// A connected stream for tasks: reads and writes that suspend, from any task on any loop.
///
/// It hops to its own loop by itself; on that loop, what is there already is read and written without suspending. Closed
/// when nobody holds it, or by `close`. One task reads at a time; writes are sent whole and in the order of their calls.
public final class Connection: Sendable {
    /// Where its I/O happens.
    public let loop: EventLoop
    let core: ConnectionCore
    private let credentials: PeerCredentials?

    /// Takes over a connected descriptor: socket, pipe or terminal. Any thread. Of anything else, such as a file as standard
    /// input, reads fail with `UVError` (EPERM, as epoll_ctl(2) has it), and writes too: `Files` and `File` are for those.
    ///
    /// - Parameters:
    ///   - descriptor: the socket or pipe.
    ///   - loop: where the connection lives.
    ///   - options: set on a TCP socket, as far as the kernel allows.
    ///   - filter: what its bytes go through.
    public init(
        adopting descriptor: CInt, on loop: EventLoop, options: TCPOptions = TCPOptions(),
        filter: (any StreamFilter)? = nil
    ) {
        self.loop = loop
        let stream = StreamHandle(adopting: descriptor, on: loop)
        // What the kernel refuses here is not worth the connection.
        if stream.kind == .tcp { try? options.apply(to: descriptor) }
        credentials = stream.kind == .unix ? PeerCredentials(of: descriptor) : nil
        core = ConnectionCore(stream)
        let core = core
        loop.run {
            if let filter { core.stream.install(filter) }
            core.start()
        }
    }

    /// Goes on with a stream that callbacks have served so far, and with what they have read beyond their own. On the loop.
    public init(continuing stream: StreamHandle, read bytes: [UInt8] = []) {
        loop = stream.loop
        credentials = stream.kind == .unix ? PeerCredentials(of: stream.descriptor) : nil
        core = ConnectionCore(stream)
        core.buffer.append(bytes)
        core.start()
    }

    deinit { close() }

    /// Connects.
    ///
    /// - Parameters:
    ///   - address: where to.
    ///   - loop: where the connection lives.
    ///   - timeout: how long at most.
    ///   - options: set on a TCP socket.
    ///   - filter: what its bytes go through; it may still have to come to an agreement with the peer when this returns.
    ///   - isolation: the caller's actor, on whose executor this waits.
    /// - Returns: the connection.
    /// - Throws: `UVError` (refused, unreachable, ...), `DeadlineError` after `timeout`, `CancellationError`. Nothing is left
    ///   open then.
    public static func connect(
        to address: SocketAddress, on loop: EventLoop, timeout: Duration = .seconds(10),
        options: TCPOptions = TCPOptions(), filter: (any StreamFilter)? = nil,
        isolation: isolated (any Actor)? = #isolation
    ) async throws -> Connection {
        let descriptor = try await connectedDescriptor(to: address, on: loop, timeout: timeout)
        return Connection(adopting: descriptor, on: loop, options: options, filter: filter)
    }

    /// As `connect`, for whoever makes a stream of callbacks of it: the descriptor is the caller's.
    package static func connectedDescriptor(
        to address: SocketAddress, on loop: EventLoop, timeout: Duration,
        isolation: isolated (any Actor)? = #isolation
    ) async throws -> CInt {
        try Task.checkCancellation()
        let outcome = OneShot<CInt>()
        let attempt = Handover<ConnectAttempt>()
        loop.run {
            // A cancelled attempt ends at its own next step; one that is waiting is told below.
            attempt.value = ConnectAttempt(address, on: loop, timeout: timeout, outcome: outcome)
        }
        return try await outcome.cancellableValue { loop.execute { attempt.value?.abandon() } }
    }

    /// Who is at the other end of a unix socket; nil for other kinds.
    public func peerCredentials() -> PeerCredentials? { credentials }

    /// The next bytes, as soon as there are any.
    ///
    /// - Parameters:
    ///   - limit: how many at most; the rest stays for the next read.
    ///   - isolation: the caller's actor, on whose executor this waits.
    /// - Returns: at least one byte, or nil once the peer sends no more.
    /// - Throws: `UVError` when the connection failed or was closed, after everything received before has been read, or, with
    ///   `isBusy`, while another task reads, which is not disturbed; `CancellationError`, by which no byte is lost: the
    ///   connection stays usable.
    public func read(upTo limit: Int = 65536, isolation: isolated (any Actor)? = #isolation) async throws -> [UInt8]? {
        precondition(limit > 0, "a read of nothing")
        try Task.checkCancellation()
        if loop.isCurrent, let now = core.readNow(limit) { return try now.get() }
        let outcome = OneShot<[UInt8]?>()
        let core = core
        // Sent off within the handler's reach: once a task has been cancelled, no read of it can still become the reader.
        return try await withTaskCancellationHandler {
            loop.run { core.read(limit, outcome) }
            return try await outcome.value(isolation: isolation)
        } onCancel: {
            outcome.resolve(.failure(CancellationError()))
        }
    }

    /// Sends all of the bytes; returns when the kernel has them.
    ///
    /// - Parameters:
    ///   - bytes: what to send.
    ///   - isolation: the caller's actor, on whose executor this waits.
    /// - Throws: `UVError` when the connection failed or was closed; `CancellationError`, and then either nothing has been
    ///   sent, or all of it follows in the background: never a part.
    public func write(_ bytes: [UInt8], isolation: isolated (any Actor)? = #isolation) async throws {
        try Task.checkCancellation()
        if bytes.isEmpty { return }
        let core = core
        let outcome = OneShot<Void>()
        if loop.isCurrent {
            if core.write(bytes, outcome) { return }
        } else {
            loop.execute { if core.write(bytes, outcome) { outcome.resolve(.success(())) } }
        }
        try await outcome.cancellableValue()
    }

    /// Sets the options of a TCP connection; of others nothing.
    ///
    /// - Parameters:
    ///   - options: all of them are set.
    ///   - isolation: the caller's actor, on whose executor this waits: a turn of the connection's loop.
    /// - Throws: `UVError` when the connection is closed, `SystemError` when the kernel refuses a value.
    public func setOptions(_ options: TCPOptions, isolation: isolated (any Actor)? = #isolation) async throws {
        let outcome = OneShot<Void>()
        let core = core
        loop.run {
            outcome.resolve(
                Result {
                    if core.stream.isClosed { throw UVError.cancelled("connection") }
                    if core.stream.kind == .tcp { try options.apply(to: core.stream.descriptor) }
                })
        }
        try await outcome.value()
    }

    /// Tells the peer that nothing more will be sent, after what has been written. Reading goes on.
    public func shutdownWrite(isolation: isolated (any Actor)? = #isolation) async throws {
        try Task.checkCancellation()
        let outcome = OneShot<Void>()
        let core = core
        loop.run { outcome.resolve(core.shutdownWrite()) }
        try await outcome.value()
    }

    /// Closes: whoever still reads or writes gets an error. Any thread, any number of times.
    public func close() {
        let core = core
        loop.run { core.close(UVError.cancelled("connection")) }
    }

    /// Closes with a reset instead of an orderly end, so that the peer's reads fail.
    public func reset() {
        let core = core
        loop.run {
            if core.stream.descriptor >= 0 { cl_linger_zero(core.stream.descriptor) }
            core.stream.abort()
            core.close(UVError.cancelled("connection"))
        }
    }
}

/// A place on the loop for what is made there later.
final class Handover<Value>: @unchecked Sendable {
    // SAFETY: used on one loop's thread.
    var value: Value?
}
