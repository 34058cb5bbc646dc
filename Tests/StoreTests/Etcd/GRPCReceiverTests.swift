import Store
import Testing

@Suite("What a server sends on a call")
struct GRPCReceiverTests {
    private static let messages: [[UInt8]] = [[], [7], Array(repeating: 1, count: 300), [1, 2, 3]]

    private static func frame(_ message: [UInt8]) -> [UInt8] {
        [0] + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: message.count >> $0) } + message
    }

    private func receiver(_ body: [UInt8], cut: Int, maxMessage: Int = 1000) -> GRPCReceiver {
        var receiver = GRPCReceiver(maxMessage: maxMessage)
        receiver.receive(field: ":status", value: "200")
        receiver.receive(field: "content-type", value: "application/grpc+proto")
        for part in [body.prefix(cut), body.dropFirst(cut)] {
            Array(part).withUnsafeBufferPointer { receiver.receive(data: $0) }
        }
        return receiver
    }

    @Test("messages are the same wherever the bytes are cut")
    func cuts() {
        let bytes = Self.messages.flatMap { Self.frame($0) }
        for cut in 0...bytes.count {
            var receiver = receiver(bytes, cut: cut)
            receiver.receive(field: "grpc-status", value: "0")
            receiver.receiveEnd()
            var got: [[UInt8]] = []
            while let message = receiver.take() { got.append(message) }
            #expect(got == Self.messages, "cut at \(cut)")
            #expect(receiver.end == .status(GRPCStatus(code: .ok, message: "")))
        }
    }

    @Test("a head without a body that carries the status is an answer")
    func headOnly() {
        var receiver = GRPCReceiver(maxMessage: 10)
        receiver.receive(field: ":status", value: "200")
        receiver.receive(field: "content-type", value: "application/grpc")
        receiver.receive(field: "grpc-status", value: "14")
        receiver.receive(field: "grpc-message", value: "100%25 \u{e9} %C3%BC %zz")
        receiver.receiveEnd()
        #expect(receiver.end == .status(GRPCStatus(code: .unavailable, message: "100% \u{e9} \u{fc} %zz")))
    }

    @Test("a status that nobody knows counts as unknown, and none as a fault")
    func strange() {
        for (status, end) in [
            ("99", GRPCFailure.status(GRPCStatus(code: .unknown, message: ""))),
            ("x", .status(GRPCStatus(code: .unknown, message: ""))), (nil, .malformed("no grpc-status")),
        ] {
            var receiver = receiver([], cut: 0)
            if let status { receiver.receive(field: "grpc-status", value: status) }
            receiver.receiveEnd()
            #expect(receiver.end == end)
        }
    }

    @Test("a message that ends early, a compressed one and one that is too long are refused")
    func broken() {
        var short = receiver(Self.frame([1, 2, 3]).dropLast(), cut: 2)
        short.receive(field: "grpc-status", value: "0")
        short.receiveEnd()
        #expect(short.end == .malformed("a message that ends early"))
        #expect(receiver([1, 0, 0, 0, 0], cut: 3).end == .malformed("a compressed message, which was not asked for"))
        #expect(receiver([0, 0, 0, 0, 11], cut: 5, maxMessage: 10).end == .oversized)
    }

    @Test("an answer of something else than gRPC says so")
    func plain() {
        var receiver = GRPCReceiver(maxMessage: 10)
        receiver.receive(field: ":status", value: "404")
        receiver.receive(field: "content-type", value: "text/plain")
        receiver.receiveEnd()
        #expect(receiver.end == .malformed("an answer with HTTP status 404, and not gRPC's"))
    }

    @Test("what came before the end of a connection is kept, the end is a loss")
    func lost() {
        var receiver = receiver(Self.frame([5]), cut: 3)
        receiver.close(HTTP2Failure.connectionLost("reset"))
        receiver.close(HTTP2Failure.refused)
        #expect(receiver.take() == [5])
        #expect(receiver.end == .lost("reset"))
    }
}
