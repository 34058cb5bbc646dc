import HTTP
import HTTPTypes
import Runtime
import Synchronization
import TestSupport
import Testing

@Suite("the client's time-outs")
struct ClientTimeoutTests {
    static let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { request, _ in
        .task { request in
            guard request.path != "/never" else {
                try await request.context.loop.sleep(for: .seconds(60))
                return .notFound
            }
            let pause = Duration.milliseconds(request.path == "/stall" ? 60_000 : 20)
            return Response(
                status: 200,
                body: .stream { writer in
                    while true {
                        try await writer.write("x")
                        try await request.context.loop.sleep(for: pause)
                    }
                })
        }
    }

    private func expectTimeout(
        _ path: String, _ words: String, _ configure: (inout ClientConfiguration) -> Void
    ) async throws {
        var configuration = ClientConfiguration()
        configure(&configuration)
        let settled = configuration
        // The answer that stalls has begun: it is the time for writing that ends it once its peer is gone.
        try await withServer(
            {
                $0.halfCloseGrace = .milliseconds(10)
                $0.writeTimeout = .milliseconds(10)
            }, handler: Self.handler
        ) { server, address in
            let pool = ClientPool(on: TestLoops.other)
            let client = Client(address: address, configuration: settled, pool: pool)
            let error = await #expect(throws: ClientError.self) {
                for try await _ in try await client.send(ClientRequest(path: path)).body {}
            }
            #expect(error?.code == .timedOut)
            #expect(error?.message.contains(words) == true, "\(String(describing: error))")
            // A deadline passes before what it cancels has ended.
            while pool.counts != (used: 0, idle: 0) { try await TestLoops.other.sleep(for: .milliseconds(2)) }
            while await server.counters.connections > 0 { try await TestLoops.other.sleep(for: .milliseconds(2)) }
        }
    }

    @Test("a head that doesn't come, a body that stalls, one that trickles for ever: each has its own limit")
    func phases() async throws {
        try await expectTimeout("/never", "the answer's head") { $0.headTimeout = .milliseconds(100) }
        try await expectTimeout("/stall", "next bytes") { $0.bodyIdleTimeout = .milliseconds(300) }
        try await expectTimeout("/trickle", "the whole answer") { $0.wholeTimeout = .seconds(2) }
        try await expectTimeout("/never", "took longer than") { $0.wholeTimeout = .milliseconds(100) }
    }

    @Test("a connection that can't be made in time is unreachable")
    func connecting() async throws {
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        let address = SocketAddress.unix(path: directory.file("http.sock"))
        let descriptor = try Listener.socket(on: address, backlog: 0)
        defer { closeDescriptor(descriptor) }
        // The first fills the backlog; nobody accepts.
        let filling = try await Connection.connect(to: address, on: TestLoops.other)
        let client = Client(address: address, on: TestLoops.other, connectTimeout: .milliseconds(100))
        let error = await #expect(throws: ClientError.self) { _ = try await client.send(ClientRequest(path: "/")) }
        #expect(error?.code == .unreachable)
        filling.close()
    }
}

@Suite("the client's streams")
struct ClientStreamingTests {
    private static func eventually(_ condition: () async -> Bool) async throws {
        while !(await condition()) { try await TestLoops.other.sleep(for: .milliseconds(2)) }
    }

    @Test("a body in pieces, of known length or in chunks, with trailers; its connection serves the next request")
    func upload() async throws {
        try await withServer(handler: StreamedBodyTests.counting) { server, address in
            let client = Client(address: address, on: TestLoops.other)
            for length in [Int64(30_000), nil] {
                var request = ClientRequest(method: "PUT", path: "/")
                request.stream = RequestStream(length: length) { writer in
                    for _ in 0..<3 { try await writer.write([UInt8](repeating: 0x78, count: 10_000)) }
                    await writer.setTrailers([.eTag: "x", .host2: "b", .contentLength: "3"])
                }
                let response = try await client.send(request)
                let text = String(decoding: try await response.body.collect(limit: 100), as: UTF8.self)
                #expect(text == (length == nil ? "30000:ETag=x,X-Host=b\n" : "30000:\n"))
            }
            _ = try await client.send(ClientRequest(path: "/")).body.collect(limit: 10)
            #expect(await server.counters.accepted == 2)
            client.close()
        }
    }

    @Test("both directions at once")
    func both() async throws {
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { _, _ in
            .streaming { _, body in
                Response(
                    status: 200,
                    body: .stream { writer in
                        while let piece = try await body.read() { try await writer.write(piece) }
                        await writer.setTrailers([.eTag: "end"])
                    })
            }
        }
        try await withServer(handler: handler) { server, address in
            let client = Client(address: address, on: TestLoops.other)
            let words = AsyncChannel<[UInt8]>(capacity: 1)
            var request = ClientRequest(method: "POST", path: "/")
            request.acceptsTrailers = true
            request.stream = RequestStream { writer in
                while let word = try await words.receive() { try await writer.write(word) }
            }
            let response = try await client.send(request)
            var pieces = response.body.makeAsyncIterator()
            for word in ["one", "two", "three"] {
                try await words.send(Array(word.utf8))
                #expect(try await pieces.next() == Array(word.utf8))
            }
            words.finish()
            #expect(try await pieces.next() == nil)
            #expect(await response.body.trailers == [.eTag: "end"])
            client.close()
        }
    }

