/// What a server sends on one call, put together: fields, messages of a 5-byte head and their bytes, and the status that ends
/// it, in the trailers or in a head that has nothing after it. Pure.
package struct GRPCReceiver: Sendable {
    /// The longest message that is taken.
    let maxMessage: Int
    /// Messages that are complete, the oldest first.
    package private(set) var messages: [[UInt8]] = []
    /// How the call ended; nil as long as it goes on. Messages that came before are still there.
    package private(set) var end: GRPCFailure?

    private var httpStatus = 0
    private var contentType = ""
    private var code: Int?
    private var message = ""
    /// The head of the message that is arriving, and its bytes so far.
    private var head: [UInt8] = []
    private var body: [UInt8] = []
    private var missing: Int?

    package init(maxMessage: Int) { self.maxMessage = maxMessage }

    /// Whether the call ended as it should.
    var isOK: Bool { end == .status(GRPCStatus(code: .ok, message: "")) }

    /// Takes the oldest complete message.
    package mutating func take() -> [UInt8]? { messages.isEmpty ? nil : messages.removeFirst() }

    package mutating func receive(field name: String, value: String) {
        switch name {
        case ":status": httpStatus = Int(value) ?? 0
        case "content-type": contentType = value
        case "grpc-status": code = Int(value) ?? 2
        case "grpc-message": message = GRPCStatus.decode(message: value)
        default: break
        }
    }

    /// Bytes of the body.
    package mutating func receive(data: UnsafeBufferPointer<UInt8>) {
        var rest = data[...]
        while !rest.isEmpty, end == nil {
            if missing == nil {
                let part = rest.prefix(5 - head.count)
                head += part
                rest = rest.dropFirst(part.count)
                if head.count == 5 { begin() }
            }
            if let count = missing {
                let part = rest.prefix(count)
                body += part
                rest = rest.dropFirst(part.count)
                missing = count - part.count
                if missing == 0 { finish() }
            }
        }
    }

    private mutating func begin() {
        let count = head[1...].reduce(0) { $0 << 8 | Int($1) }
        guard head[0] == 0 else {
            end = .malformed("a compressed message, which was not asked for")
            return
        }
        guard count <= maxMessage else {
            end = .oversized
            return
        }
        missing = count
        body.reserveCapacity(count)
    }

    private mutating func finish() {
        messages.append(body)
        (head, body, missing) = ([], [], nil)
    }

    /// The server sends no more: what it said counts.
    package mutating func receiveEnd() {
        guard end == nil else { return }
        guard let code else {
            let isPlain = httpStatus != 200 || !contentType.hasPrefix("application/grpc")
            end = .malformed(isPlain ? "an answer with HTTP status \(httpStatus), and not gRPC's" : "no grpc-status")
            return
        }
        guard code != 0 || missing == nil && head.isEmpty else {
            end = .malformed("a message that ends early")
            return
        }
        end = .status(GRPCStatus(code: GRPCStatus.Code(rawValue: code) ?? .unknown, message: code == 0 ? "" : message))
    }

    /// The stream is over.
    package mutating func close(_ failure: HTTP2Failure?) {
        guard end == nil else { return }
        end = failure.map { GRPCFailure($0) } ?? .lost("the server ended the stream without a status")
    }

    /// Ends it on this side.
    mutating func close(_ failure: GRPCFailure) { if end == nil { end = failure } }
}
