/// How a server says that a call ended: gRPC's status codes, and its words.
struct GRPCStatus: Sendable, Hashable, CustomStringConvertible {
    /// The codes, as gRPC numbers them.
    enum Code: Int, Sendable {
        case ok, cancelled, unknown, invalidArgument, deadlineExceeded, notFound, alreadyExists, permissionDenied
        case resourceExhausted, failedPrecondition, aborted, outOfRange, unimplemented, `internal`, unavailable, dataLoss
        case unauthenticated
    }

    var code: Code
    var message: String

    var description: String { message.isEmpty ? "\(code)" : message }

    /// Decodes `grpc-message`: UTF-8 whose unusual bytes are written as %XX.
    static func decode(message: String) -> String {
        guard message.utf8.contains(UInt8(ascii: "%")) else { return message }
        var bytes: [UInt8] = []
        var rest = Substring(message)
        while let first = rest.utf8.first {
            if first == UInt8(ascii: "%"), rest.utf8.count >= 3,
                let byte = UInt8(rest.dropFirst().prefix(2), radix: 16)
            {
                bytes.append(byte)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(first)
                rest = Substring(rest.utf8.dropFirst())
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Why a call has no answer.
enum GRPCFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// The server says so.
    case status(GRPCStatus)
    /// The server has certainly not looked at it.
    case refused
    /// The connection or the stream ended before the answer, for the reason in words.
    case lost(String)
    /// Its time was over.
    case deadline
    /// Whoever asked does not want to know any more.
    case cancelled
    /// An answer is longer than allowed.
    case oversized
    /// The answer is not gRPC's, in words.
    case malformed(String)

    init(_ failure: HTTP2Failure) {
        switch failure {
        case .refused: self = .refused
        case .reset, .connectionLost, .protocolViolation: self = .lost(failure.description)
        }
    }

    /// In words.
    var description: String {
        switch self {
        case .status(let status): status.description
        case .refused: "the server takes no more requests on this connection"
        case .lost(let reason), .malformed(let reason): reason
        case .deadline: "the server did not answer in time"
        case .cancelled: "cancelled"
        case .oversized: "the answer is too long"
        }
    }
}
