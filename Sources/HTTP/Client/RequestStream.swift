public import HTTPTypes
internal import Runtime

/// A request's body that is written piece by piece while it is sent.
public struct RequestStream: Sendable {
    let length: Int64?
    let produce: @Sendable (RequestWriter) async throws -> Void

    /// Describes the body.
    ///
    /// - Parameters:
    ///   - length: exactly how many bytes will be written, for Content-Length; nil sends chunks.
    ///   - produce: writes them. It runs once, as a task on the client's loop, while the answer is awaited and read already; it
    ///     is cancelled when the exchange ends first. What it throws ends the exchange, and `send` throws it unless the answer's
    ///     head has come.
    public init(length: Int64? = nil, _ produce: @escaping @Sendable (RequestWriter) async throws -> Void) {
        precondition(length ?? 0 >= 0, "a length")
        self.length = length
        self.produce = produce
    }
}

/// Where a request's streamed body is written. Valid while the closure runs; one task at a time.
public struct RequestWriter: Sendable {
    let exchange: ClientExchange

    /// Sends a piece; returns when the kernel has it, so that a slow server slows the writer down.
    ///
    /// - Parameter bytes: the piece. Nothing is sent for an empty one.
    /// - Throws: `BodyTooLong` if there are more than the announced length; `ClientError` (`interrupted`, `timedOut`) when the
    ///   connection is gone, as after a refusal; `CancellationError`.
    public func write(_ bytes: [UInt8]) async throws { try await exchange.writePiece(bytes) }

    /// Sets the fields that follow a body in chunks, in place of those set before; those forbidden there are left out.
    ///
    /// - Parameter fields: the fields.
    public func setTrailers(_ fields: HTTPFields) async { await exchange.setTrailers(fields) }
}
