/// Why a request got no answer.
public struct ClientError: Error, Sendable, CustomStringConvertible {
    /// What went wrong.
    public enum Code: Sendable, Hashable {
        /// No connection could be made; the request was not sent.
        case unreachable
        /// The connection ended before the answer was whole. What the server did is unknown.
        case interrupted
        /// The time given was over. What the server did is unknown.
        case timedOut
        /// The server's answer is no HTTP/1.1.
        case badAnswer
        /// The request can't be written as HTTP: a method, target or field with characters that would end it early.
        case badRequest
        /// More redirects in a row than the policy allows.
        case tooManyRedirects
        /// The body is larger than the limit it was collected with.
        case bodyTooLarge
    }

    /// What went wrong.
    public var code: Code
    /// In words.
    public var message: String
    /// The error below, if there is one.
    public var cause: (any Error)?

    /// An error of its parts.
    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// The message, and the cause's.
    public var description: String { cause.map { "\(message): \($0)" } ?? message }
}

/// The server answered a request for another protocol with something else than 101.
public struct UpgradeRefused: Error, Sendable {
    /// What it answered instead.
    public var response: ClientResponse
}
