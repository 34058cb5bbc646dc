internal import SwiftProtobuf

/// A method of a gRPC service, with the types of what it takes and gives.
struct GRPCMethod<Request: Message, Response: Message>: Sendable {
    /// `:path`: "/package.Service/Method".
    let path: HTTP2Field

    init(path: String) { self.path = HTTP2Field(":path", path) }

    /// A message as it is sent: a byte that says "not compressed", 4 of its length, and itself.
    static func frame(_ request: Request) throws -> [UInt8] {
        let message: [UInt8] = try request.serializedBytes()
        var frame: [UInt8] = []
        frame.reserveCapacity(message.count + 5)
        frame.append(0)
        for shift in [24, 16, 8, 0] { frame.append(UInt8(truncatingIfNeeded: message.count >> shift)) }
        frame += message
        return frame
    }
}

/// What goes along with a call.
struct GRPCMetadata: Sendable {
    /// `:scheme` and `:authority`.
    var server: GRPCServer
    /// Proves the user: etcd's answer to Authenticate.
    var token: String?
    /// After this the server need not answer any more; nil for a stream that lasts.
    var timeout: Duration?

    private static let method = HTTP2Field(":method", "POST")
    /// Trailers, gRPC, and etcd's own `hasleader`: a member that knows no leader refuses, instead of keeping one waiting.
    private static let constant = [
        HTTP2Field("te", "trailers"), HTTP2Field("content-type", "application/grpc"),
        HTTP2Field("user-agent", "uncloud-node"), HTTP2Field("hasleader", "true"),
    ]

    /// The head of a request.
    func head(_ path: HTTP2Field) -> [HTTP2Field] {
        var head: [HTTP2Field] = []
        head.reserveCapacity(10)
        head.append(Self.method)
        head.append(server.scheme)
        head.append(path)
        head.append(server.authority)
        head += Self.constant
        if let timeout { head.append(HTTP2Field("grpc-timeout", Self.text(timeout))) }
        if let token { head.append(HTTP2Field("token", token, isSecret: true)) }
        return head
    }

    /// In tenths of a second, rounded up: this side's own deadline is exact, and equal texts need not be sent again.
    private static func text(_ timeout: Duration) -> String {
        let (seconds, attoseconds) = timeout.components
        let tenths = seconds * 10 + (attoseconds + 99_999_999_999_999_999) / 100_000_000_000_000_000
        // At most 8 digits.
        return "\(min(max(tenths, 1) * 100, 99_999_999))m"
    }
}

/// How a server is called in a request's head.
struct GRPCServer: Sendable {
    /// `:scheme`.
    let scheme: HTTP2Field
    /// `:authority`.
    let authority: HTTP2Field

    /// The server of a scheme, host and port.
    init(scheme: String, authority: String) {
        self.scheme = HTTP2Field(":scheme", scheme)
        self.authority = HTTP2Field(":authority", authority)
    }
}
