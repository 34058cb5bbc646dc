import Runtime
import Store
import TestKit
import TestSupport
import Testing

@Suite("etcd's own limits, for real", .timeLimit(.minutes(2)))
struct EtcdLimitTests {
    private func store<T>(_ flags: [String] = [], _ body: (EtcdStore, EtcdServer) async throws -> T) async throws {
        guard try Requirement.need("etcd", "etcdctl") else { return }
        try await withEtcd(flags) { server in
            _ = try await withEtcdStore(EtcdConfiguration(endpoints: [server.endpoint])) { try await body($0, server) }
        }
    }

    @Test("a request that this etcd finds too large is refused as that")
    func tooLarge() async throws {
        try await store(["--max-request-bytes=10000"]) { store, _ in
            await expect(.tooLarge) { try await store.apply([.put("/a", Array(repeating: 1, count: 20_000))]) }
            // Beyond its limit by half a mebibyte etcd's gRPC refuses before etcd has looked.
            await expect(.tooLarge) { try await store.apply([.put("/a", Array(repeating: 1, count: 1_000_000))]) }
            try await store.put("/a", "1")
        }
    }

    @Test("etcd that is full refuses writes as that, and still reads")
    func full() async throws {
        try await store(["--quota-backend-bytes=2000000"]) { store, server in
            try await store.put("/first", "1")
            let value = Array(repeating: UInt8(7), count: 500_000)
            var failure: StoreError?
            for number in 0..<20 where failure == nil {
                do { try await store.apply([.put("/\(number)", value)]) } catch { failure = error as? StoreError }
            }
            #expect(failure?.code == .full)
            #expect(try await store.text("/first") == "1")
            #expect(try await server.control("alarm", "list").contains("NOSPACE"))
            await expect(.full) { try await store.put("/first", "2") }
        }
    }

    @Test("a range larger than an answer may be comes in several, all of one revision")
    func largeRange() async throws {
        try await store { store, _ in
            let value = Array(repeating: UInt8(7), count: 1_400_000)
            for number in 10..<70 { try await store.apply([.put("/k/\(number)", value)]) }
            let range = try await store.range("/k/")
            #expect(range.entries.map(\.key) == (10..<70).map { "/k/\($0)" })
            #expect(range.entries.allSatisfy { $0.value.count == value.count })
            #expect(range.revision == 61)
            #expect(try await store.range("/k/", after: "/k/19", limit: 30).entries.count == 30)
        }
    }

    @Test("many small entries come whole while others write")
    func manyEntries() async throws {
        try await store { store, _ in
            for start in stride(from: 0, to: 3000, by: 100) {
                try await store.apply((start..<start + 100).map { .put("/k/\(10_000 + $0)", bytes("\($0)")) })
            }
            async let ranges = [store.range("/k/"), store.range("/k/")]
            for _ in 0..<20 { try await store.put("/k/99999", "x") }
            for range in try await ranges {
                #expect(range.entries.prefix(3000).map(\.key) == (0..<3000).map { "/k/\(10_000 + $0)" })
                #expect(range.entries.allSatisfy { $0.modRevision <= range.revision })
            }
        }
    }

    @Test("an answer of a watch over 4 MiB comes in fragments, which are put together to whole revisions")
    func largeEvent() async throws {
        try await store { store, _ in
            // 12 MiB that a watch catches up with in one answer of etcd's, which it cuts where it likes.
            let value = Array(repeating: UInt8(7), count: 1 << 20)
            for number in 0..<12 { try await store.apply([.put("/k/\(number)", value), .put("/l/\(number)", [])]) }
            let batches = try await store.watch(prefix: "/", from: 2).first(12)
            #expect(batches.map(\.revision) == (2..<14).map { Int64($0) })
            #expect(batches.allSatisfy { $0.events.count == 2 })
        }
    }

    @Test("a reader that does not read costs a bounded window, then gets everything; others are not held up")
    func slowReader() async throws {
        try await store { store, _ in
            let value = Array(repeating: UInt8(7), count: 1 << 20)
            var slow = try await store.watch(prefix: "/k/", from: 2).makeAsyncIterator()
            try await store.apply([.put("/k/0", value)])
            #expect(try await slow.next()?.revision == 2)
            let other = try await store.watch(prefix: "/other", from: 2)
            async let seen = other.first(1)
            for number in 1..<40 { try await store.apply([.put("/k/\(number)", value)]) }
            try await store.put("/other", "")
            #expect(try await seen.map(\.revision) == [42])
            for revision in 3...41 { #expect(try await slow.next()?.revision == Int64(revision)) }
        }
    }

    @Test("a watch that lies behind a compaction while it is away ends with how far")
    func compactedWhileAway() async throws {
        try await store { store, server in
            let stream = try await store.watch(prefix: "/", from: 2)
            for value in ["1", "2", "3", "4"] { try await store.put("/a", value) }
            // The stream begins only now, behind the compaction that another client asked for.
            try await server.control("compact", "4")
            do {
                _ = try await stream.first(1)
                Issue.record("revision 2 is gone")
            } catch let error as StoreError {
                #expect(error.code == .compacted)
                #expect(error.compactedAt == 4)
            }
            await expect(.compacted) { try await store.watch(prefix: "/", from: 4) }
            #expect(try await store.watch(prefix: "/", from: 5).first(1).map(\.revision) == [5])
        }
    }

    @Test("defragmentation in the middle of work loses nothing")
    func defragmentation() async throws {
        try await store { store, server in
            let stream = try await store.watch(prefix: "/", from: 0)
            async let batches = stream.first(60)
            async let tidy = server.control("defrag")
            for number in 0..<60 { try await store.put("/\(number)", "") }
            _ = try await tidy
            #expect(try await batches.map(\.revision) == (2..<62).map { Int64($0) })
        }
    }

    @Test("keys vanish when their lease runs out, and the lease is gone")
    func expiry() async throws {
        try await store { store, _ in
            let lease = try await store.grantLease(ttl: .seconds(3))
            try await store.put("/n/1", "a", lease: lease.id)
            try await store.put("/n/2", "b", lease: lease.id)
            #expect(try await store.keepAlive(lease.id) == lease.ttl)
            let batches = try await store.watch(prefix: "/n/", from: 4).first(1)
            #expect(batches.map(\.events) == [[.delete("/n/1", modRevision: 4), .delete("/n/2", modRevision: 4)]])
            await expect(.leaseGone) { try await store.keepAlive(lease.id) }
            await expect(.leaseGone) { try await store.revoke(lease.id) }
        }
    }
}
