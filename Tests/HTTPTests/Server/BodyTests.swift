import HTTP
import Runtime
import TestSupport
import Testing

@Suite("request bodies")
struct BodyTests {
    /// Answers with the body's length and text.
    static let echo: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { _, _ in
        .task { request in .text("\(request.body.count):\(String(decoding: request.body.prefix(100), as: UTF8.self))\n")
        }
    }

    @Test("a body of known length is read whole, then the next request")
    func counted() async throws {
        try await withServer(handler: Self.echo) { server, address in
            let peer = try await Peer(address)
            try await peer.send(
                post("Content-Length: 5", "hello") + post("Content-Length: 0", "") + post("Content-Length: 2", "ok"))
            let text = try await peer.receive("2:ok\n")
            #expect(text.contains("5:hello\n"))
            #expect(text.contains("0:\n"))
            #expect(await server.counters.tasks == 3)
        }
    }

    @Test("a chunked body is read whole, its trailers dropped, then the next request")
    func chunked() async throws {
        try await withServer(handler: Self.echo) { _, address in
            let peer = try await Peer(address)
            try await peer.send(
                post("Transfer-Encoding: chunked", "5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nA: b\r\n\r\n")
                    + post("Content-Length: 2", "ok"))
            #expect(try await peer.receive("2:ok\n").contains("6:hello!\n"))
        }
    }

