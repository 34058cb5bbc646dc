internal import HTTPTypes

/// Fields after a body in chunks: RFC 9112, section 7.1.2.
enum TrailerFields {
    /// The fields of a trailer section that the decoder has checked, without those that must not stand there.
    static func parse(_ bytes: [UInt8]) -> HTTPFields {
        var fields = HTTPFields()
        let span = bytes.span
        var start = 0
        while case .field(let line, let next) = FieldLine.parse(span, at: start) {
            fields.append(span.extracting(line.name), span.extracting(line.value))
            start = next
        }
        return permitted(fields)
    }

    /// The fields that may be sent or believed after a body.
    ///
    /// RFC 9110, section 6.5.1, keeps out what decides about framing, routing, credentials or what the content is: whoever
    /// acted on the head has acted already, and another recipient may have merged the two.
    static func permitted(_ fields: HTTPFields) -> HTTPFields {
        var kept = HTTPFields()
        for field in fields where !isForbidden(field.name.canonicalName) { kept.append(field) }
        return kept
    }

    private static func isForbidden(_ name: String) -> Bool {
        if name.hasPrefix("if-") || name.hasPrefix("content-") || name.hasPrefix("proxy-") { return true }
        return switch name {
        case "transfer-encoding", "trailer", "te", "connection", "keep-alive", "upgrade", "host", "expect", "range",
            "max-forwards", "cache-control", "age", "date", "expires", "location", "retry-after", "vary", "pragma",
            "warning", "authorization", "www-authenticate", "cookie", "set-cookie", "forwarded":
            true
        default: false
        }
    }

    /// The lines of a trailer section, without the empty one.
    static func encoded(_ fields: HTTPFields) -> [UInt8] {
        var bytes: [UInt8] = []
        for field in permitted(fields) {
            bytes.append(contentsOf: field.name.rawName.utf8)
            bytes.append(": ")
            field.withUnsafeBytesOfValue { bytes.append(contentsOf: $0) }
            bytes.append("\r\n")
        }
        return bytes
    }
}
