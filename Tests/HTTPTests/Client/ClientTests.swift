import HTTP
import HTTPTypes
import Runtime
import TestSupport
import Testing

/// Answers each connection with raw bytes: after `count` requests' heads have come, for servers that misbehave.
private func withRawServer(
    _ answers: [String], closes: Bool = true,
    _ body: @escaping @Sendable (Client, Counter) async throws -> Void
) async throws {
    let descriptor = try Listener.socket(on: .ipv4(host: "127.0.0.1", port: 0))
    let address = try #require(try SocketAddress.local(of: descriptor))
    let accepted = Counter()
    let listener = RawListener()
    TestLoops.loop.run {
        listener.start(descriptor) { number in
            let connection = Connection(adopting: number, on: TestLoops.loop)
            let turn = accepted.value.withLock { count in
                count += 1
                return count - 1
            }
            spawn(on: TestLoops.loop, "raw server") {
                var seen: [UInt8] = []
                while let bytes = try await connection.read() {
                    seen += bytes
                    if seen.suffix(4) == Array("\r\n\r\n".utf8) { break }
                }
                try await connection.write(Array(answers[turn % answers.count].utf8))
                if !closes { while try await connection.read() != nil {} }
                connection.close()
            }
        }
    }
    let client = Client(address: address, on: TestLoops.other)
    do {
        try await guarded { try await body(client, accepted) }
    } catch {
        listener.stop()
        throw error
    }
    listener.stop()
}

private final class Counter: Sendable {
    let value = Locked(0)
}

private final class RawListener: @unchecked Sendable {
    // SAFETY: used on the first test loop alone.
    private var listener: Listener?
    func start(_ descriptor: CInt, _ onAccept: @escaping @Sendable (CInt) -> Void) {
        listener = try? Listener(adopting: descriptor, on: TestLoops.loop) { onAccept($0) }
    }
    func stop() { TestLoops.loop.run { self.listener?.close() } }
}

private func code(_ body: () async throws -> Void) async -> ClientError.Code? {
    do {
        try await body()
        return nil
    } catch let error as ClientError {
        return error.code
    } catch {
        Issue.record("\(error)")
        return nil
    }
}

private func text(_ response: ClientResponse) async throws -> String {
    String(decoding: try await response.body.collect(limit: 100), as: UTF8.self)
}

@Suite("the client")
struct ClientTests {
    static let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { request, _ in
        if request.pathIs("/hello") { return .prepared(hello) }
        return .task { request in
            switch request.path {
            case "/stream":
                Response(
                    status: 200,
                    body: .stream { writer in
                        for line in ["{\"a\":1}\n{\"b\"", ":2}\n", "\n", "{\"c\":3}"] { try await writer.write(line) }
                    })
            case "/cut":
                Response(
                    status: 200,
                    body: .stream { writer in
                        try await writer.write("half")
                        throw CancellationError()
                    })
            case "/never": try await wait(request)
            default:
                Response(
                    status: 201, fields: [.contentType: "application/json", .eTag: "x"],
                    body: .bytes(Array("\(request.method) \(request.path) \(request.body.count)".utf8)))
            }
        }
    }

    private static func wait(_ request: Request) async throws -> Response {
        try await request.context.loop.sleep(for: .seconds(60))
        return .notFound
    }

    @Test("gets status, fields and body, and keeps the connection for the next idempotent request")
    func simple() async throws {
        try await withServer(handler: Self.handler) { server, address in
            let client = Client(address: address, on: TestLoops.other)
            for _ in 0..<3 {
                let response = try await client.send(ClientRequest(path: "/hello"))
                #expect(response.status == 200)
                #expect(response.fields[.contentType] == "text/plain; charset=utf-8")
                #expect(try await text(response) == "hello")
            }
            let put = try await client.send(
                ClientRequest(method: "PUT", path: "/x?y", body: [1, 2, 3]), timeout: .seconds(5).patient)
            #expect(put.status == 201)
            #expect(try await text(put) == "PUT /x 3")
            #expect(await server.counters.accepted == 1)
            // A POST is sent once, so it gets a connection that can't have gone stale.
            let post = try await client.send(ClientRequest(method: "POST", path: "/x"))
            #expect(try await text(post) == "POST /x 0")
            #expect(await server.counters.accepted == 2)
            client.close()
        }
    }

