/// Why a stream, or the whole connection with all its streams, ended before its time.
package enum HTTP2Failure: Error, Sendable, Hashable, CustomStringConvertible {
    /// The server has not looked at the request and says so: sending it elsewhere can do no harm.
    case refused
    /// The server ended the stream, by this code of RFC 9113, section 7.
    case reset(UInt32)
    /// The connection is gone, with the reason in words.
    case connectionLost(String)
    /// The peer breaks HTTP/2's rules, in words.
    case protocolViolation(String)

    /// In words.
    package var description: String {
        switch self {
        case .refused: "the server takes no more requests on this connection"
        case .reset(let code): "the server reset the stream (HTTP/2 error \(code))"
        case .connectionLost(let reason): reason
        case .protocolViolation(let reason): "HTTP/2: \(reason)"
        }
    }
}

/// Who is told what happens on a stream. All calls come on the session's loop, while the session works: the handler may open,
/// reset and consume, and must not call `receive` or `takeOutput`.
protocol HTTP2StreamHandler: AnyObject {
    /// A field of the head or of the trailers that gRPC has a use for.
    func didReceive(field name: String, value: String)
    /// The head, or the trailers, are complete.
    func didReceiveFields(isLast: Bool)
    /// Bytes of the body, lent for the call. They count against the stream's window until `consume`.
    func didReceive(data: UnsafeBufferPointer<UInt8>)
    /// The server sends no more on this stream.
    func didEndInput()
    /// The stream is over: the last call. Nil when both sides ended it in good order.
    func didClose(_ failure: HTTP2Failure?)
}
