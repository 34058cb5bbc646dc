public import Runtime

/// A connection by TLS for tasks: `Runtime.Connection` with authenticated and encrypted bytes, in the same shape.
///
/// Reads and writes suspend, from any task on any loop. One task reads at a time; writes are sent whole and in the order of
/// their calls. Closed when nobody holds it, or by `close`.
public final class TLSConnection: Sendable {
    /// Where its I/O happens.
    public var loop: EventLoop { connection.loop }
    /// The connection for whoever takes a plain one: what goes through it is encrypted all the same. Its errors are `UVError`s
    /// that carry a TLS failure in words only.
    public let connection: Connection
    /// What the two sides agreed upon.
    public let info: TLSSessionInfo
    private let filter: TLSStream

    private init(_ connection: Connection, _ filter: TLSStream, _ info: TLSSessionInfo) {
        self.connection = connection
        self.filter = filter
        self.info = info
    }

    /// Connects to a server and makes sure who it is.
    ///
    /// - Parameters:
    ///   - address: where to.
    ///   - name: the DNS name or IP address that the server's certificate must have.
    ///   - loop: where the connection lives.
    ///   - context: trust roots and the rest.
    ///   - timeout: how long at most, connect and handshake together.
    /// - Returns: the connection, after the handshake.
    /// - Throws: `TLSError` (why, which certificate, what to do); `UVError` (refused, unreachable, reset), `DeadlineError`,
    ///   `CancellationError`. Nothing is left open then.
    public static func connect(
        to address: SocketAddress, name: ServerName, on loop: EventLoop, with context: TLSClientContext,
        timeout: Duration = .seconds(10)
    ) async throws -> TLSConnection {
        let filter = TLSStream(try TLSEngine(client: context, serverName: name, place: "\(address)"))
        let begin = ContinuousClock.now
        let connection = try await Connection.connect(to: address, on: loop, timeout: timeout, filter: filter)
        let left = max(timeout - (ContinuousClock.now - begin), .milliseconds(1))
        return try await agreed(connection, filter, "the TLS handshake with \(name) at \(address)", within: left)
    }

    /// Takes over a connection that a listener accepted, and waits for the handshake.
    ///
    /// - Parameters:
    ///   - descriptor: the accepted socket; from here on it is this function's, whatever happens.
    ///   - loop: where the connection lives.
    ///   - context: the certificates and the rest.
    ///   - timeout: how long the handshake may take.
    /// - Returns: the connection, after the handshake.
    /// - Throws: `TLSError`, `DeadlineError`, `CancellationError`. The connection is closed then.
    public static func accept(
        _ descriptor: CInt, on loop: EventLoop, with context: TLSServerContext, timeout: Duration = .seconds(10)
    ) async throws -> TLSConnection {
        let owned = FileDescriptor(owning: descriptor)
        let filter = TLSStream(try TLSEngine(server: context))
        let connection = Connection(adopting: owned.release(), on: loop, filter: filter)
        return try await agreed(connection, filter, "a client's TLS handshake", within: timeout)
    }

    private static func agreed(
        _ connection: Connection, _ filter: TLSStream, _ what: String, within timeout: Duration
    ) async throws -> TLSConnection {
        do {
            let info = try await withDeadline(timeout, on: connection.loop, what) { try await filter.handshake() }
            return TLSConnection(connection, filter, info)
        } catch {
            connection.close()
            throw error
        }
    }

    /// The next bytes, as soon as there are any.
    ///
    /// - Parameter limit: how many at most; the rest stays for the next read.
    /// - Returns: at least one byte, or nil once the peer has said that it sends no more (close_notify).
    /// - Throws: `TLSError`: `truncated` if the connection ended without that, `refusedByPeer` if the server does not accept
    ///   our certificate, ...; `UVError` when the connection failed or was closed, after everything received before has been
    ///   read; `CancellationError`, by which no byte is lost.
    public func read(upTo limit: Int = 65536) async throws -> [UInt8]? {
        do {
            return try await connection.read(upTo: limit)
        } catch let error as UVError {
            throw cause(error)
        }
    }

    /// Sends all of the bytes; returns when the kernel has them.
    ///
    /// - Parameter bytes: what to send.
    /// - Throws: `TLSError`; `UVError` when the connection failed or was closed; `CancellationError`, and then either nothing
    ///   has been sent, or all of it follows in the background: never a part.
    public func write(_ bytes: [UInt8]) async throws {
        do {
            try await connection.write(bytes)
        } catch let error as UVError {
            throw cause(error)
        }
    }

    /// Tells the peer that nothing more will be sent (close_notify), after what has been written. Reading goes on, if the
    /// peer goes on sending: with TLS 1.2 most end then too (RFC 5246, section 7.2.1).
    ///
    /// - Throws: as `write` does.
    public func shutdownWrite() async throws {
        do {
            try await connection.shutdownWrite()
        } catch let error as UVError {
            throw cause(error)
        }
    }

    /// Closes, with close_notify if the kernel takes it at once. Any thread, any number of times.
    public func close() { connection.close() }

    /// Closes with a reset and without close_notify: the peer can't take what it got for the whole.
    public func reset() { connection.reset() }

    private func cause(_ error: UVError) -> any Error {
        if error.code == UVError.protocolCode, let failure = filter.failure { return failure }
        return error
    }
}
