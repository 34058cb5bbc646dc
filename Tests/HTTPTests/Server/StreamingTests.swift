import HTTP
import HTTPTypes
import Runtime
import Synchronization
import TestSupport
import Testing

@Suite("streamed answers")
struct StreamingTests {
    private func streaming(
        _ produce: @escaping @Sendable (BodyWriter) async throws -> Void
    ) -> @Sendable (borrowing RequestView, ConnectionContext) -> Answer {
        { request, _ in
            request.pathIs("/hello") ? .prepared(hello) : .respond(Response(status: 200, body: .stream(produce)))
        }
    }

    static let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    @Test("each piece is sent when it's written, and the next request follows the last")
    func pieces() async throws {
        let gate = Gate()
        let handler = streaming { writer in
            try await writer.write("first")
            try await writer.write("")
            try await gate.pass()
            try await writer.write("0123456789abcdef!")
        }
        try await withServer(handler: handler) { server, address in
            let peer = try await Peer(address)
            try await peer.send(get("/stream") + get("/hello"))
            #expect(try await peer.receive("first\r\n") == Self.head + "5\r\nfirst\r\n")
            gate.open()
            #expect(try await peer.receive("hello") == "11\r\n0123456789abcdef!\r\n0\r\n\r\n" + helloBytes)
            #expect(await server.counters.tasks == 1)
        }
    }

    @Test("for HTTP/1.0 the body is bare and ends with the connection")
    func http10() async throws {
        let handler = streaming { writer in
            try await writer.write("one ")
            try await writer.write("two")
        }
        try await withServer(handler: handler) { _, address in
            let text = try await exchange(address, "GET /s HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            #expect(text == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\none two")
        }
    }

    @Test("a body that fails is cut, so that nobody takes it for whole")
    func failure() async throws {
        struct Odd: Error {}
        let handler = streaming { writer in
            try await writer.write("half")
            throw Odd()
        }
        try await withServer(handler: handler) { _, address in
            let text = try await exchange(address, get("/stream"))
            #expect(text == Self.head + "4\r\nhalf\r\n")
        }
    }

    @Test("a peer that doesn't read holds the writer up, and gets all of it once it does")
    func backPressure() async throws {
        let written = Atomic<Int>(0)
        let piece = [UInt8](repeating: 0x78, count: 50_000)
        let handler = streaming { writer in
            for _ in 0..<400 {
                try await writer.write(piece)
                written.add(1, ordering: .relaxed)
            }
        }
        try await withServer({ $0.maxUnsent = 100_000 }, handler: handler) { _, address in
            let peer = try await Peer(address)
            try await peer.send(get("/stream", "Connection: close\r\n"))
            // The peer's own connection reads ahead 256 KiB and stops: then buffers fill, and the writer waits.
            var seen = -1
            while seen != written.load(ordering: .relaxed) {
                seen = written.load(ordering: .relaxed)
                try await TestLoops.other.sleep(for: .milliseconds(300))
            }
            #expect(seen < 400)
            let (count, last) = try await peer.countToEnd()
            #expect(last == "xxxxxxxxx\r\n0\r\n\r\n")
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n".utf8.count
            #expect(count == head + 400 * (50_000 + "c350\r\n\r\n".utf8.count) + 5)
        }
    }

    @Test("a writer whose peer is gone is cancelled, also while it waits")
    func peerGone() async throws {
        let ended = Gate()
        let piece = [UInt8](repeating: 0x78, count: 100_000)
        let handler = streaming { writer in
            defer { ended.open() }
            while true { try await writer.write(piece) }
        }
        try await withServer(handler: handler) { _, address in
            let peer = try await Peer(address)
            try await peer.send(get("/stream"))
            _ = try await peer.connection.read()
            peer.connection.reset()
            try await ended.pass()
        }
    }
}

@Suite("requests that wait")
struct WaitingTests {
    @Test("a peer that goes away cancels the task that answers it")
    func cancelled() async throws {
        let started = Gate()
        let ended = Gate()
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { _, _ in
            .task { _ in
                started.open()
                defer { ended.open() }
                try await TestLoops.loop.sleep(for: .seconds(60))
                return .notFound
            }
        }
        try await withServer({ $0.halfCloseGrace = .milliseconds(100) }, handler: handler) { _, address in
            let peer = try await Peer(address)
            try await peer.send(get("/"))
            try await started.pass()
            peer.connection.close()
            try await ended.pass()
        }
    }

