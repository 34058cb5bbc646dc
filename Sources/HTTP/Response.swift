public import HTTPTypes
public import Runtime

/// An answer built for one request.
public struct Response: Sendable {
    /// What follows the head.
    public enum Body: Sendable {
        /// Nothing; Content-Length is 0 where the status has a body at all.
        case none
        /// These bytes, with their Content-Length.
        case bytes([UInt8])
        /// Whatever the closure writes, chunked (for an HTTP/1.0 peer ended by closing). It runs as a task on the
        /// connection's loop; it's cancelled when the peer is gone or the server stops; if it throws, the connection
        /// is cut, so that the peer can't take the part for the whole. It does not run where there is no body to write: for
        /// HEAD, and with 204, 205 and 304.
        case stream(@Sendable (BodyWriter) async throws -> Void)
        /// Exactly as many bytes as the number says, written by the closure, with their Content-Length; otherwise as
        /// `stream`. Writing fewer cuts the connection; writing more throws `BodyTooLong`.
        case sized(Int64, @Sendable (BodyWriter) async throws -> Void)
        /// 101 with this protocol in Upgrade; then the connection is the closure's, bytes that the peer already sent
        /// included, and is closed once it returns.
        case upgrade(protocol: String, @Sendable (Connection) async -> Void)
    }

    /// The status, from 200 to 599, or else the answer is `onError`'s to a `BadStatus`; an upgrade's is 101 whatever stands here.
    public var status: Int
    /// The fields. Content-Length, Transfer-Encoding, Connection and Date are the connection's and are left out here.
    public var fields: HTTPFields
    /// What follows the head.
    public var body: Body

    /// An answer of its parts.
    public init(status: Int, fields: HTTPFields = [:], body: Body = .none) {
        self.status = status
        self.fields = fields
        self.body = body
    }

    /// An answer of plain text in UTF-8.
    public static func text(_ text: String, status: Int = 200) -> Response {
        Response(
            status: status, fields: [.contentType: "text/plain; charset=utf-8"], body: .bytes(Array(text.utf8)))
    }

    /// An answer of bytes of a media type.
    public static func bytes(_ bytes: [UInt8], type: String, status: Int = 200) -> Response {
        Response(status: status, fields: [.contentType: type], body: .bytes(bytes))
    }

    /// The answer as it can go out: without a body where its status has none (RFC 9110, sections 15.3.5, 15.3.6 and 15.4.5); nil
    /// if the status is not that of a final answer.
    var sendable: Response? {
        if case .upgrade = body { return self }
        guard (200...599).contains(status) else { return nil }
        guard status == 204 || status == 205 || status == 304 else { return self }
        return Response(status: status, fields: fields)
    }

    /// 404 with a line of text.
    public static var notFound: Response { .text("not found\n", status: 404) }

    /// 405 with the methods that the target has.
    public static func methodNotAllowed(allow methods: [String]) -> Response {
        var response = Response.text("method not allowed\n", status: 405)
        response.fields[.allow] = methods.joined(separator: ", ")
        return response
    }
}

/// A handler's answer had a status that ends no request.
public struct BadStatus: Error, Sendable, Hashable {
    /// The status.
    public var status: Int
}
