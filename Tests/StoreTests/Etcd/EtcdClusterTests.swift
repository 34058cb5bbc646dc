import Runtime
import Store
import TestKit
import TestSupport
import Testing

@Suite("Three members of etcd, for real", .timeLimit(.minutes(2)))
struct EtcdClusterTests {
    private func withCluster(_ body: ([EtcdServer]) async throws -> Void) async throws {
        guard try Requirement.need("etcd", "etcdctl") else { return }
        let servers = try await EtcdServer.startCluster(of: 3)
        let result: Result<Void, any Error>
        do { result = .success(try await body(servers)) } catch { result = .failure(error) }
        for server in servers { await server.stop() }
        try result.get()
    }

    private func leader(of servers: [EtcdServer]) async throws -> EtcdServer? {
        for server in servers {
            let fields = try await server.control("endpoint", "status", "--write-out=fields").split(separator: "\n")
            let number = { (name: String) in
                fields.first { $0.hasPrefix("\"\(name)\"") }?.split(separator: " ").last.map(String.init)
            }
            if let own = number("MemberID"), own == number("Leader") { return server }
        }
        return nil
    }

    @Test("the leader killed: every write is known or resolved by its token, and a watch misses and doubles none")
    func leaderLoss() async throws {
        try await withCluster { servers in
            let leader = try #require(try await leader(of: servers))
            // One endpoint is enough: the cluster names the others.
            try await withEtcdStore(EtcdConfiguration(endpoints: [leader.endpoint])) { store in
                let stream = try await store.watch(prefix: "/k/", from: 0)
                let count = 60
                async let watched = stream.first(count)
                for number in 0..<count {
                    if number == 20 { await leader.kill() }
                    try await claim("/k/\(number)", in: store)
                }
                let batches = try await watched
                #expect(batches.flatMap(\.events).map(\.key) == (0..<count).map { "/k/\($0)" })
                #expect(zip(batches, batches.dropFirst()).allSatisfy { $0.revision < $1.revision })
                #expect(await store.endpoint != leader.endpoint)
            }
        }
    }

    /// Makes a key, once, whatever the calls say.
    private func claim(_ key: String, in store: EtcdStore) async throws {
        let claim = Transaction(compares: [.absent(key)], then: [.put(key, bytes("mine"))], otherwise: [.get(key)])
        for _ in 0..<20 {
            do {
                let result = try await store.transaction(claim)
                #expect(result.succeeded || result.responses.first?.entry?.value == bytes("mine"))
                return
            } catch let error as StoreError where [.unknownOutcome, .unavailable].contains(error.code) {}
        }
        Issue.record("\(key) could not be written")
    }

    @Test("without a majority a watch says so, reads have no answer, and all goes on once there is one again")
    func noMajority() async throws {
        try await withCluster { servers in
            var configuration = EtcdConfiguration(endpoints: servers.map(\.endpoint))
            configuration.callTimeout = .seconds(1)
            configuration.watchPatience = .milliseconds(500)
            try await withEtcdStore(configuration) { store in
                try await store.put("/a", "1")
                let stream = try await store.watch(prefix: "/", from: 0)
                async let end: Void = expect(.unavailable) { try await stream.first(1) }
                let connected = await store.endpoint
                let others = servers.filter { $0.endpoint != connected }
                for server in others { await server.kill() }
                await expect(.unavailable) { try await store.get("/a") }
                await end
                try await withLoopTaskGroup(of: Void.self, on: TestLoops.other) { group in
                    for server in others { group.addTask("restart") { try await server.restart() } }
                    try await group.waitForAll()
                }
                try await withEtcdStore(EtcdConfiguration(endpoints: configuration.endpoints)) {
                    #expect(try await $0.text("/a") == "1")
                    try await $0.put("/a", "2")
                }
                #expect(try await stream.first(1).map(\.revision) == [3])
            }
        }
    }
}
