public import Runtime

/// What answers requests. Called synchronously in the loop's read callback, so it must not block; what has to wait
/// answers `.task`.
public protocol RequestHandler: Sendable {
    /// The answer to a request whose head has arrived.
    ///
    /// - Parameters:
    ///   - request: the head, lent for this call. A body, if there is one, hasn't been read yet: only `.task` and
    ///     `.streaming` get it; with any other answer it is read and dropped.
    ///   - context: the connection it came on.
    ///   - isolation: the loop's actor, for state that lives on the loop.
    /// - Returns: what to do.
    func handle(
        _ request: borrowing RequestView, from context: ConnectionContext, isolation: isolated LoopActor
    ) -> Answer
}

/// What a handler wants done with a request.
public enum Answer: Sendable {
    /// Send this; nothing is allocated.
    case prepared(PreparedResponse)
    /// Send this.
    case respond(Response)
    /// Read the body up to the configured limit, then run this as a task on the connection's loop. The task exists
    /// only from here on; it is cancelled when the peer is gone or the server stops. An error is answered with 500.
    case task(@Sendable (Request) async throws -> Response)
    /// Run this as a task at once, with the body still to come: it reads the body in pieces, and the peer is left waiting
    /// while it doesn't. `Request.body` is empty. What it throws of the body's own errors is answered as the protocol says
    /// (400, 408, 413); anything else as with `.task`. Small rests of the body are read and dropped after the answer; a
    /// large one ends the connection.
    case streaming(@Sendable (Request, RequestBody) async throws -> Response)
    /// Answer later, at a change or a deadline: no task waits meanwhile.
    case hold(Hold)
    /// Close the connection without a byte.
    case hangUp
}

/// What a handler may know of the connection a request came on.
public struct ConnectionContext: Sendable {
    /// What `ServerConfiguration.admit` made of the socket; 0 without it.
    public let token: UInt64
    /// The loop that the connection lives on.
    public let loop: EventLoop
    /// What only some connections have: a server has thousands of the others.
    private let details: Details?

    /// Who is at the other end of a unix socket; nil for TCP.
    public var credentials: PeerCredentials? { details?.credentials }
    /// What protects the connection: with TLS a `TLSStream`, whose `info` has the client's certificate. Nil for a plain one.
    public var filter: (any StreamFilter)? { details?.filter }

    private final class Details: Sendable {
        let credentials: PeerCredentials?
        let filter: (any StreamFilter)?

        init(credentials: PeerCredentials?, filter: (any StreamFilter)?) {
            self.credentials = credentials
            self.filter = filter
        }
    }

    /// A context made by hand, for the tests of handlers.
    public init(
        token: UInt64 = 0, credentials: PeerCredentials? = nil, loop: EventLoop, filter: (any StreamFilter)? = nil
    ) {
        self.token = token
        self.loop = loop
        details = credentials == nil && filter == nil ? nil : Details(credentials: credentials, filter: filter)
    }
}
