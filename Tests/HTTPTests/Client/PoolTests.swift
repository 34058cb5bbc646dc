import HTTP
import HTTPTypes
import Runtime
import Synchronization
import TestSupport
import Testing

@Suite("the client's pool")
struct PoolTests {
    /// Waits until the condition holds.
    private static func eventually(_ condition: () async -> Bool) async throws {
        while !(await condition()) { try await TestLoops.other.sleep(for: .milliseconds(2)) }
    }

    private static func waiting(_ gate: Gate) -> @Sendable (borrowing RequestView, ConnectionContext) -> Answer {
        { request, _ in
            if request.pathIs("/now") { return .prepared(hello) }
            return .task { _ in
                try await gate.pass()
                return .text("late")
            }
        }
    }

    @Test("requests beyond the limit of connections wait for their turn, those cancelled meanwhile leave the line")
    func limit() async throws {
        let gate = Gate()
        try await withServer(handler: Self.waiting(gate)) { server, address in
            let pool = ClientPool(on: TestLoops.other, maxConnections: 2)
            let client = Client(address: address, pool: pool)
            let tasks = (0..<5).map { _ in
                spawn(on: TestLoops.other, "request") {
                    try await client.send(ClientRequest(path: "/")).body.collect(limit: 10)
                }
            }
            try await Self.eventually { await server.counters.tasks == 2 }
            let cancelled = spawn(on: TestLoops.other, "cancelled") { try await client.send(ClientRequest(path: "/")) }
            cancelled.cancel()
            await #expect(throws: CancellationError.self) { _ = try await cancelled.value }
            await #expect(throws: ClientError.self) {
                _ = try await client.send(ClientRequest(path: "/now"), timeout: .milliseconds(20))
            }
            gate.open()
            for task in tasks { #expect(try await task.value == Array("late".utf8)) }
            #expect(await server.counters.accepted == 2)
            #expect(pool.counts == (used: 0, idle: 2))
            client.close()
            #expect(pool.counts == (used: 0, idle: 0))
        }
    }

    @Test(
        "only so many connections are kept, and only so long; one kept makes room for a request that needs a fresh one")
    func idle() async throws {
        let gate = Gate()
        try await withServer(handler: Self.waiting(gate)) { server, address in
            let pool = ClientPool(
                on: TestLoops.other, maxIdle: 1, maxConnections: 2, idleTimeout: .milliseconds(500))
            let client = Client(address: address, pool: pool)
            let tasks = (0..<2).map { _ in
                spawn(on: TestLoops.other, "request") {
                    try await client.send(ClientRequest(path: "/")).body.collect(limit: 10)
                }
            }
            try await Self.eventually { await server.counters.tasks == 2 }
            gate.open()
            for task in tasks { _ = try await task.value }
            #expect(pool.counts.idle <= 1)
            try await Self.eventually { pool.counts.idle == 0 }
            try await Self.eventually { await server.counters.connections == 0 }

            let narrow = ClientPool(on: TestLoops.other, maxConnections: 1)
            let other = Client(address: address, pool: narrow)
            for method in ["GET", "POST", "POST", "GET"] {
                let response = try await other.send(ClientRequest(method: method, path: "/now"))
                #expect(try await response.body.collect(limit: 10) == Array("hello".utf8))
                #expect(narrow.counts == (used: 0, idle: 1))
            }
            #expect(await server.counters.accepted == 5)
            other.close()
        }
    }

    @Test("clients that share a pool share connections to the same origin, and to no other")
    func sharing() async throws {
        try await withServer(handler: { _, _ in .prepared(hello) }) { server, address in
            let pool = ClientPool(on: TestLoops.other)
            for host in ["a", "a", "b", "a"] {
                let client = Client(address: address, host: host, pool: pool)
                _ = try await client.send(ClientRequest(path: "/")).body.collect(limit: 10)
            }
            #expect(await server.counters.accepted == 2)
            #expect(pool.counts == (used: 0, idle: 2))
            pool.close()
        }
    }

    @Test("every way in which an exchange can end gives its place back")
    func places() async throws {
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { request, context in
            if request.pathIs("/hang") { return .hangUp }
            if request.pathIs("/upgrade") { return UpgradeTests.handler(request, context) }
            return ClientTests.handler(request, context)
        }
        try await withServer({ $0.halfCloseGrace = .milliseconds(10) }, handler: handler) { server, address in
            let pool = ClientPool(on: TestLoops.other, maxConnections: 1)
            let client = Client(address: address, pool: pool)
            await #expect(throws: ClientError.self) { _ = try await client.send(ClientRequest(path: "/hang")) }
            await #expect(throws: ClientError.self) {
                _ = try await client.send(ClientRequest(path: "/cut")).body.collect(limit: 100)
            }
            await #expect(throws: ClientError.self) {
                _ = try await client.send(ClientRequest(path: "/hello")).body.collect(limit: 1)
            }
            _ = try await client.send(ClientRequest(path: "/stream"))
            await #expect(throws: ClientError.self) {
                _ = try await client.send(ClientRequest(path: "/never"), timeout: .milliseconds(20))
            }
            let connection = try await client.upgrade(path: "/upgrade", protocol: "echo")
            let head = try await client.send(ClientRequest(method: "HEAD", path: "/hello"))
            #expect(head.status == 200)
            #expect(pool.counts == (used: 0, idle: 1))
            connection.close()
            let unreachable = Client(address: .unix(path: "/nonexistent/http.sock"), pool: pool)
            await #expect(throws: ClientError.self) { _ = try await unreachable.send(ClientRequest(path: "/")) }
            #expect(pool.counts == (used: 0, idle: 1))
            client.close()
            try await Self.eventually { await server.counters.connections == 0 }
        }
    }
}
