/// An answer serialised once and sent many times without an allocation: status line, fields and body as bytes.
///
/// Immutable, so that any number of loops may share one. Which variant goes out (with or without the body, closing or
/// not, with the date) is the connection's choice. Content-Length is added here; Connection and Date are the
/// connection's.
public final class PreparedResponse: Sendable {
    /// The status.
    public let status: Int
    /// Status line and fields, each with its line end, without the empty line; behind them the body. In one piece: among
    /// thousands of answers each piece is one more wait for memory.
    let bytes: [UInt8]
    /// Where the body begins.
    let headLength: Int
    /// The body's bytes.
    public var body: [UInt8] { Array(bytes[headLength...]) }

    /// Serialises an answer.
    ///
    /// Names and values are written as they are given, but for characters that would end a line early: a value that
    /// holds CR, LF or NUL is refused by a precondition, since it is the program's own text.
    ///
    /// - Parameters:
    ///   - status: from 200 to 599.
    ///   - fields: names and values, without Content-Length, Transfer-Encoding, Connection and Date.
    ///   - body: the whole body; must be empty for 204 and 304, which have none.
    public init(status: Int, fields: [(String, String)] = [], body: [UInt8] = []) {
        precondition((200...599).contains(status), "a final status")
        let bodiless = status == 204 || status == 304
        precondition(!bodiless || body.isEmpty, "204 and 304 have no body")
        var head: [UInt8] = []
        head.appendStatusLine(status)
        for (name, value) in fields {
            precondition(name.utf8.allSatisfy(ByteClass.token.contains) && !name.isEmpty, "a field name is a token")
            precondition(!value.utf8.contains { $0 < 0x20 && $0 != Byte.tab || $0 == 0x7f }, "no control in a value")
            head.appendField(name, value)
        }
        if !bodiless { head.appendField("Content-Length", String(body.count)) }
        self.status = status
        headLength = head.count
        bytes = head + body
    }

    /// An answer of plain text in UTF-8.
    public convenience init(status: Int = 200, text: String, fields: [(String, String)] = []) {
        self.init(
            status: status, fields: [("Content-Type", "text/plain; charset=utf-8")] + fields, body: Array(text.utf8))
    }

    /// 404 with a line of text.
    public static let notFound = PreparedResponse(status: 404, text: "not found\n")

    /// 405 with the methods that the target has: RFC 9110, section 15.5.6, demands Allow.
    ///
    /// Make it once and keep it; it allocates.
    public static func methodNotAllowed(allow methods: [String]) -> PreparedResponse {
        PreparedResponse(
            status: 405, text: "method not allowed\n", fields: [("Allow", methods.joined(separator: ", "))])
    }
}

extension [UInt8] {
    mutating func append(_ text: StaticString) {
        // SAFETY: a StaticString's bytes live as long as the program, and the buffer is as long as it says.
        append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func appendStatusLine(_ status: Int) {
        append("HTTP/1.1 ")
        append(UInt8(truncatingIfNeeded: 0x30 + status / 100 % 10))
        append(UInt8(truncatingIfNeeded: 0x30 + status / 10 % 10))
        append(UInt8(truncatingIfNeeded: 0x30 + status % 10))
        append(Byte.space)
        append(StatusText.phrase(status))
        append("\r\n")
    }

    mutating func appendField(_ name: String, _ value: String) {
        append(contentsOf: name.utf8)
        append(": ")
        append(contentsOf: value.utf8)
        append("\r\n")
    }
}
