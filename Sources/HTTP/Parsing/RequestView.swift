/// A request's head, lent for the length of a call: spans over the very bytes the socket gave, nothing copied.
///
/// It cannot outlive the callback it is handed to; what a handler wants to keep it copies. Every look-up runs over the
/// head's bytes and allocates nothing. Runs on the connection's loop.
public struct RequestView: ~Escapable, Sendable {
    /// The head's bytes and whatever followed them in the buffer.
    let bytes: Span<UInt8>
    let head: RequestHead

    @_lifetime(copy bytes)
    package init(_ bytes: Span<UInt8>, _ head: RequestHead) {
        self.bytes = bytes
        self.head = head
    }

    /// The method, `.other` if it is none of the common ones.
    public var method: RequestMethod { head.method }

    /// Whether the answer's body must not be sent. A handler need not care: the connection leaves it out.
    public var isHead: Bool { head.method == .head }

    /// Whether the peer speaks HTTP/1.0.
    public var isHTTP10: Bool { head.flags.contains(.http10) }

    /// Whether the connection would serve another request after this one, as far as the peer is concerned.
    public var keepsAlive: Bool { head.keepsAlive }

    /// Whether a body follows the head. A handler that wants it answers `.task`.
    public var hasBody: Bool { head.hasBody }

    /// The announced length of the body, nil if it comes in chunks; 0 if there is none.
    public var contentLength: Int64? { head.flags.contains(.chunked) ? nil : head.contentLength }

    /// Whether the request is `OPTIONS *`.
    public var isAsterisk: Bool { head.flags.contains(.asterisk) }

    /// How many field lines there are.
    public var fieldCount: Int { Int(head.fieldCount) }

    /// The method's bytes.
    public var methodBytes: Span<UInt8> {
        @_lifetime(copy self)
        get { bytes.extracting(head.methodRange) }
    }

    /// The path as it was sent, percent-encoded, without the query. Begins with a slash unless `isAsterisk`.
    public var path: Span<UInt8> {
        @_lifetime(copy self)
        get { bytes.extracting(head.path) }
    }

    /// What follows the question mark, as it was sent; nil without one.
    public var query: Span<UInt8>? {
        @_lifetime(copy self)
        get {
            guard let range = head.query else { return nil }
            return bytes.extracting(range)
        }
    }

    /// The host, with its port if it has one, that the request is for: of an absolute target its authority, whatever Host says
    /// (RFC 9112, section 3.2.2), and otherwise the value of Host; nil without either.
    public var authority: Span<UInt8>? {
        @_lifetime(copy self)
        get {
            guard let range = head.targetAuthority(bytes) else { return field("host") }
            return bytes.extracting(range)
        }
    }

    /// Whether the path, as it was sent, is exactly this text.
    public func pathIs(_ text: StaticString) -> Bool { bytes.matches(head.path, text) }

    /// The value of the first field of that name, given in lower case, without the blanks around it; nil if there is
    /// none. Of Host that is what was sent; whom the request is for says `authority`.
    @_lifetime(copy self)
    public func field(_ name: StaticString) -> Span<UInt8>? {
        var start = Int(head.fieldsStart)
        while case .field(let line, let next) = FieldLine.parse(bytes, at: start) {
            if bytes.matches(line.name, ignoringCase: name) { return bytes.extracting(line.value) }
            start = next
        }
        return nil
    }

    /// Calls the body with name and value of each field in the order of the head, until it returns false.
    public func forEachField(_ body: (_ name: Span<UInt8>, _ value: Span<UInt8>) -> Bool) {
        var start = Int(head.fieldsStart)
        while case .field(let line, let next) = FieldLine.parse(bytes, at: start) {
            if !body(bytes.extracting(line.name), bytes.extracting(line.value)) { return }
            start = next
        }
    }
}

extension RequestView {
    /// Whether the peer waits for an interim answer before it sends the body.
    public var expectsContinue: Bool { head.flags.contains(.expectsContinue) }

    /// Whether the peer offers to change the protocol; `field("upgrade")` says to which.
    public var wantsUpgrade: Bool { head.flags.isSuperset(of: [.connectionUpgrade, .upgradeField]) }
}

extension RequestView {
    /// `field`, copied into a string; what is no UTF-8 is replaced.
    public func fieldText(_ name: StaticString) -> String? {
        guard let value = field(name) else { return nil }
        return String(copying: value)
    }

    /// `path`, copied into a string.
    public var pathText: String { String(copying: path) }

    /// `authority`, copied into a string.
    public var authorityText: String? {
        guard let authority else { return nil }
        return String(copying: authority)
    }

    /// `query`, copied into a string.
    public var queryText: String? {
        guard let query else { return nil }
        return String(copying: query)
    }
}

extension String {
    /// The bytes of a span as UTF-8.
    init(copying span: Span<UInt8>) {
        self = span.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }
}
