import HTTP
import HTTPTypes
import Runtime
import Synchronization
import TestSupport
import Testing

@Suite("a server's answers")
struct AnswerTests {
    @Test("a prepared answer goes out as it was prepared, and the connection stays")
    func prepared() async throws {
        try await withServer(handler: { _, _ in .prepared(hello) }) { server, address in
            let peer = try await Peer(address)
            for _ in 0..<3 {
                try await peer.send(get("/"))
                #expect(try await peer.receive("hello") == helloBytes)
            }
            let counters = await server.counters
            #expect(counters.accepted == 1)
            #expect(counters.requests == 3)
            #expect(counters.tasks == 0)
        }
    }

    @Test("a peer that says close is told so and sees the end")
    func close() async throws {
        try await withServer(handler: { _, _ in .prepared(hello) }) { _, address in
            let text = try await exchange(address, get("/", "Connection: close\r\n"))
            #expect(text == helloClosing)
        }
    }

    @Test("HTTP/1.0 ends with the answer unless the peer asks to keep the connection")
    func http10() async throws {
        try await withServer(handler: { _, _ in .prepared(hello) }) { _, address in
            #expect(try await exchange(address, "GET / HTTP/1.0\r\n\r\n") == helloClosing)
            let peer = try await Peer(address)
            try await peer.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            let answer = try await peer.receive("hello")
            #expect(answer == helloClosing.replacing("Connection: close", with: "Connection: keep-alive"))
            #expect(try await peer.exchange("GET / HTTP/1.0\r\n\r\n") == helloClosing)
        }
    }