    @Test("HEAD has no body and keeps the connection")
    func head() async throws {
        try await withServer(handler: Self.handler) { server, address in
            let client = Client(address: address, on: TestLoops.other)
            let response = try await client.send(ClientRequest(method: "HEAD", path: "/hello"))
            #expect(response.fields[.contentLength] == "5")
            #expect(try await response.body.collect(limit: 0) == [])
            _ = try await client.send(ClientRequest(path: "/hello"))
            #expect(await server.counters.accepted == 1)
        }
    }

    @Test("a streamed answer comes as lines, the last one without its end too")
    func lines() async throws {
        try await withServer(handler: Self.handler) { server, address in
            let client = Client(address: address, on: TestLoops.other)
            let response = try await client.send(ClientRequest(path: "/stream"))
            var lines: [String] = []
            for try await line in response.body.lines() { lines.append(String(decoding: line, as: UTF8.self)) }
            #expect(lines == ["{\"a\":1}", "{\"b\":2}", "", "{\"c\":3}"])
            _ = try await client.send(ClientRequest(path: "/hello")).body.collect(limit: 10)
            #expect(await server.counters.accepted == 1)
            let long = try await client.send(ClientRequest(path: "/stream"))
            #expect(await code { for try await _ in long.body.lines(maxLength: 3) {} } == .bodyTooLarge)
        }
    }

