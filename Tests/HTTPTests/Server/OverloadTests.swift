import HTTP
import Runtime
import Synchronization
import TestSupport
import Testing

@Suite("overload")
struct OverloadTests {
    private static let ok: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { _, _ in .prepared(hello) }

    @Test(
        "a connection over the limit is told so at its first request, one over the reserve is reset, others are served")
    func connections() async throws {
        try await withServer(
            {
                $0.maxConnections = 1
                $0.overloadReserve = 1
                $0.drainGrace = guardTime
            }, handler: Self.ok
        ) { server, address in
            let first = try await Peer(address)
            try await first.send(get("/"))
            #expect(try await first.receive("hello") == helloBytes)
            let second = try await Peer(address)
            while await server.counters.accepted < 2 { try await TestLoops.other.sleep(for: .milliseconds(2)) }
            await #expect(throws: UVError.self) { _ = try await Peer(address).receiveToEnd() }
            let text = try await second.exchange(get("/") + get("/"))
            #expect(text.hasPrefix("HTTP/1.1 503 ") && text.components("HTTP/1.1") == 1)
            #expect(text.contains("\r\nRetry-After: 1\r\n") && text.contains("\r\nConnection: close\r\n"))
            try await first.send(get("/"))
            #expect(try await first.receive("hello") == helloBytes)
            first.connection.close()
            while await server.counters.connections > 0 { try await TestLoops.other.sleep(for: .milliseconds(2)) }
            let third = try await Peer(address)
            try await third.send(get("/"))
            #expect(try await third.receive("hello") == helloBytes)
            #expect(await server.counters.overloaded == 1)
            #expect(await server.counters.turnedAway == 1)
        }
    }

    @Test("a peer over its own limit is told so, and leaves the others' room alone")
    func peers() async throws {
        let turn = Atomic<UInt64>(0)
        try await withServer(
            {
                // Every third connection is peer 2's, the others are peer 1's.
                $0.admit = { _ in turn.add(1, ordering: .relaxed).newValue % 3 == 0 ? 2 : 1 }
                $0.peerKey = { $0.token }
                $0.maxConnectionsPerPeer = 1
                $0.drainGrace = guardTime
            }, handler: Self.ok
        ) { server, address in
            let first = try await Peer(address)
            try await first.send(get("/"))
            #expect(try await first.receive("hello") == helloBytes)
            #expect(try await exchange(address, get("/")).hasPrefix("HTTP/1.1 503 "))
            let other = try await Peer(address)
            try await other.send(get("/"))
            #expect(try await other.receive("hello") == helloBytes)
            #expect(try await exchange(address, get("/")).hasPrefix("HTTP/1.1 503 "))
            first.connection.close()
            while await server.counters.connections > 1 { try await TestLoops.other.sleep(for: .milliseconds(2)) }
            let again = try await Peer(address)
            try await again.send(get("/"))
            #expect(try await again.receive("hello") == helloBytes)
            other.connection.close()
        }
    }

    @Test("as long as there is room nobody is counted; beyond it one who has more than its part gets no more")
    func threshold() async throws {
        let token = Atomic<UInt64>(1)
        try await withServer(
            {
                $0.admit = { _ in token.load(ordering: .relaxed) }
                $0.peerKey = { $0.token }
                $0.maxConnectionsPerPeer = 2
                $0.peerCountThreshold = 4
                $0.drainGrace = guardTime
            }, handler: Self.ok
        ) { server, address in
            var greedy: [Peer] = []
            for _ in 0..<4 {
                let peer = try await Peer(address)
                try await peer.send(get("/"))
                #expect(try await peer.receive("hello") == helloBytes)
                greedy.append(peer)
            }
            // The fifth finds four: from here on all are counted, those before too.
            #expect(try await exchange(address, get("/")).hasPrefix("HTTP/1.1 503 "))
            token.store(2, ordering: .relaxed)
            let other = try await Peer(address)
            try await other.send(get("/"))
            #expect(try await other.receive("hello") == helloBytes)
            // Below half of four nobody is counted any more.
            for peer in greedy { peer.connection.close() }
            while await server.counters.connections > 1 { try await TestLoops.other.sleep(for: .milliseconds(2)) }
            for _ in 0..<2 {
                let peer = try await Peer(address)
                try await peer.send(get("/"))
                #expect(try await peer.receive("hello") == helloBytes)
                greedy.append(peer)
            }
            other.connection.close()
        }
    }

    @Test("an address is a key: IPv4 as it is, IPv6 by its first half")
    func addressKeys() async throws {
        let seen = Recorder<UInt64?>()
        for host in ["127.0.0.1", "::1"] {
            let server = Server(
                loop: TestLoops.loop, configuration: Self.recording(seen), handler: TestHandler(Self.ok))
            let address: SocketAddress = host == "::1" ? .ipv6(host: host, port: 0) : .ipv4(host: host, port: 0)
            let bound = try await server.listen(on: address)
            _ = try await exchange(bound, get("/", "Connection: close\r\n"))
            await server.stop(within: .seconds(5).patient)
        }
        #expect(seen.values == [0x7f00_0001, 0])
        #expect(ServerConfiguration.addressKey(of: -1) == nil)
    }

