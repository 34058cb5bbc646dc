internal import SwiftProtobuf

/// A method of a gRPC service, with the types of what it takes and gives.
struct GRPCMethod<Request: Message, Response: Message>: Sendable {
    /// "/package.Service/Method".
    let path: String

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
    /// What the server is called: its host and port.
    var authority: String
    var scheme: String
    /// etcd's: a member that knows no leader refuses, instead of keeping one waiting.
    var requiresLeader = true
    /// Proves the user: etcd's answer to Authenticate.
    var token: String?
    /// After this the server need not answer any more; nil for a stream that lasts.
    var timeout: Duration?

    /// The head of a request.
    func head(_ path: String) -> [HTTP2Field] {
        var head = [
            HTTP2Field(":method", "POST"), HTTP2Field(":scheme", scheme), HTTP2Field(":path", path),
            HTTP2Field(":authority", authority), HTTP2Field("te", "trailers"),
            HTTP2Field("content-type", "application/grpc"), HTTP2Field("user-agent", "uncloud-node"),
        ]
        if requiresLeader { head.append(HTTP2Field("hasleader", "true")) }
        if let token { head.append(HTTP2Field("token", token, isSecret: true)) }
        if let timeout {
            let milliseconds = max(1, timeout.components.seconds * 1000 + timeout.components.attoseconds / 1_000_000_000_000_000)
            // At most 8 digits.
            head.append(HTTP2Field("grpc-timeout", "\(min(milliseconds, 99_999_999))m"))
        }
        return head
    }
}
