import Store
import TestKit
import Testing

@Suite("Watches of every backend", .timeLimit(.minutes(5)))
struct WatchTests {
    @Test("a watch from a past revision gives every change since, in order", arguments: Backend.allCases)
    func past(backend: Backend) async throws {
        try await backend.run { (store, _) async throws in
            try await store.put("/a/1", "x")
            try await store.put("/b", "not watched")
            try await store.put("/a/1", "y")
            try await store.delete("/a/1")
            let batches = try await store.watch(prefix: "/a/", from: 2).first(3)
            #expect(batches.map(\.revision) == [2, 4, 5])
            let put = Entry(key: "/a/1", value: bytes("y"), createRevision: 2, modRevision: 4, version: 2)
            #expect(batches[1].events == [.put(put)])
            #expect(batches[2].events == [.delete("/a/1", modRevision: 5)])
            #expect(try await store.watch(prefix: "/a/", from: 3).first(1).map(\.revision) == [4])
        }
    }

    @Test("a revision's changes come together, however many", arguments: Backend.allCases, [1, 128, 1000])
    func wholeRevisions(backend: Backend, count: Int) async throws {
        try await backend.run { (store, _) async throws in
            for start in stride(from: 0, to: count, by: 128) {
                let ops = (start..<min(count, start + 128)).map { Op.put("/k/\($0)", bytes("\($0)")) }
                try await store.apply(ops)
            }
            let revision = try await store.apply([.deletePrefix("/k/")]).revision
            let batches = try await store.watch(prefix: "/", from: revision).first(1)
            #expect(batches.count == 1)
            #expect(batches[0].events.count == count)
            #expect(batches[0].events.map(\.key) == (0..<count).map { "/k/\($0)" }.sorted())
            let all = try await store.watch(prefix: "/", from: 2).first((count + 127) / 128 + 1)
            #expect(all.map(\.events.count).reduce(0, +) == 2 * count)
        }
    }

    @Test("a watch waits for what has not happened yet", arguments: Backend.allCases)
    func future(backend: Backend) async throws {
        try await backend.run { (store, _) async throws in
            let now = try await store.watch(prefix: "/a", from: 0)
            let later = try await store.watch(prefix: "/a", from: 4)
            async let first = now.first(3)
            async let third = later.first(1)
            for value in ["1", "2", "3"] { try await store.put("/a", value) }
            #expect(try await first.map(\.revision) == [2, 3, 4])
            #expect(try await third.map(\.revision) == [4])
        }
    }

    @Test("no change is lost or doubled while writers write", arguments: Backend.allCases)
    func concurrent(backend: Backend) async throws {
        try await backend.run { (store, _) async throws in
            let count = 400
            let streams = [
                try await store.watch(prefix: "/k/", from: 0), try await store.watch(prefix: "/k/", from: 1),
                try await store.watch(prefix: "/k/1", from: 0),
            ]
            async let all = streams[0].first(count)
            async let same = streams[1].first(count)
            async let some = streams[2].first((0..<count).count { "\($0)".hasPrefix("1") })
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<4 {
                    group.addTask {
                        for number in stride(from: writer, to: count, by: 4) {
                            try await store.put("/k/\(number)", "\(number)")
                            if number % 3 == 0 { try await store.put("/other/\(number)", "") }
                        }
                    }
                }
                try await group.waitForAll()
            }
            let batches = try await all
            #expect(batches == (try await same))
            #expect(Set(batches.flatMap(\.events).map(\.key)).count == count)
            #expect(zip(batches, batches.dropFirst()).allSatisfy { $0.revision < $1.revision })
            let filtered = batches.filter { $0.events.allSatisfy { $0.key.hasPrefix("/k/1") } }
            #expect(filtered == (try await some))
        }
    }

    @Test("a waiting watch ends when its task is cancelled, and another goes on", arguments: Backend.allCases)
    func cancellation(backend: Backend) async throws {
        try await backend.run { (store, _) async throws in
            let stream = try await store.watch(prefix: "/", from: 0)
            await withTaskGroup(of: Bool.self) { group in
                group.addTask {
                    do {
                        _ = try await stream.first(1)
                        return false
                    } catch {
                        return error is CancellationError
                    }
                }
                group.cancelAll()
                #expect(await group.next() == true)
            }
            try await store.put("/a", "")
            #expect(try await stream.first(1).map(\.revision) == [2])
        }
    }

    @Test("a compacted revision is refused, the next one is not", arguments: Backend.allCases)
    func compaction(backend: Backend) async throws {
        try await backend.run { (store, _) async throws in
            for value in ["1", "2", "3", "4"] { try await store.put("/a", value) }
            let behind = try await store.watch(prefix: "/", from: 2)
            try await store.compact(to: 3)
            do {
                _ = try await store.watch(prefix: "/", from: 2)
                Issue.record("revision 2 is gone")
            } catch let error as StoreError {
                #expect(error.code == .compacted)
                #expect(error.compactedAt == 3)
            }
            await expect(.compacted) { try await behind.first(1) }
            #expect(try await store.watch(prefix: "/", from: 4).first(2).map(\.revision) == [4, 5])
            #expect(try await store.text("/a") == "4")
            await expect(.invalid) { try await store.compact(to: 6) }
            try await store.compact(to: 2)
            #expect(try await store.watch(prefix: "/", from: 4).first(1).map(\.revision) == [4])
        }
    }

    @Test(
        "a compaction up to the newest revision keeps the entries and lets a watch go on", arguments: Backend.allCases)
    func compactAll(backend: Backend) async throws {
        try await backend.run { (store, _) async throws in
            try await store.put("/a", "1")
            let current = try await store.watch(prefix: "/", from: 3)
            try await store.compact(to: 2)
            try await store.put("/a", "2")
            #expect(try await current.first(1).map(\.revision) == [3])
            #expect(try await store.get("/a").entry?.version == 2)
        }
    }

    @Test("closing ends waiting watches and refuses everything after", arguments: Backend.allCases)
    func close(backend: Backend) async throws {
        try await backend.run { (store, _) async throws in
            let stream = try await store.watch(prefix: "/", from: 0)
            async let end: Void = expect(.closed) { try await stream.first(1) }
            await store.close()
            await end
            await expect(.closed) { try await store.get("/a") }
            await expect(.closed) { try await store.put("/a", "") }
            await expect(.closed) { try await store.watch(prefix: "/", from: 1) }
            await store.close()
        }
    }

    @Test("a watch that a lost connection ended goes on from the last revision seen", arguments: Backend.allCases)
    func brokenWatch(backend: Backend) async throws {
        try await backend.run { (base, _) async throws in
            let store = FaultyStore(base)
            let stream = try await store.watch(prefix: "/", from: 0)
            try await store.put("/a", "1")
            #expect(try await stream.first(1).map(\.revision) == [2])
            store.breakWatches()
            try await store.put("/a", "2")
            await expect(.unavailable) { try await stream.first(1) }
            #expect(try await store.watch(prefix: "/", from: 3).first(1).map(\.revision) == [3])
        }
    }
}
