public import HTTPTypes
internal import Runtime

/// Where a streamed body is written. Valid while the closure runs that it was given to; any task may use it, one at a
/// time.
public struct BodyWriter: Sendable {
    let connection: ServerConnection
    let number: UInt32

    /// Sends a piece of the body, at once, as a chunk of its own. Nothing is sent for an empty one.
    ///
    /// Returns when the kernel has the bytes or few enough of them wait (`maxUnsent`), so that a slow peer slows the
    /// writer down instead of filling memory.
    ///
    /// - Parameter bytes: the piece.
    /// - Throws: `CancellationError` when the peer is gone, the server stops, the task was cancelled, or the closure has
    ///   returned; `BodyTooLong` when the piece exceeds the announced length, and then the connection is cut.
    public func write(_ bytes: [UInt8]) async throws {
        try await connection.writePiece(bytes, number: number, isolation: connection.core.loop.actor)
    }

    /// Sends a text in UTF-8.
    ///
    /// - Parameter text: the text.
    /// - Throws: as `write` of bytes does.
    public func write(_ text: String) async throws { try await write(Array(text.utf8)) }

    /// Sets the fields that follow the body, in place of those set before.
    ///
    /// They are sent only after a body in chunks, and only to a peer that has asked by `TE: trailers`: any other may drop them
    /// (RFC 9110, section 6.5). Fields that are forbidden there are left out.
    ///
    /// - Parameter fields: the fields.
    public func setTrailers(_ fields: HTTPFields) async {
        await connection.setTrailers(
            TrailerFields.encoded(fields), number: number, isolation: connection.core.loop.actor)
    }
}

/// More was written of a body than its length, as announced, allows.
public struct BodyTooLong: Error, Sendable, Hashable {}
