import HTTP
import Runtime
import TestSupport
import Testing

@Suite("a server whose loop has ended")
struct LateStopTests {
    @Test("stops at once, has no connection, and listens no more")
    func stop() async throws {
        let group = try EventLoopGroup(loops: 1, label: "ended")
        let server = Server(loop: group.loops[0], handler: TestHandler { _, _ in .respond(.text("ok")) })
        let address = try await server.listen(on: .ipv6(host: "::1", port: 0))
        try await guarded {
            // A connection that is open when the loop ends.
            let peer = try await Peer(address)
            try await peer.send(get("/"))
            _ = try await peer.receive("ok")
            await group.shutdown()
            await server.stop(within: .seconds(1))
            #expect(await server.counters.connections == 0)
            await #expect(throws: UVError.self) { try await server.listen(on: .ipv6(host: "::1", port: 0)) }
            withExtendedLifetime(peer) {}
        }
    }
}
