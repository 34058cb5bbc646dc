import HTTP
import HTTPTypes
import Runtime
import Synchronization
import TestSupport
import Testing

@Suite("request bodies in pieces")
struct StreamedBodyTests {
    /// Answers with the body's length and its trailers.
    static let counting: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { _, _ in
        .streaming { request, body in
            #expect(request.body.isEmpty)
            var count = 0
            for try await piece in body { count += piece.count }
            let trailers = await body.trailers.map { "\($0.name)=\($0.value)" }.joined(separator: ",")
            return .text("\(count):\(trailers)\n")
        }
    }

    @Test("both framings, no body, byte by byte, and the next request after each")
    func framings() async throws {
        try await withServer(handler: Self.counting) { server, address in
            let peer = try await Peer(address)
            try await peer.send(
                post("Content-Length: 5", "hello") + get("/") + post("Content-Length: 0", "")
                    + post("Transfer-Encoding: chunked", "5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nA: b\r\n\r\n"))
            let text = try await peer.receive("6:A=b\n")
            #expect(text.components("\r\n\r\n5:\n") == 1)
            #expect(text.components("\r\n\r\n0:\n") == 2)
            let chunked = post("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n")
            for byte in chunked.utf8 { try await peer.connection.write([byte]) }
            #expect(try await peer.receive("5:X-Sum=1\n").hasPrefix("HTTP/1.1 200"))
            #expect(await server.counters.accepted == 1)
        }
    }

