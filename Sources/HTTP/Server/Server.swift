public import Runtime

/// An HTTP/1.1 server on one loop.
///
/// For several loops make one a loop, each listening on a socket of its own of a SO_REUSEPORT group. All methods may be
/// called on any thread.
public final class Server: Sendable {
    /// The loop that everything of this server happens on.
    public let loop: EventLoop
    private let core: ServerCore

    /// A server that doesn't listen yet.
    ///
    /// - Parameters:
    ///   - loop: where it lives.
    ///   - configuration: limits and time-outs.
    ///   - handler: what answers.
    public init(
        loop: EventLoop, configuration: ServerConfiguration = ServerConfiguration(), handler: any RequestHandler
    ) {
        self.loop = loop
        core = ServerCore(loop: loop, configuration: configuration, handler: handler)
    }

    /// Accepts from a listening socket, TCP or unix, made elsewhere. May be called for any number of them.
    ///
    /// - Parameters:
    ///   - descriptor: the socket; from here on it's the server's, whatever happens.
    ///   - security: what its connections are protected by: a `TLSServerContext`; nil for plain ones.
    /// - Returns: what ends listening on this socket alone.
    /// - Throws: `UVError` when it can't be polled, or the server was stopped.
    @discardableResult
    public func listen(
        adopting descriptor: CInt, security: (any StreamSecurity)? = nil
    ) async throws -> ServerListener {
        let core = core
        return try await onLoop { ServerListener(core: core, listener: try $0.listen(descriptor, security).listener) }
    }

    /// Makes a listening socket and accepts from it.
    ///
    /// - Parameters:
    ///   - address: where to listen; port 0 lets the kernel choose. An existing unix path is not removed.
    ///   - reusePort: share the port with the servers of other loops.
    ///   - security: what its connections are protected by: a `TLSServerContext`; nil for plain ones.
    /// - Returns: the address with its real port.
    /// - Throws: `SystemError` when the address can't be bound; `UVError`.
    @discardableResult
    public func listen(
        on address: SocketAddress, reusePort: Bool = false, security: (any StreamSecurity)? = nil
    ) async throws -> SocketAddress {
        let descriptor = try Listener.socket(on: address, reusePort: reusePort)
        let bound = try await onLoop { try $0.listen(descriptor, security).address }
        if case .unix = address { return address }
        return bound ?? address
    }

    /// Stops: no connection is accepted any more, idle ones are closed, held requests get their current answer, requests under
    /// way are answered, all with `Connection: close`. What is not done by the deadline is cut, its tasks cancelled; upgraded connections too.
    ///
    /// Returns when no connection is left, at once if the loop has ended; does not heed cancellation. Tasks that wait or stream
    /// without end should be told by other means to come to their end, otherwise they are what the deadline is for.
    ///
    /// - Parameter duration: how long what is under way may go on.
    public func stop(within duration: Duration) async {
        let core = core
        let cut = loop.schedule(after: duration) { core.cutAll() }
        await withCheckedContinuation { continuation in
            loop.run {
                core.beginDrain()
                core.whenEmpty(continuation)
            }
        }
        cut.cancel()
    }

    /// What the server has done so far.
    public var counters: ServerCounters {
        get async {
            let core = core
            return await withCheckedContinuation { continuation in
                loop.run {
                    var counters = core.counters
                    counters.connections = core.connectionCount
                    counters.bytesInFlight = core.bytesInFlight
                    continuation.resume(returning: counters)
                }
            }
        }
    }

    private func onLoop<T: Sendable>(_ body: @escaping @Sendable (ServerCore) throws -> T) async throws -> T {
        let core = core
        return try await withCheckedThrowingContinuation { continuation in
            loop.run { continuation.resume(with: Result { try body(core) }) }
        }
    }
}

/// One listening socket of a server, to close it before the server stops.
public final class ServerListener: @unchecked Sendable {
    // SAFETY: the listener is used on the server's loop alone.
    private let core: ServerCore
    private let listener: Listener

    init(core: ServerCore, listener: Listener) {
        self.core = core
        self.listener = listener
    }

    /// Accepts no more from this socket and closes it; its connections go on. Any thread, any number of times.
    public func close() async {
        await withCheckedContinuation { continuation in
            core.loop.run { [self] in
                core.close(listener)
                continuation.resume()
            }
        }
    }
}
