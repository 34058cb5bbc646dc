import HTTP
import Runtime
import TestSupport
import Testing

@Suite("a server between a greedy peer and others")
struct FairnessTests {
    @Test("serves whoever asks within two turns of one that pipelines without end and reads all answers")
    func pipelining() async throws {
        let answer = PreparedResponse(text: "")
        let greedy = Locked(0)
        let (before, after) = (Recorder<Int>(), Recorder<Int>())
        let request = "GET /g HTTP/1.1\r\nHost: a\r\n\r\n"
        // Loops of its own: it leaves them no rest.
        let group = try EventLoopGroup(loops: 2, label: "greedy")
        let server = Server(
            loop: group.loops[0],
            handler: TestHandler { request, _ in
                if request.pathIs("/g") {
                    greedy.withLock { $0 += 1 }
                } else {
                    after.add(greedy.withLock { $0 })
                }
                return .prepared(answer)
            })
        let address = try await server.listen(on: .ipv4(host: "127.0.0.1", port: 0))
        try await guarded {
            let loop = group.loops[1]
            let (loud, modest) = (try await Peer(address, on: loop), try await Peer(address, on: loop))
            let burst = Array(String(repeating: request, count: 10_000).utf8)
            let writer = spawn(on: loop, "writer") { while true { try await loud.connection.write(burst) } }
            let reader = spawn(on: loop, "reader") { while try await loud.connection.read() != nil {} }
            for round in 1...20 {
                try await modest.send("GET /m HTTP/1.1\r\nHost: a\r\n\r\n")
                // The kernel has it: from here on it is ready.
                before.add(greedy.withLock { $0 })
                _ = try await modest.receive("\r\n\r\n")
                _ = try await after.wait(for: round)
            }
            writer.cancel()
            reader.cancel()
            loud.connection.reset()
            modest.connection.close()
            _ = await (writer.result, reader.result)
        }
        await server.stop(within: .zero)
        await group.shutdown()
        // A part of a turn may be left from before.
        let between = zip(after.values, before.values).map { $0 - $1 }
        #expect(between.allSatisfy { $0 <= 2 * maxRequestsATurn }, "\(between.max() ?? 0)")
        #expect(greedy.withLock { $0 } > 1000)
    }

    /// What the handler has seen; on the server's loop alone.
    private final class Seen: Sendable {
        let greedy = Locked(0)
        /// How many of the greedy one's requests were answered before the honest one's.
        let before = Recorder<Int>()
    }

    @Test(
        "answers a turn's requests of one that pipelines, then whoever is ready, and loses none of the rest",
        arguments: [false, true])
    func turns(endsAtOnce: Bool) async throws {
        let count = 4000
        let seen = Seen()
        let honest = Locked<RawSocket?>(nil)
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { request, _ in
            if request.pathIs("/honest") {
                seen.before.add(seen.greedy.withLock { $0 })
                return .prepared(hello)
            }
            let number = seen.greedy.withLock { greedy in
                greedy += 1
                return greedy
            }
            // Over loopback it is with the server's socket when this returns.
            if number == 1 { honest.withLock { _ = $0?.send(get("/honest")) } }
            return .prepared(hello)
        }
        try await withServer(isQuiet: true, handler: handler) { server, address in
            let other = try RawSocket(address)
            // The server knows it once it has answered.
            #expect(other.send(get("/honest")) && other.receive("hello"))
            honest.withLock { $0 = other }
            let peer = try await Peer(address, on: quietLoops[1])
            async let sending: Void = {
                try await peer.send(String(repeating: get("/"), count: count))
                if endsAtOnce { try await peer.connection.shutdownWrite() }
            }()
            var received = 0
            while received < count * helloBytes.utf8.count {
                guard let bytes = try await peer.connection.read() else { break }
                received += bytes.count
            }
            try await sending
            #expect(received == count * helloBytes.utf8.count)
            #expect(other.receive("hello"))
            #expect(await server.counters.requests == count + 2)
        }
        let before = try #require(seen.before.values.last)
        #expect(before > 0 && before <= 2 * maxRequestsATurn, "\(before) requests")
    }
}
