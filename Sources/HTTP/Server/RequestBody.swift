public import HTTPTypes
internal import Runtime

/// A request's body as it comes: pieces in order, each once.
///
/// Reading asks the peer for more, a peer that waits for 100 Continue included; while nobody reads, at most `maxPipelined`
/// bytes and one read's worth of them wait in memory and the rest stays with the peer. One task reads at a time, and only
/// until the answer is complete. A body that trickles goes on for as long as the handler lets it: `withDeadline` bounds that.
public struct RequestBody: AsyncSequence, Sendable {
    /// A piece of the body, not empty.
    public typealias Element = [UInt8]

    let stream: BodyStream

    /// Hands out the pieces.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let body: RequestBody

        /// The next piece, nil at the end; throws as `RequestBody.read` does.
        public mutating func next() async throws -> [UInt8]? { try await body.read() }

        /// The next piece, nil at the end.
        ///
        /// - Parameter actor: the caller's isolation; the connection's loop is where it is read all the same.
        /// - Returns: the piece.
        /// - Throws: as `RequestBody.read` does.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(any Error) -> [UInt8]? {
            try await body.read()
        }
    }

    /// Goes through what has not been read yet.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(body: self) }

    /// The next piece, as soon as there is one; nil at the end.
    ///
    /// - Returns: at least one byte, or nil.
    /// - Throws: `MessageError` when the body is malformed (400), truncated (400), larger than `maxStreamedBody` (413), or
    ///   none of it comes for `bodyTimeout` (408); `CancellationError` when the task is cancelled, the peer is gone, or the
    ///   request was answered; `UVError` with `isBusy` while another task reads, which is not disturbed. No byte is lost by
    ///   a cancellation.
    public func read() async throws -> [UInt8]? {
        try await stream.next(isolation: stream.connection.core.loop.actor)
    }

    /// All of what is left.
    ///
    /// - Parameter limit: how many bytes it may have.
    /// - Returns: the bytes.
    /// - Throws: as `read` does; `MessageError` (`bodyTooLarge`) beyond the limit.
    public func collect(limit: Int) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while let piece = try await read() {
            bytes += piece
            if bytes.count > limit { throw MessageError(.bodyTooLarge) }
        }
        return bytes
    }

    /// The fields after a body in chunks; empty without any, and before `read` has returned nil.
    public var trailers: HTTPFields {
        get async { await stream.trailers(isolation: stream.connection.core.loop.actor) }
    }
}