    @Test("a body that comes byte by byte is the same body")
    func bytewise() async throws {
        try await withServer(handler: Self.echo) { _, address in
            let peer = try await Peer(address)
            for character in post("Content-Length: 5", "hello").utf8 { try await peer.connection.write([character]) }
            #expect(try await peer.receive("\n").hasSuffix("5:hello\n"))
            for character in post("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n").utf8 {
                try await peer.connection.write([character])
            }
            #expect(try await peer.receive("5:hello\n").hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test("a large body arrives whole")
    func large() async throws {
        try await withServer(handler: Self.echo) { _, address in
            let peer = try await Peer(address)
            try await peer.send(post("Content-Length: 3000000", String(repeating: "x", count: 3_000_000)))
            #expect(try await peer.receive("\n").contains("3000000:xxx"))
        }
    }

    @Test("a body over the limit is refused with 413: at once if its length is known, otherwise when it gets there")
    func tooLarge() async throws {
        try await withServer({ $0.maxBody = 1000 }, handler: Self.echo) { server, address in
            let counted = try await exchange(address, post("Content-Length: 1001", ""))
            #expect(counted.hasPrefix("HTTP/1.1 413 Content Too Large\r\n"))
            let chunks = String(repeating: "a\r\n0123456789\r\n", count: 101)
            let chunked = try await exchange(address, post("Transfer-Encoding: chunked", chunks))
            #expect(chunked.hasPrefix("HTTP/1.1 413 Content Too Large\r\n"))
            let peer = try await Peer(address)
            try await peer.send(post("Content-Length: 1000", String(repeating: "x", count: 1000)))
            #expect(try await peer.receive("\n").contains("1000:"))
            #expect(await server.counters.tasks == 1)
        }
    }

    @Test("what is refused before a handler sees it is said in the server's own form")
    func ownRefusal() async throws {
        let configure: (inout ServerConfiguration) -> Void = { configuration in
            configuration.maxBody = 1000
            configuration.onRefusal = { PreparedResponse(status: $0.status, text: "no: \($0)") }
        }
        try await withServer(configure, handler: Self.echo) { _, address in
            let large = try await exchange(address, post("Content-Length: 1001", ""))
            #expect(large.hasPrefix("HTTP/1.1 413") && large.hasSuffix("no: the body is too large"), "\(large)")
            let other = try await exchange(address, "no request\r\n\r\n")
            #expect(other.hasPrefix("HTTP/1.1 400") && other.hasSuffix("no: the request line is malformed"), "\(other)")
        }
    }

    @Test("a peer that waits for 100 Continue gets it, and only then sends")
    func expectation() async throws {
        try await withServer({ $0.maxBody = 1000 }, handler: Self.echo) { _, address in
            let peer = try await Peer(address)
            try await peer.send(post("Expect: 100-continue\r\nContent-Length: 5", ""))
            #expect(try await peer.receive("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
            try await peer.send("hello")
            #expect(try await peer.receive("5:hello\n").hasPrefix("HTTP/1.1 200"))
            // A body that is there already needs no leave.
            try await peer.send(post("Expect: 100-continue\r\nContent-Length: 5", "hello"))
            #expect(try await peer.receive("5:hello\n").hasPrefix("HTTP/1.1 200"))
            let refused = try await exchange(address, post("Expect: 100-continue\r\nContent-Length: 5000", ""))
            #expect(refused.hasPrefix("HTTP/1.1 413"))
            let other = try await exchange(address, post("Expect: tea\r\nContent-Length: 5", ""))
            #expect(other.hasPrefix("HTTP/1.1 417"))
        }
    }

    @Test("an answer that doesn't want the body drops a small one and ends the connection over a large one")
    func unwanted() async throws {
        try await withServer(handler: { _, _ in .prepared(hello) }) { server, address in
            let peer = try await Peer(address)
            try await peer.send(
                post("Content-Length: 5", "GET /") + post("Transfer-Encoding: chunked", "1\r\nx\r\n0\r\n\r\n")
                    + get("/"))
            #expect(
                try await peer.receive(helloBytes + helloBytes + helloBytes) == helloBytes + helloBytes + helloBytes)
            // Sent in parts: the answer comes before the body, and the next request is found behind it.
            try await peer.send(post("Content-Length: 9", "123"))
            #expect(try await peer.receive("hello") == helloBytes)
            try await peer.send("456789" + get("/"))
            #expect(try await peer.receive("hello") == helloBytes)
            let large = try await exchange(address, post("Content-Length: 9999999", "abc"))
            #expect(large == helloClosing)
            let waiting = try await exchange(address, post("Expect: 100-continue\r\nContent-Length: 5", ""))
            #expect(waiting == helloClosing)
            #expect(await server.counters.requests == 7)
        }
    }

    @Test("a malformed chunk is refused and nothing after it is served")
    func malformed() async throws {
        try await withServer(handler: Self.echo) { server, address in
            let text = try await exchange(
                address,
                post("Transfer-Encoding: chunked", "5\r\nhello!\r\n0\r\n\r\n") + get("/evil"))
            #expect(text.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
            #expect(text.components("HTTP/1.1") == 1)
            #expect(await server.counters.tasks == 0)
        }
    }

    @Test("what is wrong with a body nobody wanted ends the connection without a second answer")
    func unwantedAndMalformed() async throws {
        try await withServer({ $0.bodyTimeout = .milliseconds(300) }, handler: { _, _ in .prepared(hello) }) {
            _, address in
            let malformed = try await exchange(address, post("Transfer-Encoding: chunked", "x\r\n") + get("/evil"))
            #expect(malformed == helloBytes)
            let late = try await exchange(address, post("Content-Length: 5", "abc"))
            #expect(late == helloBytes)
            let endless = String(repeating: "1000\r\n" + String(repeating: "x", count: 4096) + "\r\n", count: 20)
            let long = try await exchange(address, post("Transfer-Encoding: chunked", endless))
            #expect(long == helloBytes)
        }
    }

    @Test("a peer that ends inside a body is not answered, and no task sees the half")
    func truncated() async throws {
        try await withServer(handler: Self.echo) { server, address in
            let peer = try await Peer(address)
            try await peer.send(post("Content-Length: 5", "hel"))
            try await peer.connection.shutdownWrite()
            #expect(try await peer.receiveToEnd() == "")
            #expect(await server.counters.tasks == 0)
        }
    }
}

@Suite("refusals")
struct RefusalTests {
    static let bad: [(String, String)] = [
        ("GET / HTTP/1.1\r\n\r\n", "400"),
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505"),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", "501"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "501"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "400"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", "400"),
        ("GET /\(String(repeating: "a", count: 9000)) HTTP/1.1\r\nHost: a\r\n\r\n", "414"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "a", count: 40_000))\r\n\r\n", "431"),
    ]

    @Test("each is answered with its status, closes the connection, and nothing behind it is served", arguments: bad)
    func refused(_ raw: String, _ status: String) async throws {
        try await withServer(handler: { _, _ in .prepared(hello) }) { server, address in
            let text = try await exchange(address, get("/good") + raw + get("/evil"))
            #expect(text.hasPrefix(helloBytes + "HTTP/1.1 \(status) "))
            #expect(text.contains("\r\nConnection: close\r\n"))
            #expect(text.components("hello") == 1)
            let counters = await server.counters
            #expect(counters.requests == 1)
            #expect(counters.refused == 1)
        }
    }

    @Test("a refusal reaches a peer that goes on sending")
    func lingering() async throws {
        try await withServer(handler: { _, _ in .prepared(hello) }) { _, address in
            let peer = try await Peer(address)
            try await peer.send("GARBAGE\r\n" + String(repeating: "x", count: 300_000))
            #expect(try await peer.receive("\r\n\r\nthe request line is malformed\n").hasPrefix("HTTP/1.1 400"))
        }
    }
}

extension String {
    /// How often a text occurs.
    func components(_ text: String) -> Int { ranges(of: text).count }
}
