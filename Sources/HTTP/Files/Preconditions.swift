public import HTTPTypes

/// The state of what a request asks for, against which its conditions are held: RFC 9110, section 13.
public struct Validators: Sendable {
    /// The tag of the current content.
    public var tag: EntityTag?
    /// When it was last changed, in seconds since 1970.
    public var lastModified: Int?

    /// What is known of the content.
    public init(tag: EntityTag?, lastModified: Int? = nil) {
        self.tag = tag
        self.lastModified = lastModified
    }

    /// What the conditions of a request say.
    public enum Verdict: Sendable, Hashable {
        /// Answer as if there were none.
        case proceed
        /// Answer 304 with ETag and whatever a 200 would say about caching.
        case notModified
        /// Answer 412.
        case failed
    }

    /// Holds a request's conditions against this state, in the order of RFC 9110, section 13.2.2. Pure.
    ///
    /// - Parameters:
    ///   - fields: the request's fields.
    ///   - method: its method.
    /// - Returns: what to do.
    public func verdict(_ fields: HTTPFields, method: String) -> Verdict {
        if let list = Self.list(fields, .ifMatch) {
            guard isNamed(in: list, isStrong: true) else { return .failed }
        } else if let limit = fields[.ifUnmodifiedSince].flatMap(HTTPDate.second), let lastModified {
            if lastModified > limit { return .failed }
        }
        let isRead = method == "GET" || method == "HEAD"
        if let list = Self.list(fields, .ifNoneMatch) {
            if isNamed(in: list, isStrong: false) { return isRead ? .notModified : .failed }
        } else if isRead, let since = fields[.ifModifiedSince].flatMap(HTTPDate.second), let lastModified {
            if lastModified <= since { return .notModified }
        }
        return .proceed
    }

    /// Whether a range may be answered with a part: there is no If-Range, or it names exactly this state.
    public func allowsRange(_ fields: HTTPFields) -> Bool {
        guard let condition = fields[.ifRange] else { return true }
        if condition.hasPrefix("\"") || condition.hasPrefix("W/") {
            let bytes = Array(condition.utf8)
            return tag?.isNamed(in: bytes.span, isStrong: true) ?? false
        }
        // A date is a strong validator only if nothing can have changed twice within its second; files' dates can't tell.
        return false
    }

    /// A star stands for whatever there is.
    private func isNamed(in list: [UInt8], isStrong: Bool) -> Bool {
        list == [0x2a] || tag?.isNamed(in: list.span, isStrong: isStrong) ?? false
    }

    private static func list(_ fields: HTTPFields, _ name: HTTPField.Name) -> [UInt8]? {
        let values = fields[values: name]
        return values.isEmpty ? nil : Array(values.joined(separator: ",").utf8)
    }
}

/// A prepared answer with a tag: one look at If-None-Match decides between the whole and 304. Nothing is allocated.
public struct TaggedResponse: Sendable {
    /// The tag.
    public let tag: EntityTag
    /// The whole answer, whatever was asked.
    public let response: PreparedResponse
    private let notModified: PreparedResponse

    /// Prepares both answers.
    ///
    /// - Parameters:
    ///   - fields: of the 200; those about caching (Cache-Control, Expires, Vary, Content-Location) are sent with 304 too.
    ///   - body: the whole body.
    ///   - tag: nil makes one of the bytes.
    public init(fields: [(String, String)] = [], body: [UInt8], tag: EntityTag? = nil) {
        let tag = tag ?? EntityTag(of: body)
        let tagField = ("ETag", tag.description)
        let cached = ["cache-control", "expires", "vary", "content-location"]
        self.tag = tag
        response = PreparedResponse(status: 200, fields: fields + [tagField], body: body)
        notModified = PreparedResponse(
            status: 304, fields: fields.filter { cached.contains($0.0.lowercased()) } + [tagField])
    }

    /// The answer to a GET or HEAD: 304 if the request names the tag. A request with several If-None-Match fields, which no client
    /// sends, is judged by the first.
    public func answer(to request: borrowing RequestView) -> Answer {
        guard let list = request.field("if-none-match"), tag.isNamed(in: list, isStrong: false) else {
            return .prepared(response)
        }
        return .prepared(notModified)
    }
}