    @Test("trailers that would change framing, routing or credentials are left out, collected bodies have theirs too")
    func trailers() async throws {
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { request, context in
            if request.pathIs("/") { return Self.counting(request, context) }
            return .task { .text($0.trailers.map { "\($0.name)=\($0.value)" }.joined(separator: ",") + "\n") }
        }
        try await withServer(handler: handler) { _, address in
            let peer = try await Peer(address)
            let body =
                "0\r\nContent-Length: 3\r\nX-Sum: 1\r\nHost: b\r\nAuthorization: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            try await peer.send(post("Transfer-Encoding: chunked", body))
            #expect(try await peer.receive("\r\n0:X-Sum=1\n").hasPrefix("HTTP/1.1 200"))
            try await peer.send("PUT /task HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
            #expect(try await peer.receive("X-Sum=1\n").hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test("while nobody reads, the sender is held up and memory stays bounded; then all of it arrives")
    func backPressure() async throws {
        let gate = Gate()
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { _, _ in
            .streaming { _, body in
                try await gate.pass()
                var count = 0
                while let piece = try await body.read() { count += piece.count }
                return .text("\(count)\n")
            }
        }
        try await withServer({ $0.maxPipelined = 100_000 }, handler: handler) { server, address in
            let peer = try await Peer(address)
            let size = 50_000_000
            let sent = Atomic<Int>(0)
            try await peer.send(post("Content-Length: \(size)", ""))
            let sender = spawn(on: TestLoops.other, "sender") {
                let piece = [UInt8](repeating: 0x78, count: 100_000)
                for _ in 0..<(size / piece.count) {
                    try await peer.connection.write(piece)
                    sent.add(piece.count, ordering: .relaxed)
                }
            }
            var seen = -1
            while seen != sent.load(ordering: .relaxed) || seen == 0 {
                seen = sent.load(ordering: .relaxed)
                try await TestLoops.other.sleep(for: .milliseconds(300))
            }
            #expect(seen < size)
            #expect(await server.counters.bytesInFlight < 300_000)
            gate.open()
            #expect(try await peer.receive("\n").hasSuffix("\r\n\r\n\(size)\n"))
            try await sender.value
            #expect(await server.counters.bytesInFlight == 0)
        }
    }

    @Test("the first read asks a waiting peer to go on; an answer without a read does not, and closes")
    func expectation() async throws {
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { request, context in
            request.pathIs("/") ? Self.counting(request, context) : .streaming { _, _ in .text("no\n", status: 403) }
        }
        try await withServer(handler: handler) { _, address in
            let peer = try await Peer(address)
            try await peer.send(post("Expect: 100-continue\r\nContent-Length: 5", ""))
            #expect(try await peer.receive("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
            try await peer.send("hello")
            #expect(try await peer.receive("5:\n").hasPrefix("HTTP/1.1 200"))
            try await peer.send("PUT /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
            let refused = try await peer.receiveToEnd()
            #expect(refused.hasPrefix("HTTP/1.1 403") && refused.contains("Connection: close"))
        }
    }

    @Test("what is wrong with the body is thrown to the reader and answered as the protocol says")
    func malformed() async throws {
        try await withServer({ $0.maxStreamedBody = 1000 }, handler: Self.counting) { _, address in
            let bad = try await exchange(address, post("Transfer-Encoding: chunked", "5\r\nhello!\r\n") + get("/evil"))
            #expect(bad.hasPrefix("HTTP/1.1 400 ") && bad.components("HTTP/1.1") == 1)
            let known = try await exchange(address, post("Content-Length: 1001", ""))
            #expect(known.hasPrefix("HTTP/1.1 413 "))
            let chunks = String(repeating: "a\r\n0123456789\r\n", count: 101)
            let grown = try await exchange(address, post("Transfer-Encoding: chunked", chunks))
            #expect(grown.hasPrefix("HTTP/1.1 413 "))
            let peer = try await Peer(address)
            try await peer.send(post("Content-Length: 5", "hel"))
            try await peer.connection.shutdownWrite()
            #expect(try await peer.receiveToEnd().hasPrefix("HTTP/1.1 400 "))
        }
        try await withServer({ $0.bodyTimeout = .milliseconds(300) }, handler: Self.counting) { server, address in
            let late = try await exchange(address, post("Content-Length: 5", "hel"))
            #expect(late.hasPrefix("HTTP/1.1 408 "))
            #expect(await server.counters.timeouts == 1)
        }
    }

    @Test("also a server that reads nothing ahead gets the whole body")
    func nothingAhead() async throws {
        try await withServer({ $0.maxPipelined = 0 }, handler: Self.counting) { _, address in
            let peer = try await Peer(address)
            try await peer.send(post("Content-Length: 1000000", ""))
            try await peer.send(String(repeating: "x", count: 1_000_000))
            #expect(try await peer.receive("1000000:\n").hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test("a small rest is dropped after the answer, a large one ends the connection")
    func unread() async throws {
        try await withServer(handler: { _, _ in .streaming { _, _ in .text("no\n") } }) { server, address in
            let peer = try await Peer(address)
            try await peer.send(post("Content-Length: 9", "123"))
            _ = try await peer.receive("no\n")
            try await peer.send("456789" + get("/"))
            #expect(try await peer.receive("no\n").hasPrefix("HTTP/1.1 200"))
            #expect(await server.counters.accepted == 1)
            let large = try await exchange(address, post("Content-Length: 9999999", "abc"))
            #expect(large.contains("Connection: close") && large.hasSuffix("no\n"))
        }
    }

    @Test("body and answer stream at once; after the answer a kept body has nothing of the next request")
    func echo() async throws {
        let kept = Locked<RequestBody?>(nil)
        let writer = Locked<BodyWriter?>(nil)
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { request, _ in
            guard request.pathIs("/") else { return .prepared(hello) }
            return .streaming { _, body in
                kept.withLock { $0 = body }
                return Response(
                    status: 200,
                    body: .stream { out in
                        writer.withLock { $0 = out }
                        while let piece = try await body.read() { try await out.write(piece) }
                    })
            }
        }
        try await withServer(handler: handler) { _, address in
            let peer = try await Peer(address)
            try await peer.send(post("Transfer-Encoding: chunked", "4\r\nping\r\n"))
            #expect(try await peer.receive("ping\r\n").contains("Transfer-Encoding: chunked"))
            try await peer.send("4\r\npong\r\n")
            #expect(try await peer.receive("\r\n") == "4\r\npong\r\n")
            try await peer.send("0\r\n\r\n")
            #expect(try await peer.receive("0\r\n\r\n") == "0\r\n\r\n")
            let body = try #require(kept.withLock { $0 })
            #expect(try await body.read() == nil)
            let out = try #require(writer.withLock { $0 })
            await #expect(throws: CancellationError.self) { try await out.write("late") }
            try await peer.send(get("/next"))
            #expect(try await peer.receive("hello") == helloBytes)
        }
    }

    @Test("a reader whose peer is gone, or whose task is cancelled, waits no longer")
    func cancelled() async throws {
        let started = Gate()
        let ended = Gate()
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { _, _ in
            .streaming { request, body in
                let reading = spawn(on: request.context.loop, "reader") { try await body.read() }
                reading.cancel()
                await #expect(throws: CancellationError.self) { _ = try await reading.value }
                defer { ended.open() }
                started.open()
                await #expect(throws: (any Error).self) { while try await body.read() != nil {} }
                return .notFound
            }
        }
        try await withServer(handler: handler) { _, address in
            let peer = try await Peer(address)
            try await peer.send(post("Content-Length: 5", "h"))
            try await started.pass()
            peer.connection.reset()
            try await ended.pass()
        }
    }
}

@Suite("answers of known length in pieces, and trailers")
struct SizedAnswerTests {
    @Test("they have a Content-Length, HEAD has it without the body, and HTTP/1.0 is kept alive")
    func sized() async throws {
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { _, _ in
            .respond(
                Response(
                    status: 200,
                    body: .sized(6) { writer in
                        try await writer.write("one")
                        try await writer.write("two")
                    }))
        }
        try await withServer(handler: handler) { server, address in
            let peer = try await Peer(address)
            try await peer.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + get("/"))
            let head = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n"
            #expect(try await peer.receive("two") == head + head + "onetwo")
            try await peer.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            #expect(try await peer.receive("two").contains("Connection: keep-alive"))
            #expect(await server.counters.accepted == 1)
        }
    }

    @Test("too little cuts the connection, too much is not sent and cuts it too", arguments: ["short", "far too long"])
    func wrongLength(_ text: String) async throws {
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { _, _ in
            .respond(Response(status: 200, body: .sized(6) { try await $0.write(text) }))
        }
        try await withServer(handler: handler) { _, address in
            let answer = try await exchange(address, get("/") + get("/"))
            #expect(answer == "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n" + (text.count < 6 ? text : ""))
        }
    }

    @Test("trailers follow a chunked body for a peer that asks for them, without those that are forbidden there")
    func trailers() async throws {
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { _, _ in
            .task { _ in
                Response(
                    status: 200,
                    body: .stream { writer in
                        try await writer.write("x")
                        let sum = HTTPField.Name("X-Sum")
                        await writer.setTrailers([sum ?? .eTag: "7", .contentLength: "9", .setCookie: "a=b"])
                    })
            }
        }
        try await withServer(handler: handler) { _, address in
            let peer = try await Peer(address)
            try await peer.send(get("/", "TE: gzip, trailers\r\n"))
            #expect(try await peer.receive("\r\n\r\n1\r\nx\r\n0\r\nX-Sum: 7\r\n\r\n").hasPrefix("HTTP/1.1 200"))
            try await peer.send(get("/"))
            #expect(try await peer.receive("\r\n\r\n1\r\nx\r\n0\r\n\r\n").hasPrefix("HTTP/1.1 200"))
        }
    }
}