    @Test("a body that fails, is too long or too short ends the exchange, and the server sees no whole request")
    func failures() async throws {
        struct Odd: Error {}
        let whole = Atomic<Int>(0)
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { _, _ in
            .streaming { _, body in
                while try await body.read() != nil {}
                whole.add(1, ordering: .relaxed)
                return .notFound
            }
        }
        try await withServer(handler: handler) { server, address in
            let pool = ClientPool(on: TestLoops.other)
            let client = Client(address: address, pool: pool)
            func send(_ length: Int64?, _ body: @escaping @Sendable (RequestWriter) async throws -> Void) async throws {
                var request = ClientRequest(method: "PUT", path: "/")
                request.stream = RequestStream(length: length, body)
                _ = try await client.send(request)
            }
            await #expect(throws: Odd.self) {
                try await send(nil) { writer in
                    try await writer.write([1])
                    throw Odd()
                }
            }
            await #expect(throws: BodyTooLong.self) { try await send(1) { try await $0.write([1, 2]) } }
            let short = await #expect(throws: ClientError.self) { try await send(3) { try await $0.write([1, 2]) } }
            #expect(short?.code == .badRequest)
            #expect(pool.counts == (used: 0, idle: 0))
            try await Self.eventually { await server.counters.connections == 0 }
            #expect(whole.load(ordering: .relaxed) == 0)
        }
    }

    @Test("a refusal is heard while the body is still being written, whose writer then ends")
    func refusal() async throws {
        let ended = Gate()
        try await withServer(handler: { _, _ in .prepared(PreparedResponse(status: 403, text: "no")) }) {
            server, address in
            let client = Client(address: address, on: TestLoops.other)
            var request = ClientRequest(method: "PUT", path: "/")
            request.stream = RequestStream(length: 1 << 40) { writer in
                defer { ended.open() }
                while true { try await writer.write([UInt8](repeating: 0, count: 100_000)) }
            }
            let response = try await client.send(request)
            #expect(response.status == 403)
            #expect(try await response.body.collect(limit: 10) == Array("no".utf8))
            try await ended.pass()
            client.close()
        }
    }

    @Test("cancelling at any point leaves nothing open", arguments: ["/early", "/body", "/upload"])
    func cancellation(_ path: String) async throws {
        let started = Gate()
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { request, _ in
            if request.pathIs("/upload") {
                return .streaming { _, body in
                    started.open()
                    while try await body.read() != nil {}
                    return .notFound
                }
            }
            return .task { request in
                guard request.path == "/body" else {
                    started.open()
                    try await request.context.loop.sleep(for: .seconds(60))
                    return .notFound
                }
                return Response(
                    status: 200,
                    body: .stream { writer in
                        try await writer.write("x")
                        started.open()
                        try await request.context.loop.sleep(for: .seconds(60))
                    })
            }
        }
        try await withServer(
            {
                $0.halfCloseGrace = .milliseconds(10)
                $0.writeTimeout = .milliseconds(10)
            }, handler: handler
        ) { server, address in
            let pool = ClientPool(on: TestLoops.other)
            let client = Client(address: address, pool: pool)
            let task = spawn(on: TestLoops.other, "request") {
                var request = ClientRequest(method: "PUT", path: path)
                if path == "/upload" {
                    request.stream = RequestStream { writer in
                        while true {
                            try await writer.write([1])
                            try await TestLoops.other.sleep(for: .milliseconds(1))
                        }
                    }
                }
                for try await _ in try await client.send(request).body {}
            }
            try await started.pass()
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(pool.counts == (used: 0, idle: 0))
            try await Self.eventually { await server.counters.connections == 0 }
        }
    }

    @Test("lines are bounded also where a line is there whole, and many lines in one piece all come")
    func lines() async throws {
        let text = (0..<5000).map { "{\"n\":\($0)}\n" }.joined() + String(repeating: "x", count: 5000) + "\nend\n"
        try await withServer(handler: { _, _ in .respond(.text(text)) }) { _, address in
            let client = Client(address: address, on: TestLoops.other)
            var count = 0
            let error = await #expect(throws: ClientError.self) {
                for try await line in try await client.send(ClientRequest(path: "/")).body.lines(maxLength: 4000) {
                    #expect(line == Array("{\"n\":\(count)}".utf8))
                    count += 1
                }
            }
            #expect(count == 5000)
            #expect(error?.code == .bodyTooLarge)
            client.close()
        }
    }
}

extension HTTPField.Name {
    /// A field of the tests' own.
    fileprivate static var host2: HTTPField.Name { HTTPField.Name("X-Host") ?? .eTag }
}
