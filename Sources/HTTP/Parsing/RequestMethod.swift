/// The methods that are worth telling apart without a look at their bytes.
public enum RequestMethod: UInt8, Sendable, Hashable {
    case get, head, post, put, delete, patch, options, trace
    /// Any other token; its bytes say which.
    case other

    /// The method of a token; methods are compared with case.
    @inline(__always)
    static func of(_ bytes: Span<UInt8>, _ range: Range<Int>) -> RequestMethod {
        switch range.count {
        case 3:
            if bytes.matches(range, "GET") { return .get }
            return bytes.matches(range, "PUT") ? .put : .other
        case 4:
            if bytes.matches(range, "HEAD") { return .head }
            return bytes.matches(range, "POST") ? .post : .other
        case 5:
            if bytes.matches(range, "PATCH") { return .patch }
            return bytes.matches(range, "TRACE") ? .trace : .other
        case 6: return bytes.matches(range, "DELETE") ? .delete : .other
        case 7: return bytes.matches(range, "OPTIONS") ? .options : .other
        default: return .other
        }
    }

    /// Whether sending the request twice is the same as sending it once: RFC 9110, section 9.2.2.
    public static func isIdempotent(_ name: String) -> Bool {
        switch name {
        case "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE": true
        default: false
        }
    }
}