    @Test("HEAD has the fields of GET and no body, whatever kind of answer it is")
    func head() async throws {
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { request, _ in
            if request.pathIs("/prepared") { return .prepared(hello) }
            if request.pathIs("/built") { return .respond(.text("hello")) }
            if request.pathIs("/task") { return .task { _ in .text("hello") } }
            return .respond(
                Response(status: 200, body: .stream { _ in Issue.record("the body of a HEAD was asked for") }))
        }
        try await withServer(handler: handler) { _, address in
            let peer = try await Peer(address)
            for path in ["/prepared", "/built", "/task"] {
                try await peer.send("HEAD \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await peer.receive("\r\n\r\n") == String(helloBytes.dropLast(5)))
                try await peer.send(get(path))
                #expect(try await peer.receive("hello") == helloBytes)
            }
            try await peer.send("HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await peer.receive("\r\n\r\n") == "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            try await peer.send(get("/prepared"))
            #expect(try await peer.receive("hello") == helloBytes)
        }
    }

    @Test("a built answer has its fields; those that are the connection's are left out")
    func built() async throws {
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { _, _ in
            var response = Response.bytes([0x7b, 0x7d], type: "application/json", status: 201)
            response.fields[.contentLength] = "99"
            response.fields[.connection] = "close"
            response.fields[.transferEncoding] = "gzip"
            response.fields[.eTag] = "\"1\""
            return .respond(response)
        }
        try await withServer(handler: handler) { _, address in
            let peer = try await Peer(address)
            try await peer.send(get("/"))
            #expect(
                try await peer.receive("{}")
                    == "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nETag: \"1\"\r\nContent-Length: 2\r\n\r\n{}"
            )
        }
    }

    @Test("204 and 304 have no length and no body")
    func bodiless() async throws {
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { request, _ in
            request.pathIs("/204") ? .prepared(PreparedResponse(status: 204)) : .respond(Response(status: 304))
        }
        try await withServer(handler: handler) { _, address in
            let peer = try await Peer(address)
            try await peer.send(get("/204"))
            #expect(try await peer.receive("\r\n\r\n") == "HTTP/1.1 204 No Content\r\n\r\n")
            try await peer.send(get("/304"))
            #expect(try await peer.receive("\r\n\r\n") == "HTTP/1.1 304 Not Modified\r\n\r\n")
        }
    }

    @Test("405 names the methods there are")
    func methodNotAllowed() async throws {
        let answer = PreparedResponse.methodNotAllowed(allow: ["GET", "HEAD"])
        try await withServer(handler: { _, _ in .prepared(answer) }) { _, address in
            let text = try await exchange(address, "PUT / HTTP/1.0\r\n\r\n")
            #expect(text.hasPrefix("HTTP/1.1 405 Method Not Allowed\r\n"))
            #expect(text.contains("\r\nAllow: GET, HEAD\r\n"))
        }
    }

    @Test("OPTIONS * is answered without the handler")
    func asterisk() async throws {
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { _, _ in
            Issue.record("the handler was asked")
            return .hangUp
        }
        try await withServer(handler: handler) { _, address in
            let peer = try await Peer(address)
            try await peer.send("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await peer.receive("\r\n\r\n") == "HTTP/1.1 204 No Content\r\n\r\n")
        }
    }

    @Test("the date and the server's name stand in each answer if they are wanted")
    func date() async throws {
        try await withServer(
            {
                $0.sendsDate = true
                $0.serverName = "tester/1"
            }, handler: { _, _ in .prepared(hello) }
        ) { _, address in
            let text = try await exchange(address, "GET / HTTP/1.0\r\n\r\n")
            let pattern = /\r\nDate: (Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\r\n/
            #expect(text.contains(pattern))
            #expect(text.contains("\r\nServer: tester/1\r\n"))
        }
    }

    @Test("a handler that hangs up sends no byte, but what was answered before goes out")
    func hangUp() async throws {
        try await withServer(handler: { request, _ in request.pathIs("/") ? .prepared(hello) : .hangUp }) {
            _, address in
            let nothing = try await exchange(address, get("/no"))
            #expect(nothing == "")
            let one = try await exchange(address, get("/") + get("/no"))
            #expect(one == helloBytes)
        }
    }

    @Test("an error thrown by a task is a 500, or what the configuration makes of it")
    func errors() async throws {
        struct Odd: Error {}
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { _, _ in
            .task { _ in throw Odd() }
        }
        try await withServer(handler: handler) { _, address in
            let text = try await exchange(address, "GET / HTTP/1.0\r\n\r\n")
            #expect(text.hasPrefix("HTTP/1.1 500 Internal Server Error\r\n"))
        }
        try await withServer({ $0.onError = { .text("\($0 is Odd)", status: 418) } }, handler: handler) { _, address in
            let text = try await exchange(address, "GET / HTTP/1.0\r\n\r\n")
            #expect(text.hasPrefix("HTTP/1.1 418 "))
            #expect(text.hasSuffix("true"))
        }
    }

    @Test("a large answer arrives whole")
    func large() async throws {
        let body = [UInt8](repeating: 0x61, count: 3_000_000)
        let answer = PreparedResponse(status: 200, body: body)
        try await withServer(handler: { _, _ in .prepared(answer) }) { _, address in
            let peer = try await Peer(address)
            try await peer.send(get("/") + get("/", "Connection: close\r\n"))
            let (count, last) = try await peer.countToEnd()
            let heads =
                "HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n".utf8.count * 2 + "Connection: close\r\n".utf8.count
            #expect(count == 6_000_000 + heads)
            #expect(last == "aaaaaaaaaaaaaaaa")
        }
    }
}

@Suite("pipelined requests")
struct PipeliningTests {
    @Test("a hundred requests in one write get their answers in order, with few writes")
    func order() async throws {
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { request, _ in
            .respond(.text(request.pathText + "\n"))
        }
        try await withServer(handler: handler) { server, address in
            let peer = try await Peer(address)
            try await peer.send((0..<100).map { get("/\($0)") }.joined())
            let text = try await peer.receive("/99\n")
            let bodies = text.matches(of: /(\/\d+)\n/).map { String($0.1) }
            #expect(bodies == (0..<100).map { "/\($0)" })
            #expect(await server.counters.requests == 100)
        }
    }

    @Test("answers that wait keep their place among those that don't")
    func mixedOrder() async throws {
        let gate = Gate()
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { request, _ in
            let path = request.pathText
            return request.pathIs("/slow")
                ? .task { _ in
                    try await gate.pass()
                    return .text("slow.")
                } : .respond(.text(path + "."))
        }
        try await withServer(handler: handler) { _, address in
            let peer = try await Peer(address)
            try await peer.send(get("/a") + get("/slow") + get("/b") + get("/slow") + get("/c"))
            let first = try await peer.receive("/a.")
            #expect(!first.contains("slow"))
            gate.open()
            let rest = try await peer.receive("/c.")
            let bodies = rest.split(separator: "\r\n").filter { $0.contains(".HTTP") || $0.hasSuffix(".") }
            #expect(bodies.map { $0.prefix(while: { $0 != "." }) } == ["slow", "/b", "slow", "/c"])
        }
    }

    @Test("a request that comes byte by byte is answered like any other")
    func bytewise() async throws {
        try await withServer(handler: { _, _ in .prepared(hello) }) { _, address in
            let peer = try await Peer(address)
            for character in get("/x", "X-Field: value\r\n") { try await peer.send(String(character)) }
            #expect(try await peer.receive("hello") == helloBytes)
        }
    }

    @Test("a cut in the middle of a pipeline loses nothing", arguments: [1, 7, 30, 31, 32, 33, 61, 62, 63, 64])
    func cuts(_ size: Int) async throws {
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { request, _ in
            let path = request.pathText
            return path.hasSuffix("3") ? .task { _ in .text(path + "\n") } : .respond(.text(path + "\n"))
        }
        try await withServer(handler: handler) { _, address in
            let peer = try await Peer(address)
            var bytes = Array((0..<10).map { get("/\($0)") }.joined().utf8)[...]
            while !bytes.isEmpty {
                try await peer.connection.write(Array(bytes.prefix(size)))
                bytes = bytes.dropFirst(size)
            }
            let text = try await peer.receive("/9\n")
            let bodies = text.matches(of: /(\/\d+)\n/).map { String($0.1) }
            #expect(bodies == (0..<10).map { "/\($0)" })
        }
    }

    @Test("a peer that pipelines without end and never reads is not read on, and costs bounded memory")
    func neverReading() async throws {
        let answer = PreparedResponse(status: 200, body: [UInt8](repeating: 0x61, count: 10_000))
        try await withServer({ $0.writeTimeout = .milliseconds(600) }, handler: { _, _ in .prepared(answer) }) {
            server, address in
            let peer = try await Peer(address)
            let flood = String(repeating: get("/"), count: 1000)
            do {
                // The writes fill both socket buffers, then wait until the server cuts the connection.
                while true { try await peer.send(flood) }
            } catch {}
            let counters = await server.counters
            #expect(counters.timeouts == 1)
            // What the kernel's buffers hold of answers, and one batch more.
            #expect(counters.requests < 5_000)
        }
    }
}
