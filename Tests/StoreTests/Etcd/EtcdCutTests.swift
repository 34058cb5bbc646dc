import Runtime
import Store
import TestKit
import TestSupport
import Testing

@Suite("A connection cut between two frames", .timeLimit(.minutes(2)))
struct EtcdCutTests {
    /// Frames of a connection that has just begun: both sides' SETTINGS and what follows, a call or two.
    static let places = 0..<8

    /// By the relay alone, though the cluster names another way.
    private func only(_ endpoint: String) -> EtcdConfiguration {
        var configuration = EtcdConfiguration(endpoints: [endpoint])
        configuration.followsMembers = false
        return configuration
    }

    @Test("no write is lost or done twice, whichever frame it happens after", arguments: FrameRelay.Way.allCases)
    func writes(way: FrameRelay.Way) async throws {
        guard try Requirement.need("etcd") else { return }
        try await withEtcd { server in
            let relay = try FrameRelay(to: server.address)
            defer { relay.stop() }
            try await withEtcdStore(only(relay.endpoint)) { store in
                var unknown = 0
                for place in Self.places {
                    relay.cut(way, after: place)
                    var tries = 0
                    while !relay.hasCut || tries == 0 {
                        let key = "/\(place).\(tries)"
                        let claim = Transaction(
                            compares: [.absent(key)], then: [.put(key, bytes("token"))], otherwise: [.get(key)])
                        var wins = 0
                        // A cut may also meet the call after the one that it was meant for.
                        for _ in 0..<5 where wins == 0 {
                            do {
                                let result = try await store.transaction(claim)
                                if result.succeeded || result.responses.first?.entry?.value == bytes("token") {
                                    wins += 1
                                }
                            } catch let error as StoreError {
                                #expect(error.code == .unknownOutcome, "\(error)")
                                unknown += 1
                            }
                        }
                        #expect(wins == 1)
                        #expect(try await store.get(key).entry?.version == 1)
                        tries += 1
                    }
                }
                #expect(unknown > 0)
            }
        }
    }

    @Test(
        "no change is lost or doubled in a watch, whichever frame it happens after", arguments: FrameRelay.Way.allCases)
    func watches(way: FrameRelay.Way) async throws {
        guard try Requirement.need("etcd") else { return }
        try await withEtcd { server in
            let relay = try FrameRelay(to: server.address)
            defer { relay.stop() }
            try await withEtcdStore(EtcdConfiguration(endpoints: [server.endpoint])) { writer in
                try await withEtcdStore(only(relay.endpoint)) { store in
                    let stream = try await store.watch(prefix: "/k/", from: 0)
                    var iterator = stream.makeAsyncIterator()
                    var revision: Int64 = 1
                    for place in Self.places {
                        relay.cut(way, after: place)
                        var tries = 0
                        while !relay.hasCut || tries == 0 {
                            try await writer.put("/k/\(place)", "\(tries)")
                            if way == .toServer { _ = try await store.get("/none") }
                            revision += 1
                            let batch = try await iterator.next()
                            #expect(batch?.revision == revision)
                            #expect(batch?.events.map(\.key) == ["/k/\(place)"])
                            tries += 1
                        }
                    }
                }
            }
        }
    }
}