    @Test("a peer that has only closed its sending half is still answered")
    func halfClosed() async throws {
        let gate = Gate()
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { _, _ in
            .task { _ in
                try await gate.pass()
                return .text("late")
            }
        }
        try await withServer({ $0.halfCloseGrace = .seconds(30).patient }, handler: handler) { server, address in
            let peer = try await Peer(address)
            try await peer.send(get("/") + get("/"))
            try await peer.connection.shutdownWrite()
            while await server.counters.tasks < 1 { await Task.yield() }
            gate.open()
            let text = try await peer.receiveToEnd()
            #expect(text.components("late") == 2)
        }
    }

    @Test("the task has the request: method, path, segments, query, fields, body, credentials")
    func request() async throws {
        let seen = Locked<Request?>(nil)
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { _, _ in
            .task { request in
                seen.withLock { $0 = request }
                return .text("ok")
            }
        }
        try await withServer({ $0.admit = { _ in 77 } }, handler: handler) { _, address in
            let peer = try await Peer(address)
            try await peer.send(
                "PUT /v1/a%2Fb/%C3%A4/?x=1+2&y&x=%26 HTTP/1.1\r\nHost: h\r\nX-One: 1\r\nx-one: 2\r\nContent-Length: 2\r\n\r\nhi"
            )
            _ = try await peer.receive("ok")
            let request = try #require(seen.withLock { $0 })
            #expect(request.method == "PUT")
            #expect(request.path == "/v1/a%2Fb/%C3%A4/")
            #expect(request.pathSegments == ["v1", "a/b", "ä", ""])
            #expect(request.query.map { "\($0.0)=\($0.1)" } == ["x=1 2", "y=", "x=&"])
            #expect(request.queryValue("x") == "1 2")
            #expect(request.fields.count == 4)
            #expect(request.fields.map(\.value) == ["h", "1", "2", "2"])
            #expect(request.body == Array("hi".utf8))
            #expect(request.context.token == 77)
            #expect(request.context.credentials == nil)
        }
    }

    @Test("too much pipelined behind a waiting request is left with the kernel, and served in the end")
    func pipelinedBehind() async throws {
        let gate = Gate()
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { request, _ in
            request.pathIs("/wait")
                ? .task { _ in
                    try await gate.pass()
                    return .text("waited")
                } : .prepared(hello)
        }
        try await withServer({ $0.maxPipelined = 1000 }, handler: handler) { server, address in
            let peer = try await Peer(address)
            try await peer.send(get("/wait") + String(repeating: get("/"), count: 2000))
            while await server.counters.tasks < 1 { await Task.yield() }
            #expect(await server.counters.requests == 1)
            gate.open()
            let text = try await peer.receive { $0.components("hello") == 2000 }
            #expect(text.components("waited") == 1)
        }
    }
}

@Suite("upgrades")
struct UpgradeTests {
    static let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { request, _ in
        guard request.wantsUpgrade, request.fieldText("upgrade") == "echo" else {
            return .respond(.text("upgrade, please\n", status: 426))
        }
        let body = Response.Body.upgrade(protocol: "echo") { connection in
            do {
                while let bytes = try await connection.read() { try await connection.write(bytes) }
            } catch {}
        }
        return .respond(Response(status: 101, body: body))
    }

    @Test("after 101 the connection is the handler's, what came early included, and closes after it")
    func echo() async throws {
        try await withServer(handler: Self.handler) { server, address in
            let peer = try await Peer(address)
            try await peer.send(get("/", "Connection: Upgrade\r\nUpgrade: echo\r\n") + "early ")
            let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n"
            #expect(try await peer.receive("early ") == head + "early ")
            try await peer.send("late")
            #expect(try await peer.receive("late") == "late")
            #expect(await server.counters.bytesInFlight == 0)
            try await peer.connection.shutdownWrite()
            #expect(try await peer.receiveToEnd() == "")
        }
    }

    @Test("a server that stops cuts upgraded connections at its deadline")
    func stop() async throws {
        try await withServer(handler: Self.handler) { server, address in
            let peer = try await Peer(address)
            try await peer.send(get("/", "Connection: Upgrade\r\nUpgrade: echo\r\n"))
            _ = try await peer.receive("\r\n\r\n")
            #expect(await server.counters.connections == 1)
            await server.stop(within: .milliseconds(50))
            #expect(try await peer.receiveToEnd() == "")
        }
    }
}
