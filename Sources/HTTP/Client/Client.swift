public import HTTPTypes
public import Runtime

/// An HTTP/1.1 client of one server, by TCP or a unix socket.
///
/// Each exchange has a connection of its own; one that can be kept alive goes to the pool and serves the next request that is
/// safe to send on it. May be used from any task; its I/O is on its loop.
public final class Client: Sendable {
    /// Where the server is.
    public let address: SocketAddress
    /// Where the client's I/O happens.
    public let loop: EventLoop
    /// Time-outs and redirects.
    public let configuration: ClientConfiguration
    /// Where connections are kept.
    public let pool: ClientPool
    private let host: String

    /// How long a connect may take, its handshake included.
    public var connectTimeout: Duration { configuration.connectTimeout }

    /// A client that is not connected yet.
    ///
    /// - Parameters:
    ///   - address: where the server is.
    ///   - loop: where the I/O happens.
    ///   - host: the value of Host; nil derives it from the connector's server name, or else from the address, `localhost` for
    ///     a unix socket.
    ///   - connectTimeout: how long a connect may take, its handshake included.
    ///   - connector: what connects: `TLSClientContext.connector` for https.
    public convenience init(
        address: SocketAddress, on loop: EventLoop, host: String? = nil, connectTimeout: Duration = .seconds(10),
        connector: any Connector = PlainConnector()
    ) {
        var configuration = ClientConfiguration()
        configuration.connectTimeout = connectTimeout
        let pool = ClientPool(on: loop, connector: connector)
        self.init(address: address, host: host, configuration: configuration, pool: pool)
    }

    /// A client that shares a pool with others, or has other than the usual limits.
    ///
    /// - Parameters:
    ///   - address: where the server is.
    ///   - host: the value of Host, as above.
    ///   - configuration: time-outs and redirects.
    ///   - pool: where connections are kept; its loop is the client's.
    public init(
        address: SocketAddress, host: String? = nil, configuration: ClientConfiguration = ClientConfiguration(),
        pool: ClientPool
    ) {
        self.address = address
        self.host = host ?? Self.host(of: address, pool.connector)
        self.configuration = configuration
        self.pool = pool
        loop = pool.loop
    }

    private static func host(of address: SocketAddress, _ connector: any Connector) -> String {
        let name =
            switch address {
            case .ipv4(let host, _), .ipv6(let host, _, _): connector.serverName ?? host
            case .unix: connector.serverName ?? "localhost"
            }
        let host = name.contains(":") ? "[\(name)]" : name
        guard let port = address.port, port != connector.defaultPort else { return host }
        return "\(host):\(port)"
    }

    /// Sends a request and returns when the answer's head is there.
    ///
    /// A request that is idempotent, and whose body is not streamed, may go out on a connection kept alive, and is sent once
    /// more, on a fresh one, if that had been closed by the server in the meantime. Any other gets a fresh connection and is
    /// sent once.
    ///
    /// - Parameters:
    ///   - request: what to send.
    ///   - timeout: how long until the head is there, waiting for a connection included; nil for ever.
    /// - Returns: status and fields; the body comes as it's asked for.
    /// - Throws: `ClientError`; `CancellationError`; what a streamed body's closure or a redirect's resolver throws. Nothing
    ///   stays open then; after `timeout` or `wholeTimeout` it is closed in the loop's next turns.
    public func send(_ request: ClientRequest, timeout: Duration? = nil) async throws -> ClientResponse {
        let deadline = configuration.wholeTimeout.map { ContinuousClock.now + $0 }
        let limit = [timeout, configuration.wholeTimeout].compactMap { $0 }.min()
        return try await limited(limit, request) { try await self.follow(request, deadline) }
    }

