internal import COpenSSL
public import Runtime

/// What the connections of a client share: trust roots, its certificate, and the sessions to resume. For any thread.
public final class TLSClientContext: Sendable {
    /// How it speaks.
    public let configuration: TLSClientConfiguration
    let context: SSLContext
    let sessions: SessionCache?

    /// A context of a configuration. Reads the system's trust roots where they are wanted: not on a loop.
    ///
    /// - Parameter configuration: how to speak.
    /// - Throws: `TLSError` (`badConfiguration`).
    public init(_ configuration: TLSClientConfiguration = TLSClientConfiguration()) throws(TLSError) {
        self.configuration = configuration
        context = try SSLContext(isServer: false, minimumVersion: configuration.minimumVersion)
        try context.trust(configuration.trust)
        context.verify(SSL_VERIFY_PEER)
        if let identity = configuration.identity { try context.use(identity) }
        try context.offer(configuration.applicationProtocols)
        sessions = configuration.maxSessions > 0 ? SessionCache(limit: configuration.maxSessions) : nil
        guard sessions != nil else {
            _ = cossl_set_session_cache_mode(context.raw, Int(SSL_SESS_CACHE_OFF))
            return
        }
        _ = cossl_set_session_cache_mode(
            context.raw, Int(SSL_SESS_CACHE_CLIENT) | Int(SSL_SESS_CACHE_NO_INTERNAL))
        SSL_CTX_sess_set_new_cb(context.raw) { ssl, session in
            guard let session, let engine = TLSEngine.of(ssl), engine.keep(session) else { return 0 }
            return 1
        }
    }

    /// What makes this client's connections to the server of a name: for HTTP's `Client`.
    ///
    /// - Parameter name: the name, or address, that the server's certificate must have.
    /// - Returns: the connector.
    /// - Throws: `TLSError` (`badConfiguration`) when it can't be a name.
    public func connector(serverName name: String) throws(TLSError) -> TLSConnector {
        TLSConnector(context: self, name: try ServerName(name))
    }
}

/// Connects by TLS to a server of a certain name.
public struct TLSConnector: Connector {
    /// What it connects with.
    public let context: TLSClientContext
    /// The name that the server's certificate must have.
    public let name: ServerName

    /// https's.
    public var defaultPort: UInt16 { 443 }
    /// The name.
    public var serverName: String? { name.text }

    /// Connects, and returns after the handshake.
    ///
    /// - Parameters:
    ///   - address: where to.
    ///   - loop: where the connection lives.
    ///   - timeout: how long at most, handshake included.
    /// - Returns: the connection; what is written to it goes encrypted.
    /// - Throws: `TLSError`, `UVError`, `DeadlineError`, `CancellationError`. Nothing is left open then.
    public func connect(
        to address: SocketAddress, on loop: EventLoop, timeout: Duration
    ) async throws -> Connection {
        try await TLSConnection.connect(to: address, name: name, on: loop, with: context, timeout: timeout).connection
    }
}
