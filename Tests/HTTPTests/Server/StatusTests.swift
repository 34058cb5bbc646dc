import HTTP
import Runtime
import TestSupport
import Testing

@Suite("statuses that frame their answers")
struct StatusTests {
    /// How a handler gives its answer.
    enum Form: CaseIterable { case atOnce, byTask, held }

    private static func handler(
        _ form: Form, _ made: Response
    ) -> @Sendable (borrowing RequestView, ConnectionContext) -> Answer {
        let topic = HoldTopic(on: TestLoops.loop)
        return { request, _ in
            if request.pathIs("/hello") { return .prepared(hello) }
            return switch form {
            case .atOnce: .respond(made)
            case .byTask: .task { _ in made }
            // Due at once.
            case .held: .hold(Hold(on: topic, for: .milliseconds(1)) { _ in .respond(made) })
            }
        }
    }

    /// Never to be called.
    @Sendable
    private static func write(_ writer: BodyWriter) async throws {
        Issue.record("a body was asked for")
        try await writer.write("x")
    }

    @Test(
        "204, 205 and 304 have no body, whatever the handler gives, and the next answer follows",
        arguments: Form.allCases)
    func bodiless(_ form: Form) async throws {
        let bodies: [Response.Body] = [.none, .bytes([1]), .stream(Self.write), .sized(1, Self.write)]
        let heads = [
            204: "HTTP/1.1 204 No Content\r\n\r\n", 205: "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n",
            304: "HTTP/1.1 304 Not Modified\r\n\r\n",
        ]
        for (status, head) in heads {
            for body in bodies {
                let response = Response(status: status, body: body)
                try await withServer(handler: Self.handler(form, response)) { _, address in
                    let peer = try await Peer(address)
                    try await peer.send(get("/") + get("/hello"))
                    #expect(try await peer.receive("hello") == head + helloBytes)
                }
            }
        }
    }

    @Test("a status that ends no request becomes what onError makes of it", arguments: Form.allCases)
    func unfit(_ form: Form) async throws {
        for status in [100, 101, 199, 600, 0, -1] {
            let seen = Recorder<BadStatus?>()
            let configure: (inout ServerConfiguration) -> Void = {
                $0.onError = { error in
                    seen.add(error as? BadStatus)
                    return .text("odd", status: 500)
                }
            }
            let response = Response(status: status, body: .bytes([1]))
            try await withServer(configure, handler: Self.handler(form, response)) { _, address in
                let text = try await exchange(address, get("/", "Connection: close\r\n"))
                #expect(text.hasPrefix("HTTP/1.1 500 ") && text.hasSuffix("\r\n\r\nodd"))
            }
            #expect(seen.values.map { $0?.status } == [status])
        }
    }

    @Test("if onError's own status is none either, the answer is a plain 500")
    func unfitError() async throws {
        let configure: (inout ServerConfiguration) -> Void = { $0.onError = { _ in Response(status: 1) } }
        try await withServer(configure, handler: { _, _ in .respond(Response(status: 100)) }) { _, address in
            let text = try await exchange(address, get("/", "Connection: close\r\n"))
            #expect(text.hasPrefix("HTTP/1.1 500 "))
        }
    }
}
