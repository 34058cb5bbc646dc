public import HTTPTypes

/// A request that owns its bytes, for handlers that wait: made only once an answer is `.task`.
public struct Request: Sendable {
    /// The method, as it was sent.
    public var method: String
    /// The path as it was sent, percent-encoded, without the query; `*` for `OPTIONS *`.
    public var path: String
    /// The path's segments between slashes, percent-decoded each on its own, so that an encoded slash stays inside its
    /// segment. Bytes that are no UTF-8 are replaced. `/a//b/` has the segments `a`, an empty one, `b` and an empty one.
    public var pathSegments: [String]
    /// The query's pairs in order, percent-decoded, `+` meaning a space; a pair without `=` has an empty value.
    public var query: [(String, String)]
    /// The query as it was sent, nil without one.
    public var queryText: String?
    /// The host, with its port if it has one, that the request is for: of an absolute target its authority, whatever Host says
    /// (RFC 9112, section 3.2.2), and otherwise the value of Host; nil without either.
    public var authority: String?
    /// The fields, repeated ones included, as they were sent.
    public var fields: HTTPFields
    /// The whole body, the chunked framing taken off.
    public var body: [UInt8]
    /// The fields after a body in chunks; empty without any, and while a body is being streamed.
    ///
    /// Those that RFC 9110, section 6.5.1, forbids there (framing, routing, credentials, conditions) are left out.
    public var trailers: HTTPFields = [:]
    /// The connection it came on.
    public var context: ConnectionContext

    /// A request made by hand, for the tests of handlers: its target has no authority, that comes from Host.
    public init(
        method: String, target: String, fields: HTTPFields = [:], body: [UInt8] = [], context: ConnectionContext
    ) {
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        self.method = method
        self.path = parts.first.map(String.init) ?? "/"
        self.pathSegments = Percent.segments(Array(self.path.utf8))
        self.query = parts.count > 1 ? Percent.pairs(Array(parts[1].utf8)) : []
        self.queryText = parts.count > 1 ? String(parts[1]) : nil
        self.fields = fields
        authority = fields[HTTPField.Name.hostField]
        self.body = body
        self.context = context
    }

    init(_ view: borrowing RequestView, body: [UInt8], context: ConnectionContext) {
        let path = [UInt8](copying: view.path)
        method = String(decoding: [UInt8](copying: view.methodBytes), as: UTF8.self)
        self.path = String(decoding: path, as: UTF8.self)
        pathSegments = Percent.segments(path)
        if let bytes = view.query {
            query = Percent.pairs([UInt8](copying: bytes))
            queryText = String(copying: bytes)
        } else {
            query = []
        }
        authority = view.authorityText
        var fields = HTTPFields()
        fields.reserveCapacity(view.fieldCount)
        view.forEachField { name, value in
            fields.append(name, value)
            return true
        }
        self.fields = fields
        self.body = body
        self.context = context
    }

    /// The decoded value of the first query pair of that name.
    public func queryValue(_ name: String) -> String? { query.first { $0.0 == name }?.1 }
}

extension HTTPFields {
    /// Appends a field whose name and value the parser has checked.
    mutating func append(_ name: Span<UInt8>, _ value: Span<UInt8>) {
        guard let name = HTTPField.Name(String(decoding: [UInt8](copying: name), as: UTF8.self)) else { return }
        append(HTTPField(name: name, value: [UInt8](copying: value)))
    }
}

extension [UInt8] {
    /// The bytes of a span, copied.
    init(copying span: Span<UInt8>) {
        self = span.withUnsafeBufferPointer { Array($0) }
    }
}
