import HTTP
import Runtime
import TestSupport
import Testing

/// Peers that read slowly, or send no more. The server's time stands still until the test moves it.
@Suite("peers that take their time")
struct SlowReaderTests {
    private static let large = PreparedResponse(status: 200, body: [UInt8](repeating: 0x61, count: 16 << 20))

    /// A server on a loop whose time is the test's.
    private struct TimedServer: Sendable {
        let group: EventLoopGroup
        let server: Server
        let time: ManualLoopTime

        /// Lets the loop read what has been sent to it, and do what follows.
        func letRead() async { for _ in 0..<3 { _ = await server.counters } }
    }

    private func withTimedServer(
        _ address: SocketAddress = .ipv4(host: "127.0.0.1", port: 0),
        _ configure: (inout ServerConfiguration) -> Void,
        handler: @escaping @Sendable (borrowing RequestView, ConnectionContext) -> Answer,
        _ body: @escaping @Sendable (TimedServer, SocketAddress) async throws -> Void
    ) async throws {
        var configuration = ServerConfiguration()
        configuration.sendsDate = false
        configure(&configuration)
        let time = ManualLoopTime()
        let group = try EventLoopGroup(loops: 1, label: "timed", time: time)
        let server = Server(loop: group.loops[0], configuration: configuration, handler: TestHandler(handler))
        let bound = try await server.listen(on: address)
        try await guarded { try await body(TimedServer(group: group, server: server, time: time), bound) }
        await server.stop(within: .zero)
        await group.shutdown()
    }

    /// Reads that many bytes, or to the end; how many there were, and the last of them.
    private static func read(_ peer: RawSocket, _ count: Int) -> (count: Int, last: [UInt8]) {
        var received = 0
        var last: [UInt8] = []
        while received < count, let more = peer.receive(), !more.isEmpty {
            received += more.count
            last = (last + more.suffix(8)).suffix(8)
        }
        return (received, last)
    }

    /// Reads to the end, so many bytes in each 600 ms of the server's time.
    private static func readSlowly(_ peer: RawSocket, _ step: Int, _ timed: TimedServer) async -> (Int, last: String) {
        var total = 0
        while true {
            let (count, last) = read(peer, step)
            total += count
            if count < step { return (total, String(decoding: last, as: UTF8.self)) }
            await timed.time.advance(by: .milliseconds(600))
        }
    }

    @Test("one that sends no more and reads on gets the whole of its answer, however long that takes")
    func halfClosed() async throws {
        try await withTimedServer {
            $0.idleTimeout = .seconds(1)
            $0.halfCloseGrace = .seconds(1)
            $0.writeTimeout = .seconds(1)
        } handler: { _, _ in
            .prepared(Self.large)
        } _: { timed, address in
            let peer = try RawSocket(address, receiveBuffer: 65536)
            peer.send(get("/"))
            peer.shutdownWrite()
            #expect(await Self.readSlowly(peer, 1 << 20, timed).0 > 16 << 20)
            #expect(await timed.server.counters.timeouts == 0)
        }
    }

    @Test("one that sends no more and reads on gets a streamed answer to its end")
    func halfClosedStream() async throws {
        try await withTimedServer {
            $0.halfCloseGrace = .seconds(1)
            $0.writeTimeout = .seconds(1)
        } handler: { _, _ in
            let body = Response.Body.stream { writer in
                for _ in 0..<64 { try await writer.write([UInt8](repeating: 0x62, count: 256 * 1024)) }
            }
            return .task { _ in Response(status: 200, body: body) }
        } _: { timed, address in
            let peer = try RawSocket(address, receiveBuffer: 65536)
            peer.send(get("/"))
            peer.shutdownWrite()
            let (count, last) = await Self.readSlowly(peer, 1 << 20, timed)
            #expect(count > 16 << 20 && last.hasSuffix("b\r\n0\r\n\r\n"))
        }
    }

    @Test("a streamed answer to one that sends no more may pause for the time for writing, and no longer")
    func quietStream() async throws {
        let pieces = AsyncChannel<String>(capacity: 1)
        try await withTimedServer {
            $0.halfCloseGrace = .seconds(1)
            $0.writeTimeout = .seconds(30)
        } handler: { _, _ in
            let body = Response.Body.stream { writer in
                while let piece = try await pieces.receive() { try await writer.write(piece) }
            }
            return .respond(Response(status: 200, body: body))
        } _: { timed, address in
            let peer = try RawSocket(address)
            peer.send(get("/"))
            #expect(peer.receive("\r\n\r\n"))
            peer.shutdownWrite()
            await timed.letRead()
            for piece in ["one", "two"] {
                await timed.time.advance(by: .seconds(20))
                try await pieces.send(piece)
                #expect(peer.receive("3\r\n\(piece)\r\n"))
            }
            await timed.letRead()
            await timed.time.advance(by: .seconds(31))
            #expect(peer.receive() == [])
            #expect(await timed.server.counters.timeouts == 1)
        }
    }

    @Test("a streamed answer to a unix socket that was closed ends after the grace")
    func closedUnixSocket() async throws {
        let directory = try TestSupport.TemporaryDirectory("slow")
        try await withTimedServer(.unix(path: directory.file("http.sock"))) {
            $0.halfCloseGrace = .seconds(1)
            $0.writeTimeout = .seconds(3600)
        } handler: { _, context in
            let body = Response.Body.stream { writer in
                try await writer.write("x")
                try await context.loop.sleep(for: .seconds(7200))
            }
            return .respond(Response(status: 200, body: body))
        } _: { timed, address in
            var peer: RawSocket? = try RawSocket(address)
            #expect(peer?.send(get("/")) == true && peer?.receive("x\r\n") == true)
            peer = nil
            await timed.letRead()
            await timed.time.advance(by: .seconds(2))
            #expect(await timed.server.counters.connections == 0)
        }
    }

    @Test("one that takes some bytes in each time-out is served, one that takes none is cut")
    func slow() async throws {
        try await withTimedServer {
            $0.writeTimeout = .seconds(1)
        } handler: { _, _ in
            .prepared(Self.large)
        } _: { timed, address in
            let peer = try RawSocket(address, receiveBuffer: 65536)
            peer.send(get("/", "Connection: close\r\n"))
            #expect(await Self.readSlowly(peer, 128 * 1024, timed).0 > 16 << 20)
            #expect(await timed.server.counters.timeouts == 0)
            let dead = try RawSocket(address, receiveBuffer: 65536)
            dead.send(get("/"))
            #expect(Self.read(dead, 1).count >= 1)
            // What its kernel took after the time-out began counts once.
            await timed.time.advance(by: .seconds(4))
            #expect(await timed.server.counters.timeouts == 1)
            #expect(await timed.server.counters.connections == 0)
        }
    }
}
