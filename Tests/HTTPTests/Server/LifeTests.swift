import HTTP
import Runtime
import Synchronization
import TestSupport
import Testing

@Suite("a server's time-outs")
struct TimeoutTests {
    @Test("a head that trickles is answered 408, however diligently it trickles")
    func slowHead() async throws {
        try await withServer(isQuiet: true, { $0.headTimeout = .seconds(1) }, handler: { _, _ in .prepared(hello) }) {
            server, address in
            let peer = try await Peer(address, on: quietLoops[1])
            try await peer.send(get("/"))
            _ = try await peer.receive("hello")
            let trickle = spawn(on: quietLoops[1], "trickle") {
                try await peer.send("GET / HTTP/1.1\r\nHost: a\r\nX: ")
                while true {
                    try await peer.send("x")
                    try await quietLoops[1].sleep(for: .milliseconds(50))
                }
            }
            let text = try await peer.receiveToEnd()
            trickle.cancel()
            #expect(text.hasPrefix("HTTP/1.1 408 Request Timeout\r\n"))
            #expect(await server.counters.timeouts == 1)
        }
    }

    @Test("a body that trickles is answered 408")
    func slowBody() async throws {
        try await withServer(isQuiet: true, { $0.bodyTimeout = .seconds(1) }, handler: BodyTests.echo) {
            server, address in
            let peer = try await Peer(address, on: quietLoops[1])
            let trickle = spawn(on: quietLoops[1], "trickle") {
                try await peer.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
                while true {
                    try await peer.send("1\r\nx\r\n")
                    try await quietLoops[1].sleep(for: .milliseconds(50))
                }
            }
            let text = try await peer.receiveToEnd()
            trickle.cancel()
            #expect(text.hasPrefix("HTTP/1.1 408 Request Timeout\r\n"))
            #expect(await server.counters.tasks == 0)
        }
    }

    @Test("a connection without a request, and one between requests, are closed without a word")
    func idle() async throws {
        try await withServer(
            isQuiet: true,
            {
                $0.headTimeout = .milliseconds(300)
                $0.idleTimeout = .milliseconds(300)
            }, handler: { _, _ in .prepared(hello) }
        ) { server, address in
            #expect(try await Peer(address, on: quietLoops[1]).receiveToEnd() == "")
            let peer = try await Peer(address, on: quietLoops[1])
            try await peer.send(get("/"))
            #expect(try await peer.receiveToEnd() == helloBytes)
            #expect(await server.counters.timeouts == 2)
        }
    }

    @Test("a task may take longer than every time-out")
    func patience() async throws {
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { _, _ in
            .task { request in
                try await request.context.loop.sleep(for: .milliseconds(1800))
                return .text("late")
            }
        }
        try await withServer(
            isQuiet: true,
            {
                $0.headTimeout = .milliseconds(200)
                $0.bodyTimeout = .milliseconds(200)
                $0.idleTimeout = .milliseconds(200)
                $0.writeTimeout = .milliseconds(200)
            }, handler: handler
        ) { _, address in
            let peer = try await Peer(address, on: quietLoops[1])
            try await peer.send(get("/"))
            #expect(try await peer.receiveToEnd().hasSuffix("late"))
        }
    }

    @Test("a peer that reads slowly is served, one that stops reading is cut")
    func slowReader() async throws {
        let answer = PreparedResponse(status: 200, body: [UInt8](repeating: 0x61, count: 16_000_000))
        try await withServer(
            isQuiet: true, { $0.writeTimeout = .milliseconds(1500) }, handler: { _, _ in .prepared(answer) }
        ) {
            server, address in
            let slow = try await Peer(address, on: quietLoops[1])
            try await slow.send(get("/", "Connection: close\r\n"))
            var count = 0
            while let bytes = try await slow.connection.read(upTo: 1_000_000) {
                count += bytes.count
                try await quietLoops[1].sleep(for: .milliseconds(30))
            }
            #expect(count > 16_000_000)
            #expect(await server.counters.timeouts == 0)
            let dead = try await Peer(address, on: quietLoops[1])
            try await dead.send(get("/"))
            while await server.counters.timeouts == 0 { try await quietLoops[1].sleep(for: .milliseconds(50)) }
            #expect(await server.counters.connections == 0)
        }
    }
}

@Suite("a server's connections")
struct ConnectionTests {
    @Test("a socket that isn't admitted is closed, and one over the limit too")
    func turnedAway() async throws {
        let admitted = Atomic<Int>(0)
        try await withServer(
            {
                $0.maxConnections = 2
                $0.overloadReserve = 0
                $0.admit = { _ in admitted.add(1, ordering: .relaxed).newValue == 1 ? nil : 5 }
            }, handler: { _, context in .respond(.text("token \(context.token)")) }
        ) { server, address in
            #expect(try await Peer(address).receiveToEnd() == "")
            let peers = [try await Peer(address), try await Peer(address)]
            for peer in peers {
                try await peer.send(get("/"))
                #expect(try await peer.receive("token 5").hasPrefix("HTTP/1.1 200"))
            }
            await #expect(throws: UVError.self) { _ = try await Peer(address).receiveToEnd() }
            let counters = await server.counters
            #expect(counters.turnedAway == 2)
            #expect(counters.accepted == 2)
            #expect(counters.connections == 2)
            // An optimised build would end the peers with their last use.
            withExtendedLifetime(peers) {}
        }
    }

