import Store
import Testing

@Suite("Limits of every backend", .timeLimit(.minutes(5)))
struct LimitTests {
    @Test("128 operations are taken and 129 are not", arguments: Backend.allCases)
    func operations(backend: Backend) async throws {
        try await backend.run { (store, _) async throws in
            let ops = (0..<129).map { Op.put("/k/\($0)", []) }
            let compares = (0..<129).map { Compare.absent("/k/\($0)") }
            await expect(.tooLarge) { try await store.transaction(Transaction(then: ops)) }
            await expect(.tooLarge) { try await store.transaction(Transaction(then: [], otherwise: ops)) }
            await expect(.tooLarge) { try await store.transaction(Transaction(compares: compares, then: [])) }
            #expect(try await store.revision == 1)
            let most = Transaction(compares: compares.dropLast(), then: ops.dropLast(), otherwise: ops.dropLast())
            #expect(try await store.transaction(most).succeeded)
        }
    }

    @Test("1.5 MiB of keys and values (less 32 KiB) are taken and one byte more is not", arguments: Backend.allCases)
    func requestSize(backend: Backend) async throws {
        try await backend.run { (store, _) async throws in
            let most = StoreLimits.requestBytes - 2
            await expect(.tooLarge) {
                try await store.transaction(Transaction(then: [.put("/a", Array(repeating: 7, count: most + 1))]))
            }
            let halves = Array(repeating: UInt8(7), count: StoreLimits.requestBytes / 2)
            await expect(.tooLarge) {
                try await store.transaction(Transaction(then: [.put("/a", halves), .put("/b", halves)]))
            }
            #expect(try await store.revision == 1)
            try await store.apply([.put("/a", Array(repeating: 7, count: most))])
            #expect(try await store.get("/a").entry?.value.count == most)
        }
    }

    @Test("a key is not written twice in one branch", arguments: Backend.allCases)
    func duplicates(backend: Backend) async throws {
        try await backend.run { (store, _) async throws in
            let refused: [[Op]] = [
                [.put("/a", []), .put("/a", [])], [.put("/a", []), .delete("/a")], [.delete("/a"), .put("/a", [])],
                [.deletePrefix("/"), .put("/a", [])],
            ]
            for ops in refused {
                await expect(.invalid) { try await store.transaction(Transaction(then: ops)) }
                await expect(.invalid) { try await store.transaction(Transaction(then: [], otherwise: ops)) }
            }
            let allowed: [[Op]] = [
                [.get("/a"), .put("/a", []), .get("/a")], [.delete("/a"), .delete("/a"), .deletePrefix("/a")],
                [.deletePrefix("/b"), .put("/a", [])],
            ]
            for ops in allowed { try await store.apply(ops) }
            try await store.apply([.put("/a", [])], otherwise: [.put("/a", [])])
        }
    }

    @Test(
        "a key is 1 to 1,024 printable ASCII characters", arguments: Backend.allCases,
        ["", " ", "/a b", "/\u{e9}", "/a\n", "/a\u{0}", "/\u{7f}"])
    func keys(backend: Backend, key: String) async throws {
        try await backend.run { (store, _) async throws in
            await expect(.invalid) { try await store.put(key, "") }
            await expect(.invalid) { try await store.get(key) }
            if !key.isEmpty { await expect(.invalid) { try await store.watch(prefix: key, from: 1) } }
        }
    }

    @Test("a long key is refused, the longest is taken", arguments: Backend.allCases)
    func longKeys(backend: Backend) async throws {
        try await backend.run { (store, _) async throws in
            await expect(.tooLarge) { try await store.put(String(repeating: "k", count: 1025), "") }
            try await store.put(String(repeating: "~", count: 1024), "")
            #expect(try await store.range("~~~").entries.count == 1)
        }
    }

    @Test("an empty value and every byte are kept", arguments: Backend.allCases)
    func binary(backend: Backend) async throws {
        try await backend.run { (store, _) async throws in
            let all = (0...255).map { UInt8($0) }
            try await store.apply([.put("/empty", []), .put("/all", all)])
            #expect(try await store.get("/empty").entry?.value == [])
            #expect(try await store.get("/all").entry?.value == all)
            let batch = try await store.watch(prefix: "/", from: 2).first(1)
            #expect(batch.first?.events.count == 2)
            if case .put(let entry) = batch.first?.events.first {
                #expect(entry.value == [])
            } else {
                Issue.record("an empty value is not a deletion")
            }
        }
    }
}
