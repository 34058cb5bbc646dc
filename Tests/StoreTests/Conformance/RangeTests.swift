import Store
import Testing

@Suite("Ranges of every backend", .timeLimit(.minutes(5)))
struct RangeTests {
    @Test("keys come in byte order, and only those with the prefix", arguments: Backend.allCases)
    func order(backend: Backend) async throws {
        try await backend.run { (store, _) async throws in
            for key in ["/b", "/a/2", "/a", "/a/10", "/a/1", "/A", "/a0", "/~", "/a/", "!"] {
                try await store.put(key, key)
            }
            #expect(
                try await store.range("").entries.map(\.key)
                    == ["!", "/A", "/a", "/a/", "/a/1", "/a/10", "/a/2", "/a0", "/b", "/~"])
            #expect(try await store.range("/a/").entries.map(\.key) == ["/a/", "/a/1", "/a/10", "/a/2"])
            #expect(try await store.range("/a").entries.map(\.key) == ["/a", "/a/", "/a/1", "/a/10", "/a/2", "/a0"])
            #expect(try await store.range("/~").entries.map(\.key) == ["/~"])
            #expect(try await store.range("/none").entries == [])
        }
    }

    @Test("pages put together are the whole", arguments: Backend.allCases, [1, 2, 3, 7, 10, 11, 100])
    func pages(backend: Backend, size: Int) async throws {
        try await backend.run { (store, _) async throws in
            let keys = (0..<10).map { "/k/\($0)" }
            try await store.apply((keys + ["/l"]).map { .put($0, bytes($0)) })
            var found: [String] = []
            var after: String?
            while true {
                let page = try await store.range("/k/", after: after, limit: size)
                #expect(page.entries.count <= size)
                found += page.entries.map(\.key)
                guard page.more else { break }
                after = page.entries.last?.key
            }
            #expect(found == keys)
        }
    }

    @Test("a page may begin before, at, between and beyond the keys", arguments: Backend.allCases)
    func after(backend: Backend) async throws {
        try await backend.run { (store, _) async throws in
            for key in ["/a", "/c/1", "/c/2", "/d"] { try await store.put(key, "") }
            let cases = [
                ("", ["/c/1", "/c/2"]), ("/a", ["/c/1", "/c/2"]), ("/c/1", ["/c/2"]), ("/c/10", ["/c/2"]),
                ("/c/2", []), ("/z", []),
            ]
            for (after, keys) in cases {
                #expect(try await store.range("/c/", after: after, limit: nil).entries.map(\.key) == keys, "\(after)")
            }
            await expect(.invalid) { try await store.range("/", after: nil, limit: 0) }
        }
    }

    @Test("a range tells the revision it shows", arguments: Backend.allCases)
    func revision(backend: Backend) async throws {
        try await backend.run { (store, _) async throws in
            try await store.put("/a", "1")
            let range = try await store.range("/b")
            #expect(range.revision == 2)
            #expect(!range.more)
        }
    }
}