    @Test("a unix socket's peer is known by its credentials")
    func credentials() async throws {
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { _, context in
            .respond(.text("\(context.credentials.map { "\($0.pid) \($0.uid)" } ?? "none")"))
        }
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        let server = Server(loop: TestLoops.loop, handler: TestHandler(handler))
        let address = try await server.listen(on: .unix(path: directory.file("http.sock")))
        let text = try await exchange(address, get("/", "Connection: close\r\n"))
        #expect(text.hasSuffix("\r\n\r\n\(processID()) \(userID())"))
        await server.stop(within: .zero)
    }

    @Test("a thousand connections come and go and leave nothing")
    func churn() async throws {
        try await withServer(handler: { _, _ in .prepared(hello) }) { server, address in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<20 {
                    group.addTask {
                        for round in 0..<50 {
                            let peer = try await Peer(address)
                            switch (worker + round) % 4 {
                            case 0: _ = try await peer.exchange(get("/", "Connection: close\r\n"))
                            case 1:
                                try await peer.send(get("/"))
                                _ = try await peer.receive("hello")
                            case 2: try await peer.send("GET / HT")
                            default: peer.connection.reset()
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            while await server.counters.connections > 0 { await Task.yield() }
            #expect(await server.counters.accepted == 1000)
        }
    }
}

@Suite("a server's end")
struct StopTests {
    @Test("what is under way is finished and told to close, idle connections end, new ones are refused")
    func drain() async throws {
        let gate = Gate()
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { request, _ in
            request.pathIs("/wait")
                ? .task { _ in
                    try await gate.pass()
                    return .text("hello")
                } : .prepared(hello)
        }
        try await withServer(handler: handler) { server, address in
            let idle = try await Peer(address)
            try await idle.send(get("/"))
            _ = try await idle.receive("hello")
            let busy = try await Peer(address)
            try await busy.send(get("/wait"))
            let partial = try await Peer(address)
            try await partial.send("GET / HTTP/1.1\r\n")
            while await server.counters.tasks < 1 { await Task.yield() }
            let stop = spawn(on: TestLoops.other, "stop") { await server.stop(within: .seconds(15).patient) }
            #expect(try await idle.receiveToEnd() == "")
            await #expect(throws: (any Error).self) { _ = try await Peer(address) }
            try await partial.send("Host: a\r\n\r\n")
            #expect(try await partial.receiveToEnd() == helloClosing)
            gate.open()
            #expect(try await busy.receiveToEnd() == helloClosing)
            try await stop.value
            #expect(await server.counters.connections == 0)
        }
    }

    @Test("what isn't done by the deadline is cut, its task cancelled")
    func deadline() async throws {
        let ended = Gate()
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { _, _ in
            .task { _ in
                defer { ended.open() }
                try await TestLoops.loop.sleep(for: .seconds(60))
                return .notFound
            }
        }
        try await withServer(handler: handler) { server, address in
            let peer = try await Peer(address)
            try await peer.send(get("/"))
            while await server.counters.tasks < 1 { await Task.yield() }
            await server.stop(within: .milliseconds(50))
            #expect(try await peer.receiveToEnd() == "")
            try await ended.pass()
        }
    }

    @Test("a fresh connection's first request is still answered when the server is about to stop")
    func fresh() async throws {
        let configure = { (configuration: inout ServerConfiguration) in configuration.drainGrace = .seconds(15).patient
        }
        try await withServer(configure, handler: { _, _ in .prepared(hello) }) { server, address in
            let peer = try await Peer(address)
            while await server.counters.connections < 1 { await Task.yield() }
            let stop = spawn(on: TestLoops.other, "stop") { await server.stop(within: .seconds(15).patient) }
            await #expect(throws: (any Error).self) { while true { _ = try await Peer(address) } }
            try await peer.send(get("/"))
            #expect(try await peer.receiveToEnd() == helloClosing)
            try await stop.value
        }
    }

    @Test("one listening socket can be closed without the others")
    func oneListener() async throws {
        try await withServer(handler: { _, _ in .prepared(hello) }) { server, address in
            let descriptor = try Listener.socket(on: .ipv4(host: "127.0.0.1", port: 0))
            let second = try #require(try SocketAddress.local(of: descriptor))
            let listener = try await server.listen(adopting: descriptor)
            let peer = try await Peer(second)
            try await peer.send(get("/"))
            _ = try await peer.receive("hello")
            await listener.close()
            // Tests beside this one start processes: each has a copy of the socket until it has become its program.
            await #expect(throws: (any Error).self) { while true { _ = try await Peer(second) } }
            try await peer.send(get("/"))
            #expect(try await peer.receive("hello") == helloBytes)
            _ = try await Peer(address)
        }
    }
}
