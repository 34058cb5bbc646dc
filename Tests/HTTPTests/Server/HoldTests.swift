import HTTP
import Runtime
import Synchronization
import TestSupport
import Testing

@Suite("held requests")
struct HoldTests {
    private let topic = HoldTopic(on: TestLoops.loop)
    private let version = HeldVersion()

    /// Something that changes.
    private final class HeldVersion: Sendable {
        private let number = Atomic<Int>(0)
        var value: Int { number.load(ordering: .relaxed) }
        func set(_ value: Int) { number.store(value, ordering: .relaxed) }
    }

    private func handler(
        for duration: Duration = guardTime
    ) -> @Sendable (borrowing RequestView, ConnectionContext) -> Answer {
        let (topic, version) = (topic, version)
        return { request, _ in
            if request.pathIs("/now") { return .prepared(hello) }
            let wanted = request.pathIs("/two") ? 2 : 1
            let hold = Hold(on: topic, for: duration, isDue: { _ in version.value >= wanted }) { _ in
                .respond(.text("version \(version.value)\n"))
            }
            return .hold(hold)
        }
    }

    private static func waitUntilHeld(_ server: Server, _ count: Int) async throws {
        while await server.counters.held != count { try await TestLoops.other.sleep(for: .milliseconds(2)) }
    }

    @Test("a change answers those whom it concerns, without a task, and what was pipelined behind them")
    func change() async throws {
        try await withServer(handler: handler()) { server, address in
            let one = try await Peer(address)
            let two = try await Peer(address)
            try await one.send(get("/one") + get("/now"))
            try await two.send(get("/two"))
            try await Self.waitUntilHeld(server, 2)
            #expect(await server.counters.requests == 2)
            version.set(1)
            topic.change()
            let text = try await one.receive("hello")
            #expect(text.contains("version 1\n") && text.components("HTTP/1.1 200") == 2)
            #expect(await server.counters.held == 1)
            version.set(2)
            topic.change()
            #expect(try await two.receive("version 2\n").hasPrefix("HTTP/1.1 200"))
            #expect(await server.counters.held == 0)
            #expect(await server.counters.tasks == 0)
            // The connections go on.
            try await two.send(get("/now"))
            #expect(try await two.receive("hello") == helloBytes)
        }
    }

    @Test("the deadline answers with what is so by then, and no idle time-out comes before it")
    func deadline() async throws {
        try await withServer(
            { $0.idleTimeout = .milliseconds(100) }, handler: handler(for: .milliseconds(700))
        ) { server, address in
            let peer = try await Peer(address)
            let start = ContinuousClock.now
            try await peer.send(get("/one"))
            #expect(try await peer.receive("version 0\n").hasPrefix("HTTP/1.1 200"))
            #expect(ContinuousClock.now - start >= .milliseconds(690))
        }
    }

    @Test("a peer that goes away is held no longer, and one beyond the limit is told so")
    func bounds() async throws {
        try await withServer(
            {
                $0.maxHeld = 2
                $0.halfCloseGrace = .milliseconds(10)
            }, handler: handler()
        ) { server, address in
            let peers = [try await Peer(address), try await Peer(address)]
            for peer in peers { try await peer.send(get("/one")) }
            try await Self.waitUntilHeld(server, 2)
            let third = try await Peer(address)
            try await third.send(get("/one") + get("/now"))
            let text = try await third.receive("hello")
            #expect(text.hasPrefix("HTTP/1.1 503 Service Unavailable\r\n"))
            #expect(text.contains("\r\nRetry-After: 1\r\n") && text.hasSuffix(helloBytes))
            peers[0].connection.reset()
            try await Self.waitUntilHeld(server, 1)
            try await peers[1].connection.shutdownWrite()
            try await Self.waitUntilHeld(server, 0)
            #expect(await server.counters.overloaded == 1)
            try await third.send(get("/one"))
            try await Self.waitUntilHeld(server, 1)
        }
    }

    @Test("a server that stops answers them with what is so, and closes")
    func drain() async throws {
        try await withServer(handler: handler()) { server, address in
            let peer = try await Peer(address)
            try await peer.send(get("/one"))
            try await Self.waitUntilHeld(server, 1)
            await server.stop(within: .seconds(30).patient)
            let text = try await peer.receiveToEnd()
            #expect(text.hasSuffix("version 0\n") && text.contains("\r\nConnection: close\r\n"))
        }
    }

    @Test("a change that thousands wait for is answered in slices: somebody else is served between two of them")
    func slices() async throws {
        let order = Recorder<String>()
        let (topic, version) = (topic, version)
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { request, _ in
            .hold(
                Hold(on: topic, for: guardTime) { _ in
                    order.add("held \(version.value)")
                    return .prepared(hello)
                })
        }
        try await withServer({ $0.maxHeld = 2000 }, handler: handler) { server, address in
            var peers: [Peer] = []
            for _ in 0..<400 { peers.append(try await Peer(address)) }
            for peer in peers { try await peer.send(get("/")) }
            try await Self.waitUntilHeld(server, 400)
            TestLoops.loop.execute {
                topic.change()
                // In line behind the first slice.
                TestLoops.loop.execute { order.add("other") }
            }
            for peer in peers { #expect(try await peer.receive("hello") == helloBytes) }
            let place = try #require(order.values.firstIndex(of: "other"))
            #expect(place > 0 && place < 400)
            #expect(order.values.count == 401)
        }
    }

    @Test("the answer may be a task's, or a stream")
    func tasks() async throws {
        let topic = topic
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { request, _ in
            let isTask = request.pathIs("/task")
            return .hold(
                Hold(on: topic, for: .milliseconds(1)) { _ in
                    if isTask { return .task { .text("made\n") } }
                    return .respond(Response(status: 200, body: .stream { try await $0.write("streamed") }))
                })
        }
        try await withServer({ $0.idleTimeout = guardTime }, handler: handler) { server, address in
            let peer = try await Peer(address)
            try await peer.send(get("/task"))
            #expect(try await peer.receive("made\n").hasPrefix("HTTP/1.1 200"))
            try await peer.send(get("/stream"))
            #expect(try await peer.receive("8\r\nstreamed\r\n0\r\n\r\n").hasPrefix("HTTP/1.1 200"))
            #expect(await server.counters.tasks == 2)
        }
    }
}
