/// Why a message was refused: a code, and the status a server answers it with before it closes the connection.
///
/// Every case is fatal to the connection it occurred on: after a message whose framing is in doubt nothing that
/// follows can be trusted to be where it seems to be (RFC 9112, sections 6.3 and 11.2).
public struct MessageError: Error, Sendable, Hashable {
    /// What was wrong, a case for each rule that can be broken.
    public enum Code: UInt8, Sendable, Hashable, CaseIterable {
        /// The request line is no `method SP target SP version CRLF`.
        case badRequestLine
        /// The request target is none of the four forms, or not the form its method asks for.
        case badTarget
        /// A percent sign in the path without two hexadecimal digits after it, or an encoded NUL.
        case badPercentEncoding
        /// The version is not 1.x.
        case unsupportedVersion
        /// The method is longer than any there is, or is CONNECT, which only a proxy can honour.
        case unsupportedMethod
        /// A field line that is no `name ":" value`, among them one with white space before the colon.
        case badField
        /// A line that begins with white space: the obsolete folding of RFC 2616.
        case folded
        /// A line feed without, or a carriage return with something else than, its partner.
        case bareLineEnd
        /// An HTTP/1.1 request without Host, any with two, or one whose value is no host.
        case badHost
        /// Content-Length is no single decimal number, or appears twice.
        case badContentLength
        /// Transfer-Encoding does not end in chunked, names it twice, or came with HTTP/1.0.
        case badTransferEncoding
        /// A transfer coding before chunked that is not implemented; only chunked is.
        case unsupportedTransferCoding
        /// Content-Length and Transfer-Encoding in one message: the classic of request smuggling.
        case ambiguousLength
        /// A chunk's size line, its end, or a trailer is malformed.
        case badChunk
        /// An expectation other than 100-continue.
        case unsupportedExpectation
        /// The request line is longer than the limit.
        case requestLineTooLong
        /// The head is larger, or has more fields, than the limits.
        case headTooLarge
        /// The body is larger than the limit.
        case bodyTooLarge
        /// The peer took longer than the limit.
        case timedOut
        /// A response's status line is no `version SP status SP reason CRLF`.
        case badStatusLine
        /// The peer closed the connection inside a message.
        case truncated
    }

    /// What was wrong.
    public let code: Code

    /// The error of a code.
    public init(_ code: Code) { self.code = code }

    /// The status of the answer a server gives: RFC 9110, section 15.
    public var status: Int {
        switch code {
        case .unsupportedVersion: 505
        case .unsupportedMethod, .unsupportedTransferCoding: 501
        case .unsupportedExpectation: 417
        case .requestLineTooLong: 414
        case .headTooLarge: 431
        case .bodyTooLarge: 413
        case .timedOut: 408
        default: 400
        }
    }

    /// One line for a log or for the answer's body.
    public var message: String {
        switch code {
        case .badRequestLine: "the request line is malformed"
        case .badTarget: "the request target is malformed"
        case .badPercentEncoding: "the path holds a malformed percent encoding"
        case .unsupportedVersion: "only HTTP/1.0 and HTTP/1.1 are spoken here"
        case .unsupportedMethod: "the method is not implemented"
        case .badField: "a header field is malformed"
        case .folded: "a header field is folded over two lines"
        case .bareLineEnd: "a line does not end in CR LF"
        case .badHost: "the Host field is missing, doubled or malformed"
        case .badContentLength: "Content-Length is malformed or doubled"
        case .badTransferEncoding: "Transfer-Encoding does not end in a single chunked"
        case .unsupportedTransferCoding: "no transfer coding but chunked is implemented"
        case .ambiguousLength: "Content-Length and Transfer-Encoding exclude each other"
        case .badChunk: "the chunked body is malformed"
        case .unsupportedExpectation: "no expectation but 100-continue can be met"
        case .requestLineTooLong: "the request line is too long"
        case .headTooLarge: "the header section is too large"
        case .bodyTooLarge: "the body is too large"
        case .timedOut: "the request took too long to arrive"
        case .badStatusLine: "the status line is malformed"
        case .truncated: "the connection ended inside a message"
        }
    }
}

extension MessageError: CustomStringConvertible {
    /// The message.
    public var description: String { message }
}
