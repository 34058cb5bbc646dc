internal import CLinux
internal import Glibc

/// A unix stream socket that carries open descriptors along with bytes. Any thread, any task.
///
/// Bytes form a stream: whoever needs messages frames them. Descriptors arrive with the first byte of the send they were
/// given to. Closed when nobody holds it, or by `close`.
public final class FDSocket: Sendable {
    /// What one receive gives.
    public struct Message: Sendable {
        /// At least one byte.
        public var bytes: [UInt8]
        /// Descriptors that came with them: close-on-exec, closed when let go.
        public var descriptors: [FileDescriptor]
    }

    /// The most descriptors that one send takes.
    public static let descriptorLimit = Int(CL_MAX_FDS)

    /// Where its I/O happens.
    public let loop: EventLoop
    /// Who is at the other end.
    public let peer: PeerCredentials?
    private let core: SocketCore<Message?>

    /// Takes over a connected unix socket. Any thread.
    public init(adopting descriptor: CInt, on loop: EventLoop) {
        self.loop = loop
        peer = PeerCredentials(of: descriptor)
        core = SocketCore(descriptor, on: loop, attempt: Self.take)
    }

    deinit { close() }

    /// Connects to a unix socket by its path.
    public static func connect(
        to path: String, on loop: EventLoop, timeout: Duration = .seconds(10),
        isolation: isolated (any Actor)? = #isolation
    ) async throws -> FDSocket {
        let descriptor = try await Connection.connectedDescriptor(to: .unix(path: path), on: loop, timeout: timeout)
        return FDSocket(adopting: descriptor, on: loop)
    }

    /// Two sockets connected to each other.
    public static func pair(on loop: EventLoop) throws(SystemError) -> (FDSocket, FDSocket) {
        var ends: [CInt] = [-1, -1]
        try SystemError.check(unsafe cl_socketpair(CInt(SOCK_STREAM.rawValue), &ends), "socketpair")
        return (FDSocket(adopting: ends[0], on: loop), FDSocket(adopting: ends[1], on: loop))
    }

    /// Sends all of the bytes, and copies of the descriptors with the first of them.
    ///
    /// - Parameters:
    ///   - bytes: at least one.
    ///   - descriptors: at most `descriptorLimit`; they stay the caller's and may be closed when this has returned or thrown.
    ///   - isolation: the caller's actor, on whose executor this waits.
    /// - Throws: `SystemError` or `UVError` when the socket failed or was closed; `CancellationError`, and then either nothing
    ///   has been sent or all of it follows in the background.
    public func send(
        _ bytes: [UInt8], descriptors: [CInt] = [], isolation: isolated (any Actor)? = #isolation
    ) async throws {
        precondition(!bytes.isEmpty, "descriptors travel with at least one byte")
        try Task.checkCancellation()
        var copies: [FileDescriptor] = []
        for descriptor in descriptors {
            copies.append(FileDescriptor(owning: try SystemError.check(cl_dup(descriptor), "dup")))
        }
        let outcome = OneShot<Void>()
        let core = core
        loop.run { [copies] in core.send(Self.outgoing(bytes, copies, to: core.descriptor, outcome)) }
        try await outcome.cancellableValue { core.loop.execute { core.takeBack(outcome) } }
    }

    /// The next bytes and what came with them, as soon as there are any.
    ///
    /// - Parameter isolation: the caller's actor, on whose executor this waits.
    /// - Returns: the message, or nil once the peer sends no more.
    /// - Throws: `SystemError` or `UVError` when the socket failed or was closed; `CancellationError`, by which nothing is lost.
    public func receive(isolation: isolated (any Actor)? = #isolation) async throws -> Message? {
        try await core.receive()
    }

    /// Closes: whoever still sends or receives gets an error. Any number of times.
    public func close() {
        let core = core
        loop.run { core.close(UVError.cancelled("socket")) }
    }

    private static func outgoing(
        _ bytes: [UInt8], _ descriptors: [FileDescriptor], to socket: CInt, _ outcome: OneShot<Void>
    ) -> SocketCore<Message?>.Outgoing {
        var done = 0
        return .init(outcome) {
            while done < bytes.count {
                let numbers = done == 0 ? descriptors.map(\.number) : []
                // SAFETY: the pointers are used within the call only.
                let sent = unsafe bytes.withUnsafeBufferPointer { buffer in
                    let rest = unsafe UnsafeBufferPointer(rebasing: buffer[done...])
                    return unsafe cl_sendmsg_fds(socket, rest.baseAddress, rest.count, numbers, CInt(numbers.count))
                }
                if sent == -Int(EAGAIN) { return done == 0 ? .nothing : .part }
                done += try SystemError.check(sent, "send")
            }
            return .all
        }
    }

    private static func take(from socket: CInt) throws -> Message?? {
        var numbers = [CInt](repeating: -1, count: descriptorLimit)
        var count: CInt = 0
        var received = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 65536) { buffer, initialized in
            // SAFETY: at most `buffer.count` bytes are written, and as many as `received` says.
            received = unsafe cl_recvmsg_fds(
                socket, buffer.baseAddress, buffer.count, &numbers, CInt(numbers.count), &count)
            initialized = max(received, 0)
        }
        let descriptors = numbers.prefix(Int(count)).map { FileDescriptor(owning: $0) }
        if received == -Int(EAGAIN) { return nil }
        try SystemError.check(received, "receive")
        return received == 0 ? .some(nil) : .some(Message(bytes: bytes.trimmed(), descriptors: descriptors))
    }
}

/// A listening unix socket whose connections carry descriptors. Any thread, any task.
public final class FDListener: Sendable {
    /// Where its I/O happens.
    public let loop: EventLoop
    private let core: SocketCore<FileDescriptor>

    /// Takes over a listening socket.
    public init(adopting descriptor: CInt, on loop: EventLoop) {
        self.loop = loop
        core = SocketCore(descriptor, on: loop) { socket in
            let accepted = cl_accept4(socket)
            if accepted == -EAGAIN || accepted == -ECONNABORTED { return nil }
            return FileDescriptor(owning: try SystemError.check(accepted, "accept"))
        }
    }

    /// Listens at a path, which must not exist.
    public convenience init(path: String, on loop: EventLoop, backlog: CInt = 128) throws {
        self.init(adopting: try Listener.socket(on: .unix(path: path), backlog: backlog), on: loop)
    }

    deinit { close() }

    /// The next connection. While the process has no descriptor left, this waits until it has.
    public func accept(isolation: isolated (any Actor)? = #isolation) async throws -> FDSocket {
        FDSocket(adopting: try await core.receive().release(), on: loop)
    }

    /// The next connection as a descriptor, the caller's to close: for any kind of listening socket.
    public func acceptDescriptor(isolation: isolated (any Actor)? = #isolation) async throws -> CInt {
        try await core.receive().release()
    }

    /// Closes the socket; its path stays. Any number of times.
    public func close() {
        let core = core
        loop.run { core.close(UVError.cancelled("listener")) }
    }
}
