/// How a server says that a call ended: gRPC's status codes, and its words.
package struct GRPCStatus: Sendable, Hashable, CustomStringConvertible {
    /// The codes, as gRPC numbers them.
    package enum Code: Int, Sendable {
        case ok, cancelled, unknown, invalidArgument, deadlineExceeded, notFound, alreadyExists, permissionDenied
        case resourceExhausted, failedPrecondition, aborted, outOfRange, unimplemented, `internal`, unavailable,
            dataLoss
        case unauthenticated
    }

    package var code: Code
    package var message: String

    package init(code: Code, message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message.isEmpty ? "\(code)" : message }

    /// Decodes `grpc-message`: UTF-8 whose unusual bytes are written as %XX.
    package static func decode(message: String) -> String {
        guard message.utf8.contains(UInt8(ascii: "%")) else { return message }
        var bytes: [UInt8] = []
        var rest = Array(message.utf8)[...]
        while let first = rest.first {
            let digits = rest.dropFirst().prefix(2)
            if first == UInt8(ascii: "%"), digits.count == 2,
                let byte = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
            {
                bytes.append(byte)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(first)
                rest = rest.dropFirst()
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Why a call has no answer.
package enum GRPCFailure: Error, Sendable, Hashable, CustomStringConvertible {
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
    package var description: String {
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
