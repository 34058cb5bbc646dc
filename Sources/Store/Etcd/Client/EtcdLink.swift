internal import Glibc
internal import Runtime
internal import TLS

/// A connection to one member. On its loop only.
final class EtcdLink: @unchecked Sendable {
    // SAFETY: the two variables are used on the connection's loop, by its client.

    let endpoint: EtcdEndpoint
    let connection: HTTP2Connection
    private let server: GRPCServer
    /// Whether a read by it has shown that this is the store worked with so far, and no older one.
    var isVerified = false
    /// Why nothing may be read or written by it.
    var refusal: StoreError?

    init(endpoint: EtcdEndpoint, connection: HTTP2Connection) {
        self.endpoint = endpoint
        self.connection = connection
        server = GRPCServer(scheme: endpoint.isSecure ? "https" : "http", authority: endpoint.authority)
    }

    /// What goes along with a call to this member.
    func metadata(token: String?, timeout: Duration?) -> GRPCMetadata {
        GRPCMetadata(server: server, token: token, timeout: timeout)
    }

    /// Connects, and returns once the member has shown that it speaks HTTP/2.
    ///
    /// - Parameters:
    ///   - endpoint: where to.
    ///   - configuration: how.
    ///   - security: what it speaks TLS with.
    ///   - loop: where the connection lives; the caller is on it.
    ///   - isolation: the caller's actor.
    /// - Returns: the connection.
    /// - Throws: what was wrong: `UVError`, `HostConnectError`, `TLSError`, `HTTP2Failure`, `StoreError`; `CancellationError`.
    ///   Nothing is left open then.
    static func connect(
        to endpoint: EtcdEndpoint, _ configuration: EtcdConfiguration, _ security: EtcdSecurity?, on loop: EventLoop,
        isolation: isolated (any Actor)? = #isolation
    ) async throws -> EtcdLink {
        let start = loop.now
        var filter: TLSStream?
        if endpoint.isSecure {
            guard let security else {
                throw StoreError(.invalid, "\(endpoint) needs TLS, and nothing is configured for it")
            }
            let name = try ServerName(security.serverName ?? endpoint.host)
            filter = TLSStream(try TLSEngine(client: security.context, serverName: name, place: endpoint.authority))
        }
        let descriptor = try await Connection.connectedDescriptor(
            toHost: endpoint.host, port: endpoint.port, on: loop, timeout: configuration.connectTimeout)
        // Frames are small, and each turn's are written at once: none is to wait for the acknowledgement of those before it.
        var yes: CInt = 1
        setsockopt(descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<CInt>.size))
        let stream = StreamHandle(adopting: descriptor, on: loop, kind: .tcp)
        if let filter { stream.install(filter) }
        let timing = HTTP2Connection.Timing(
            pingInterval: configuration.pingInterval, pingPatience: configuration.pingPatience)
        let connection = try HTTP2Connection(stream, name: endpoint.description, timing: timing)
        let left = max(configuration.connectTimeout - (loop.now - start), .milliseconds(1))
        let timer = loop.schedule(after: left) { connection.close("\(endpoint) does not greet") }
        defer { timer.cancel() }
        do {
            try await connection.waitUntilReady()
        } catch {
            throw filter?.failure ?? error
        }
        return EtcdLink(endpoint: endpoint, connection: connection)
    }
}