    /// Asks the server to go over to another protocol.
    ///
    /// - Parameters:
    ///   - path: the target.
    ///   - name: the protocol.
    ///   - fields: further fields.
    ///   - timeout: how long until the server has agreed; nil for ever.
    /// - Returns: the connection, its first byte the first of the new protocol. The pool does not count it any more.
    /// - Throws: `UpgradeRefused` if the server answers otherwise; `ClientError`, `CancellationError`.
    public func upgrade(
        path: String, protocol name: String, fields: HTTPFields = [:], timeout: Duration? = nil
    ) async throws -> Connection {
        let request = ClientRequest(path: path, fields: fields)
        let bytes = try request.encoded(host: host, upgrade: name)
        return try await limited(timeout, request) {
            let (lease, _) = try await self.pool.take(self.origin, takesKept: false)
            let exchange = ClientExchange(try await self.connect(to: self.address), lease, self.configuration)
            let (status, fields) = try await Self.whole {
                try await exchange.send(bytes, isHead: false, expectsUpgrade: true)
            }
            if status == 101, let connection = await exchange.takeConnection() { return connection }
            throw UpgradeRefused(
                response: ClientResponse(status: status, fields: fields, body: ResponseBody(exchange: exchange)))
        }
    }

    /// Closes the pool: connections that are kept end, those in use go on.
    public func close() { pool.close() }

    private var origin: Origin { Origin(address: address, host: host) }

    private func limited<T: Sendable>(
        _ timeout: Duration?, _ request: ClientRequest, _ body: @escaping @Sendable () async throws -> T
    ) async throws -> T {
        guard let timeout else { return try await body() }
        let what = "\(request.method) \(request.path)"
        do {
            return try await withDeadline(timeout, on: loop, what, body)
        } catch let error as DeadlineError {
            throw ClientError(.timedOut, "\(error)")
        }
    }

    /// Sends, and goes where the answer leads as far as the policy allows.
    private func follow(
        _ request: ClientRequest, _ deadline: ContinuousClock.Instant?
    ) async throws -> ClientResponse {
        var (request, origin, count) = (request, origin, 0)
        while true {
            let response = try await exchange(request, with: origin, deadline)
            guard let policy = configuration.redirects,
                let next = try await Redirect.next(request, response, from: origin, policy)
            else { return response }
            count += 1
            // Read to its end if that is near, so that the connection can serve the next request.
            _ = try? await response.body.collect(limit: 64 * 1024)
            guard count <= policy.limit else {
                throw ClientError(.tooManyRedirects, "more than \(policy.limit) redirects, the last to \(next.0.path)")
            }
            (request, origin) = next
        }
    }

    private func exchange(
        _ request: ClientRequest, with origin: Origin, _ deadline: ContinuousClock.Instant?
    ) async throws -> ClientResponse {
        let bytes = try request.encoded(host: origin.host)
        let isRepeatable = RequestMethod.isIdempotent(request.method) && request.stream == nil
        var (lease, kept) = try await pool.take(origin, takesKept: isRepeatable)
        if let connection = kept {
            kept = nil
            do {
                return try await attempt(connection, isKept: true, lease, request, bytes, deadline)
            } catch is ClientExchange.NothingCame {
                // The server ended it, or sent what nobody had asked for, before the request came; sending it again can do no
                // harm.
                (lease, _) = try await pool.take(origin, takesKept: false)
            }
        }
        let connection = try await connect(to: origin.address)
        return try await Self.whole {
            try await self.attempt(connection, isKept: false, lease, request, bytes, deadline)
        }
    }

    private func connect(to address: SocketAddress) async throws -> Connection {
        do {
            return try await pool.connector.connect(to: address, on: loop, timeout: configuration.connectTimeout)
        } catch let error as CancellationError {
            throw error
        } catch {
            throw ClientError(.unreachable, "no connection to \(address)", cause: error)
        }
    }

    private func attempt(
        _ connection: Connection, isKept: Bool, _ lease: Lease, _ request: ClientRequest, _ bytes: [UInt8],
        _ deadline: ContinuousClock.Instant?
    ) async throws -> ClientResponse {
        let exchange = ClientExchange(connection, lease, configuration)
        let (status, fields) = try await exchange.send(
            bytes, isHead: request.method == "HEAD", isKept: isKept, stream: request.stream, deadline: deadline)
        return ClientResponse(status: status, fields: fields, body: ResponseBody(exchange: exchange))
    }

    private static func whole<T>(_ body: () async throws -> T) async throws -> T {
        do {
            return try await body()
        } catch let error as ClientExchange.NothingCame {
            throw ClientError(.interrupted, "the connection ended without an answer", cause: error.cause)
        }
    }
}
