public import HTTPTypes

/// A request to send.
public struct ClientRequest: Sendable {
    /// The method, in upper case as a rule.
    public var method: String
    /// The target: path and query, percent-encoded. `percentEncoded` encodes a segment.
    public var path: String
    /// The fields. Host (unless it stands here), Content-Length, Transfer-Encoding, TE, Upgrade and Connection are the client's.
    public var fields: HTTPFields
    /// The whole body; must be empty where it is streamed.
    public var body: [UInt8]
    /// The body, written piece by piece while it is sent.
    public var stream: RequestStream?
    /// Whether to ask for the fields after a body in chunks, which servers send only to who asks: `ResponseBody.trailers`.
    public var acceptsTrailers = false

    /// A request of its parts.
    public init(method: String = "GET", path: String, fields: HTTPFields = [:], body: [UInt8] = []) {
        self.method = method
        self.path = path
        self.fields = fields
        self.body = body
    }

    /// The request's bytes.
    ///
    /// - Parameters:
    ///   - host: the value of Host, unless the fields have one.
    ///   - upgrade: the protocol to ask for.
    /// - Returns: head and body.
    /// - Throws: `ClientError` (`badRequest`).
    package func encoded(host: String, upgrade: String? = nil) throws(ClientError) -> [UInt8] {
        guard !method.isEmpty, method.utf8.allSatisfy(ByteClass.token.contains) else {
            throw ClientError(.badRequest, "\(method.debugDescription) is no method")
        }
        guard path.utf8.first == Byte.slash || path == "*", path.utf8.allSatisfy(ByteClass.target.contains) else {
            throw ClientError(.badRequest, "\(path.debugDescription) is no request target")
        }
        guard stream == nil || body.isEmpty else {
            throw ClientError(.badRequest, "a body is either given or streamed")
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(512 + body.count)
        bytes.append(contentsOf: "\(method) \(path) HTTP/1.1\r\n".utf8)
        if fields[HTTPField.Name.hostField] == nil { bytes.appendField("Host", host) }
        for field in fields where !Self.isReserved(field.name) {
            bytes.append(contentsOf: field.name.rawName.utf8)
            bytes.append(": ")
            field.withUnsafeBytesOfValue { bytes.append(contentsOf: $0) }
            bytes.append("\r\n")
        }
        if let upgrade {
            bytes.append("Connection: Upgrade\r\n")
            bytes.appendField("Upgrade", upgrade)
        }
        if acceptsTrailers, upgrade == nil {
            // Connection names it, since it is for the next hop alone: RFC 9110, section 10.1.4.
            bytes.append("TE: trailers\r\nConnection: TE\r\n")
        }
        if let stream {
            if let length = stream.length {
                bytes.appendField("Content-Length", String(length))
            } else {
                bytes.append("Transfer-Encoding: chunked\r\n")
            }
        } else if !body.isEmpty || ["POST", "PUT", "PATCH"].contains(method) {
            bytes.appendField("Content-Length", String(body.count))
        }
        bytes.append("\r\n")
        bytes.append(contentsOf: body)
        return bytes
    }

    private static func isReserved(_ name: HTTPField.Name) -> Bool {
        switch name {
        case .contentLength, .transferEncoding, .connection, .upgrade, .te: true
        default: false
        }
    }
}

extension HTTPField.Name {
    /// Host, which the package has only as a request's authority.
    static let hostField: HTTPField.Name = {
        guard let name = HTTPField.Name("Host") else { preconditionFailure("Host is a token") }
        return name
    }()
}
