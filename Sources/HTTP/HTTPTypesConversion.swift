public import HTTPTypes

// The vocabulary of swift-http-types, for programs that speak it already. The server's own path, RequestView and
// PreparedResponse, does without: these types own strings.

extension Request {
    /// The head in the package's form, `authority` in the place of Host; the scheme is `http`.
    public var head: HTTPRequest {
        var fields = fields
        fields[HTTPField.Name.hostField] = nil
        let target = queryText.map { path + "?" + $0 } ?? path
        return HTTPRequest(
            method: HTTPRequest.Method(rawValue: method) ?? .get, scheme: "http", authority: authority, path: target,
            headerFields: fields)
    }
}

extension Response {
    /// An answer with a head in the package's form. Its reason phrase is not sent.
    public init(_ head: HTTPResponse, body: Body = .none) {
        self.init(status: head.status.code, fields: head.headerFields, body: body)
    }
}

extension ClientRequest {
    /// A request with a head in the package's form. Its authority, if there is one, is sent as Host, and its scheme ignored: the
    /// client decides where the request goes.
    public init(_ head: HTTPRequest, body: [UInt8] = []) {
        self.init(method: head.method.rawValue, path: head.path ?? "/", fields: head.headerFields, body: body)
        if let authority = head.authority { fields[HTTPField.Name.hostField] = authority }
    }
}

extension ClientResponse {
    /// The head in the package's form.
    public var head: HTTPResponse { HTTPResponse(status: HTTPResponse.Status(code: status), headerFields: fields) }
}
