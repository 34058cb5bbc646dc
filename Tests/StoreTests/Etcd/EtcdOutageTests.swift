import Foundation
import Runtime
import Store
import TestKit
import TestSupport
import Testing

@Suite("etcd that fails, for real", .timeLimit(.minutes(2)))
struct EtcdOutageTests {
    private func configuration(_ endpoints: String...) -> EtcdConfiguration {
        var configuration = EtcdConfiguration(endpoints: endpoints)
        configuration.followsMembers = false
        return configuration
    }

    @Test("a member that hangs: a write's outcome is unknown, a read has none, and both go on once it is back")
    func frozen() async throws {
        guard try Requirement.need("etcd") else { return }
        try await withEtcd { server in
            var configuration = configuration(server.endpoint)
            configuration.callTimeout = .seconds(1)
            try await withEtcdStore(configuration) { store in
                try await store.put("/a", "1")
                try server.freeze()
                await expect(.unknownOutcome) { try await store.put("/a", "2") }
                await expect(.unavailable) { try await store.get("/a") }
                // Nothing goes out without a connection: that is known.
                await expect(.unavailable) { try await store.put("/a", "3") }
                try server.thaw()
            }
            try await withEtcdStore(self.configuration(server.endpoint)) { store in
                let text = try await store.text("/a")
                #expect(text == "1" || text == "2")
            }
        }
    }

    @Test("a silent member is found out by its not answering, and a watch goes on at the next one")
    func silent() async throws {
        guard try Requirement.need("etcd") else { return }
        try await withEtcd(["--grpc-keepalive-min-time=100ms"]) { server in
            let relay = try TCPRelay(to: server.address)
            defer { relay.stop() }
            let way = "http://[::1]:\(relay.address.port ?? 0)"
            // Which of its endpoints a client begins with is left to chance.
            var configuration = configuration(way, server.endpoint)
            configuration.pingInterval = .milliseconds(300)
            configuration.pingPatience = .milliseconds(700)
            var store = try await EtcdStore.open(configuration, on: TestLoops.loop)
            while await store.endpoint != way {
                await store.close()
                store = try await EtcdStore.open(configuration, on: TestLoops.loop)
            }
            var iterator = try await store.watch(prefix: "/", from: 0).makeAsyncIterator()
            try await store.put("/a", "1")
            #expect(try await iterator.next()?.revision == 2)
            relay.hold()
            try await withEtcdStore(self.configuration(server.endpoint)) { try await $0.put("/a", "2") }
            #expect(try await iterator.next()?.revision == 3)
            #expect(await store.endpoint == server.endpoint)
            await store.close()
        }
    }

    @Test("a member killed and started again: the watch goes on, and no change is lost or doubled")
    func restart() async throws {
        guard try Requirement.need("etcd") else { return }
        try await withEtcd { server in
            try await withEtcdStore(configuration(server.endpoint)) { store in
                let stream = try await store.watch(prefix: "/k/", from: 0)
                async let batches = stream.first(30)
                for number in 0..<10 { try await store.put("/k/\(number)", "") }
                await server.kill()
                await expect(.unavailable) {
                    var short = self.configuration(server.endpoint)
                    short.callTimeout = .milliseconds(100)
                    return try await EtcdStore.open(short, on: TestLoops.loop)
                }
                try await server.restart()
                for number in 10..<30 { try await store.put("/k/\(number)", "") }
                let got = try await batches
                #expect(got.map(\.revision) == (2..<32).map { Int64($0) })
                #expect(got.flatMap(\.events).map(\.key) == (0..<30).map { "/k/\($0)" })
            }
        }
    }

    @Test("a watch without etcd ends with unavailable once its patience is over, and can be had again")
    func patience() async throws {
        guard try Requirement.need("etcd") else { return }
        try await withEtcd { server in
            var configuration = configuration(server.endpoint)
            configuration.watchPatience = .milliseconds(200)
            configuration.callTimeout = .seconds(1)
            try await withEtcdStore(configuration) { store in
                let stream = try await store.watch(prefix: "/", from: 0)
                async let end: Void = expect(.unavailable) { try await stream.first(1) }
                await server.kill()
                await end
                try await server.restart()
                try await withEtcdStore(self.configuration(server.endpoint)) { try await $0.put("/a", "") }
                #expect(try await stream.first(1).map(\.revision) == [2])
            }
        }
    }

    @Test("the next member stands in for one that is gone", .timeLimit(.minutes(1)))
    func failOver() async throws {
        guard try Requirement.need("etcd") else { return }
        try await withEtcd { server in
            let nobody = EtcdServer.Place.free()
            let dead = try await EtcdServer.start(at: nobody)
            await dead.stop()
            for _ in 0..<4 {
                try await withEtcdStore(configuration(dead.endpoint, server.endpoint)) { store in
                    try await store.put("/a", "")
                    #expect(await store.endpoint == server.endpoint)
                }
            }
        }
    }

    @Test("a store restored from an older copy, or another one in its place, is told before anything is written to it")
    func otherStore() async throws {
        guard try Requirement.need("etcd") else { return }
        let place = EtcdServer.Place.free()
        let first = try await EtcdServer.start(at: place)
        try await withEtcdStore(configuration(first.endpoint)) { store in
            for _ in 0..<5 { try await store.put("/a", "") }
            #expect(store.highestRevision == 6)
            let cluster = store.clusterID
            await first.stop()
            // At the same place with the same token it has the same identity, and an empty past.
            let older = try await EtcdServer.start(at: place)
            await expect(.restored) { try await store.put("/a", "") }
            await expect(.restored) { try await store.get("/a") }
            await expect(.restored) {
                var known = self.configuration(older.endpoint)
                known.clusterID = cluster
                known.seenRevision = 6
                return try await EtcdStore.open(known, on: TestLoops.loop)
            }
            let olderRevision = try await withEtcdStore(configuration(older.endpoint)) { try await $0.revision }
            #expect(olderRevision == 1)
            await older.stop()
            let foreign = try await EtcdServer.start(["--initial-cluster-token=foreign"], at: place)
            await expect(.foreign) { try await store.put("/a", "") }
            await expect(.foreign) { try await store.watch(prefix: "/", from: 1) }
            let foreignRevision = try await withEtcdStore(configuration(foreign.endpoint)) { try await $0.revision }
            #expect(foreignRevision == 1)
            await foreign.stop()
        }
    }

    @Test("a watch is told of a store that was restored while it was away")
    func restoredWatch() async throws {
        guard try Requirement.need("etcd") else { return }
        let place = EtcdServer.Place.free()
        let first = try await EtcdServer.start(at: place)
        try await withEtcdStore(configuration(first.endpoint)) { store in
            for _ in 0..<5 { try await store.put("/a", "") }
            let stream = try await store.watch(prefix: "/", from: 2)
            async let end: Void = expect(.restored) { try await stream.first(7) }
            try await store.put("/b", "")
            #expect(try await store.watch(prefix: "/b", from: 2).first(1).map(\.revision) == [7])
            await first.stop()
            let older = try await EtcdServer.start(at: place)
            // It had six changes; what answers now has none.
            await end
            await older.stop()
        }
    }
}