    private static func recording(_ seen: Recorder<UInt64?>) -> ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.admit = { descriptor in
            let key = ServerConfiguration.addressKey(of: descriptor)
            seen.add(key)
            return key
        }
        return configuration
    }

    @Test("too many bytes in flight: the body that adds to them and new requests are turned away, until there is room")
    func bytes() async throws {
        let gate = Gate()
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { request, _ in
            if request.pathIs("/") { return .prepared(hello) }
            return .task { request in
                try await gate.pass()
                return .text("\(request.body.count)\n")
            }
        }
        try await withServer({ $0.maxBytesInFlight = 500_000 }, handler: handler) { server, address in
            let large = "PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 600000\r\n\r\n"
            let busy = try await Peer(address)
            // Below the limit while it is read, and then it is the task's.
            try await busy.send("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 400000\r\n\r\n")
            try await busy.send(String(repeating: "x", count: 400_000))
            while await server.counters.tasks < 1 { try await TestLoops.other.sleep(for: .milliseconds(2)) }
            #expect(await server.counters.bytesInFlight == 400_000)
            let small = try await Peer(address)
            try await small.send(get("/"))
            #expect(try await small.receive("hello") == helloBytes)
            let adding = try await Peer(address)
            try await adding.send(large + String(repeating: "x", count: 500_000))
            let refused = try await adding.receiveToEnd()
            #expect(refused.hasPrefix("HTTP/1.1 503 ") && refused.contains("Retry-After"))
            gate.open()
            #expect(try await busy.receive("\n").hasSuffix("400000\n"))
            while await server.counters.bytesInFlight > 0 { try await TestLoops.other.sleep(for: .milliseconds(2)) }
            try await small.send(get("/"))
            #expect(try await small.receive("hello") == helloBytes)
            #expect(await server.counters.overloaded == 1)
        }
    }

    @Test("answers that their peers don't take count, and keep new requests out until they are gone")
    func unsent() async throws {
        let answer = PreparedResponse(status: 200, body: [UInt8](repeating: 0x61, count: 16_000_000))
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { request, _ in
            request.pathIs("/") ? .prepared(hello) : .prepared(answer)
        }
        try await withServer({ $0.maxBytesInFlight = 1_000_000 }, handler: handler) { server, address in
            let lazy = try await Peer(address)
            try await lazy.send(get("/large"))
            while await server.counters.bytesInFlight < 1_000_000 {
                try await TestLoops.other.sleep(for: .milliseconds(2))
            }
            #expect(try await exchange(address, get("/")).hasPrefix("HTTP/1.1 503 "))
            // Nor is a head collected that is not whole.
            #expect(try await exchange(address, "GET / HTTP/1.1\r\nHo").hasPrefix("HTTP/1.1 503 "))
            lazy.connection.reset()
            while await server.counters.bytesInFlight > 0 { try await TestLoops.other.sleep(for: .milliseconds(2)) }
            let other = try await Peer(address)
            try await other.send(get("/"))
            #expect(try await other.receive("hello") == helloBytes)
        }
    }

    @Test(
        "what is sent behind requests that wait stays with the kernel once there is too much, and is served in the end")
    func behindHeld() async throws {
        let topic = HoldTopic(on: TestLoops.loop)
        let limit = 1_000_000
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { request, _ in
            if request.pathIs("/") { return .prepared(hello) }
            return .hold(Hold(on: topic, for: guardTime) { _ in .prepared(hello) })
        }
        try await withServer({ $0.maxBytesInFlight = limit }, handler: handler) { server, address in
            let peers = try (0..<100).map { _ in try RawSocket(address) }
            for peer in peers { peer.send(get("/held")) }
            while await server.counters.held < peers.count { try await TestLoops.other.sleep(for: .milliseconds(2)) }
            let behind = String(repeating: get("/"), count: 60_000 / get("/").utf8.count)
            for peer in peers { peer.send(behind) }
            // A turn of the server's loop reads what was there when it began, and there is more than the limit.
            while await server.counters.bytesInFlight < limit { try await TestLoops.other.sleep(for: .milliseconds(2)) }
            for _ in 0..<20 { _ = await server.counters }
            // The read that found it full, two of 64 KB at most.
            #expect(await server.counters.bytesInFlight <= limit + 131_072)
            #expect(await server.counters.overloaded == 0)
            topic.change()
            for peer in peers { #expect(peer.receive()?.starts(with: helloBytes.utf8) == true) }
            while await server.counters.bytesInFlight > 0 { try await TestLoops.other.sleep(for: .milliseconds(2)) }
            let other = try await Peer(address)
            try await other.send(get("/"))
            #expect(try await other.receive("hello") == helloBytes)
        }
    }

    @Test("a body that a task reads in pieces comes also while too much is in memory")
    func pieces() async throws {
        let answer = PreparedResponse(status: 200, body: [UInt8](repeating: 0x61, count: 16_000_000))
        let started = Gate()
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { request, _ in
            if request.pathIs("/large") { return .prepared(answer) }
            return .streaming { _, body in
                var count = 0
                while let piece = try await body.read() {
                    count += piece.count
                    started.open()
                }
                return .text("\(count)\n")
            }
        }
        try await withServer({ $0.maxBytesInFlight = 1_000_000 }, handler: handler) { server, address in
            let reading = try await Peer(address)
            try await reading.send("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\nx")
            try await started.pass()
            let lazy = try await Peer(address)
            try await lazy.send(get("/large"))
            while await server.counters.bytesInFlight < 1_000_000 {
                try await TestLoops.other.sleep(for: .milliseconds(2))
            }
            try await reading.send(String(repeating: "x", count: 3_999_999))
            #expect(try await reading.receive("\n").hasSuffix("4000000\n"))
            lazy.connection.reset()
            reading.connection.close()
        }
    }
}