    @Test("a body over the limit, one that is cut, and an answer that never comes are errors of their own")
    func failures() async throws {
        try await withServer(handler: Self.handler) { server, address in
            let client = Client(address: address, on: TestLoops.other)
            let large = try await client.send(ClientRequest(path: "/hello"))
            #expect(await code { _ = try await large.body.collect(limit: 4) } == .bodyTooLarge)
            let cut = try await client.send(ClientRequest(path: "/cut"))
            #expect(await code { _ = try await cut.body.collect(limit: 100) } == .interrupted)
            #expect(
                await code { _ = try await client.send(ClientRequest(path: "/never"), timeout: .milliseconds(50)) }
                    == .timedOut)
            // The one that timed out may never have reached the server.
            let before = await server.counters.tasks
            let pending = spawn(on: TestLoops.other, "pending") { try await client.send(ClientRequest(path: "/never")) }
            while await server.counters.tasks == before { try await TestLoops.other.sleep(for: .milliseconds(2)) }
            pending.cancel()
            await #expect(throws: CancellationError.self) { _ = try await pending.value }
        }
    }

    @Test("a refusal is heard though the body was not read")
    func refusedBody() async throws {
        try await withServer({ $0.maxBody = 1000 }, handler: Self.handler) { _, address in
            let client = Client(address: address, on: TestLoops.other)
            let body = [UInt8](repeating: 0x78, count: 20_000_000)
            let response = try await client.send(ClientRequest(method: "PUT", path: "/x", body: body))
            #expect(response.status == 413)
            #expect(try await text(response) == "the body is too large\n")
            let whole = try await client.send(ClientRequest(method: "PUT", path: "/x", body: [1]))
            #expect(whole.status == 201)
        }
    }

    @Test("a body that is let go of closes its connection")
    func abandoned() async throws {
        try await withServer({ $0.halfCloseGrace = .milliseconds(10) }, handler: Self.handler) { server, address in
            let client = Client(address: address, on: TestLoops.other)
            _ = try await client.send(ClientRequest(path: "/stream"))
            while await server.counters.connections > 0 { await Task.yield() }
        }
    }

    @Test(
        "what can't be written as HTTP is not sent",
        arguments: [
            ("GET", "no-slash"), ("GET", "/a b"), ("GET", "/a\r\nX: y"), ("GET", "/ä"), ("G T", "/"), ("", "/"),
        ])
    func badRequests(_ method: String, _ path: String) {
        #expect(throws: ClientError.self) { try ClientRequest(method: method, path: path).encoded(host: "a") }
    }

    @Test("a request's bytes")
    func encoding() throws {
        var request = ClientRequest(path: "/" + percentEncoded("a/b ä"), fields: [.accept: "*/*", .contentLength: "9"])
        let bare = try String(decoding: request.encoded(host: "h"), as: UTF8.self)
        #expect(
            bare
                == "GET /a%2Fb%20%C3%A4 HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n\r\n")
        request.method = "POST"
        request.body = [0x78]
        #expect(
            try String(decoding: request.encoded(host: "h"), as: UTF8.self).hasSuffix(
                "\r\nContent-Length: 1\r\n\r\nx"))
    }

    @Test("nobody there is unreachable")
    func unreachable() async throws {
        let client = Client(address: .unix(path: "/nonexistent/http.sock"), on: TestLoops.other)
        #expect(await code { _ = try await client.send(ClientRequest(path: "/")) } == .unreachable)
    }

    @Test("asks for an upgrade and gets the connection from its first byte, or the refusal with its body")
    func upgrade() async throws {
        try await withServer(handler: UpgradeTests.handler) { _, address in
            let client = Client(address: address, on: TestLoops.other)
            let connection = try await client.upgrade(path: "/", protocol: "echo")
            try await connection.write(Array("ping".utf8))
            #expect(try await connection.read() == Array("ping".utf8))
            connection.close()
            do {
                _ = try await client.upgrade(path: "/", protocol: "other", timeout: .seconds(5).patient)
                Issue.record("upgraded")
            } catch let refused as UpgradeRefused {
                #expect(refused.response.status == 426)
                let body = try await refused.response.body.collect(limit: 100)
                #expect(String(decoding: body, as: UTF8.self) == "upgrade, please\n")
            }
        }
    }

    @Test("an interim answer is passed over")
    func interim() async throws {
        try await withRawServer([
            "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        ]) {
            client, _ in
            let response = try await client.send(ClientRequest(path: "/"))
            #expect(response.status == 200)
            #expect(try await text(response) == "ok")
        }
    }

    @Test("a body that ends with the connection is whole")
    func untilClose() async throws {
        try await withRawServer(["HTTP/1.1 200 OK\r\n\r\nabc"]) { client, _ in
            let response = try await client.send(ClientRequest(path: "/"))
            #expect(try await text(response) == "abc")
        }
    }

    @Test("an idempotent request is sent again if its kept connection was closed, and only then")
    func retry() async throws {
        try await withRawServer(["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"]) { client, accepted in
            for turn in 1...3 {
                let response = try await client.send(ClientRequest(path: "/"))
                #expect(try await text(response) == "ok")
                #expect(accepted.value.withLock { $0 } == turn)
            }
        }
        try await withRawServer([""]) { client, accepted in
            #expect(await code { _ = try await client.send(ClientRequest(path: "/")) } == .interrupted)
            #expect(accepted.value.withLock { $0 } == 1)
        }
    }

    @Test(
        "malformed and truncated answers are told apart",
        arguments: [
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", ClientError.Code.badAnswer),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n", .badAnswer),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", .interrupted),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", .interrupted),
            ("HTTP/1.1 200 OK\r\nContent-Le", .interrupted),
            ("SSH-2.0-x\r\n", .badAnswer),
            ("HTTP/1.1 101 Switching Protocols\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", .badAnswer),
        ])
    func malformed(_ answer: String, _ expected: ClientError.Code) async throws {
        try await withRawServer([answer]) { client, _ in
            let seen = await code { _ = try await client.send(ClientRequest(path: "/")).body.collect(limit: 100) }
            #expect(seen == expected)
        }
    }
}
