import Store
import TestKit
import Testing

@Suite("Transactions of every backend", .timeLimit(.minutes(5)))
struct TransactionTests {
    @Test("an empty store is at revision 1 and has a cluster id", arguments: Backend.allCases)
    func emptyStore(backend: Backend) async throws {
        try await backend.run { (store, _) async throws in
            #expect(try await store.revision == 1)
            #expect(!store.clusterID.isEmpty)
            #expect(try await store.range("").entries == [])
        }
    }

    @Test("a put makes one revision, and counts versions until the key is deleted", arguments: Backend.allCases)
    func versions(backend: Backend) async throws {
        try await backend.run { (store, _) async throws in
            #expect(try await store.put("/a", "1") == 2)
            #expect(try await store.put("/a", "1") == 3)
            #expect(
                try await store.get("/a").entry
                    == Entry(key: "/a", value: bytes("1"), createRevision: 2, modRevision: 3, version: 2))
            #expect(try await store.delete("/a") == 4)
            #expect(try await store.get("/a").entry == nil)
            #expect(try await store.put("/a", "2") == 5)
            #expect(
                try await store.get("/a").entry
                    == Entry(key: "/a", value: bytes("2"), createRevision: 5, modRevision: 5, version: 1))
        }
    }

    @Test("what changes nothing makes no revision", arguments: Backend.allCases)
    func noChange(backend: Backend) async throws {
        try await backend.run { (store, _) async throws in
            #expect(try await store.delete("/none") == 1)
            let result = try await store.transaction(Transaction(then: [.get("/none"), .deletePrefix("/x")]))
            #expect(result == TransactionResult(succeeded: true, revision: 1, responses: [.got(nil), .deleted(0)]))
            #expect(try await store.transaction(Transaction(then: [])).revision == 1)
        }
    }

    @Test("each compare holds and fails as etcd's does", arguments: Backend.allCases)
    func compares(backend: Backend) async throws {
        try await backend.run { (store, _) async throws in
            try await store.put("/a", "old")
            try await store.put("/a", "new")
            let cases: [(Compare, Bool)] = [
                (.exists("/a"), true), (.absent("/a"), false), (.exists("/b"), false), (.absent("/b"), true),
                (.value("/a", equals: bytes("new")), true), (.value("/a", equals: bytes("old")), false),
                (.value("/b", equals: []), false), (.modRevision("/a", equals: 3), true),
                (.modRevision("/a", equals: 2), false), (.modRevision("/b", equals: 0), true),
                (.createRevision("/a", equals: 2), true), (.createRevision("/b", equals: 0), true),
                (.version("/a", equals: 2), true), (.version("/a", equals: 1), false),
                (.version("/b", equals: 0), true),
            ]
            for (compare, holds) in cases {
                let result = try await store.transaction(
                    Transaction(compares: [compare], then: [.get("/a")], otherwise: []))
                #expect(result.succeeded == holds, "\(compare)")
                #expect(result.responses.count == (holds ? 1 : 0))
            }
            let mixed = try await store.transaction(
                Transaction(compares: [.exists("/a"), .exists("/b")], then: [.delete("/a")]))
            #expect(!mixed.succeeded)
            #expect(try await store.text("/a") == "new")
        }
    }

    @Test("the other branch runs when a compare fails, and may write", arguments: Backend.allCases)
    func otherwise(backend: Backend) async throws {
        try await backend.run { (store, _) async throws in
            let result = try await store.transaction(
                Transaction(compares: [.exists("/a")], then: [.delete("/a")], otherwise: [.put("/a", bytes("made"))]))
            #expect(result == TransactionResult(succeeded: false, revision: 2, responses: [.put]))
            #expect(try await store.text("/a") == "made")
        }
    }

    @Test("operations see what those before them did, all at one revision", arguments: Backend.allCases)
    func order(backend: Backend) async throws {
        try await backend.run { (store, _) async throws in
            try await store.put("/d/1", "x")
            try await store.put("/d/2", "y")
            try await store.put("/d2", "kept")
            let result = try await store.transaction(
                Transaction(then: [
                    .put("/a", bytes("1")), .get("/a"), .deletePrefix("/d/"), .get("/d/1"), .delete("/no"),
                ]))
            let entry = Entry(key: "/a", value: bytes("1"), createRevision: 5, modRevision: 5, version: 1)
            #expect(result.responses == [.put, .got(entry), .deleted(2), .got(nil), .deleted(0)])
            #expect(try await store.range("").entries.map(\.key) == ["/a", "/d2"])
        }
    }

    @Test("two writers of one key can't both win a compare-and-swap", arguments: Backend.allCases)
    func compareAndSwap(backend: Backend) async throws {
        try await backend.run { (store, _) async throws in
            try await store.put("/n", "0")
            let writers = 8
            let rounds = 25
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<writers {
                    group.addTask {
                        var done = 0
                        while done < rounds {
                            let (entry, _) = try await store.get("/n")
                            guard let entry, let old = Int(String(decoding: entry.value, as: UTF8.self)) else { return }
                            let result = try await store.transaction(
                                Transaction(
                                    compares: [.modRevision("/n", equals: entry.modRevision)],
                                    then: [.put("/n", bytes("\(old + 1)"))]))
                            if result.succeeded { done += 1 }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await store.text("/n") == "\(writers * rounds)")
            #expect(try await store.get("/n").entry?.version == Int64(writers * rounds + 1))
        }
    }

    @Test("a retry with its own token learns that it had won", arguments: Backend.allCases)
    func unknownOutcome(backend: Backend) async throws {
        try await backend.run { (base, _) async throws in
            let store = FaultyStore(base)
            store.inject(.unknownOutcome)
            let claim = Transaction(
                compares: [.absent("/macs/m")], then: [.put("/macs/m", bytes("token"))], otherwise: [.get("/macs/m")])
            await expect(.unknownOutcome) { try await store.transaction(claim) }
            let again = try await store.transaction(claim)
            #expect(!again.succeeded)
            #expect(again.responses.first?.entry?.value == bytes("token"))
            #expect(store.transactions.count == 2)
        }
    }
}
