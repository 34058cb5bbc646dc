public import HTTPTypes

/// An answer whose head has come; its body comes as it is asked for.
public struct ClientResponse: Sendable {
    /// The status.
    public let status: Int
    /// The fields.
    public let fields: HTTPFields
    /// The body.
    public let body: ResponseBody
}

/// The body of an answer: pieces as they arrive, once. Letting go of it before the end closes the connection.
public struct ResponseBody: AsyncSequence, Sendable {
    /// A piece of the body, not empty.
    public typealias Element = [UInt8]

    let exchange: ClientExchange

    /// Hands out the pieces.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let exchange: ClientExchange

        /// The next piece, nil at the end.
        ///
        /// - Throws: `ClientError` (`interrupted`, `badAnswer`); `CancellationError`, and then the body is over.
        public mutating func next() async throws -> [UInt8]? { try await exchange.nextPiece() }

        /// The next piece, nil at the end.
        ///
        /// - Parameter actor: the caller's isolation; the exchange runs on its own loop all the same.
        /// - Returns: the piece.
        /// - Throws: as the other form does.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(any Error) -> [UInt8]? {
            try await exchange.nextPiece()
        }
    }

    /// Goes through what has not been read yet.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(exchange: exchange) }

    /// All of the body.
    ///
    /// - Parameter limit: how many bytes it may have.
    /// - Returns: the bytes.
    /// - Throws: `ClientError` (`bodyTooLarge`, `interrupted`, `badAnswer`), `CancellationError`.
    public func collect(limit: Int) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while let piece = try await exchange.nextPiece() {
            bytes += piece
            guard bytes.count <= limit else {
                await exchange.abandon()
                throw ClientError(.bodyTooLarge, "the answer has more than \(limit) bytes")
            }
        }
        return bytes
    }

    /// The fields after a body in chunks, for a request with `acceptsTrailers`; empty without any, and before the end was
    /// reached. Those forbidden there (framing, routing, credentials) are left out.
    public var trailers: HTTPFields {
        get async { await exchange.trailers }
    }

    /// The body's lines as they arrive, without their line ends: JSON lines of a watch.
    ///
    /// - Parameter maxLength: how long a line may be.
    /// - Returns: the sequence, which like the body can be gone through once.
    public func lines(maxLength: Int = 1024 * 1024) -> ResponseLines {
        ResponseLines(exchange: exchange, maxLength: maxLength)
    }
}
