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
        // A turn's bytes hold this many requests; a part of one may be left from before.
        let turn = readBudget * 65536 / request.utf8.count + 1
        let between = zip(after.values, before.values).map { $0 - $1 }
        #expect(between.allSatisfy { $0 <= 2 * turn }, "\(between.max() ?? 0) of \(turn)")
        #expect(greedy.withLock { $0 } > 1000)
    }
}
