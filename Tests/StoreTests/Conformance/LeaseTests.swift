import Store
import TestKit
import Testing

@Suite("Leases of every backend", .timeLimit(.minutes(5)))
struct LeaseTests {
    @Test("keys vanish when their lease is not kept alive, at one revision", arguments: Backend.manualTime)
    func expiry(backend: Backend) async throws {
        try await backend.run { (store, clock) async throws in
            let lease = try await store.grantLease(ttl: .seconds(10))
            try await store.put("/n/1", "a", lease: lease.id)
            try await store.put("/n/2", "b", lease: lease.id)
            try await store.put("/kept", "c")
            #expect(try await store.get("/n/1").entry?.lease == lease.id)
            await clock.advance(by: .milliseconds(9_999))
            #expect(try await store.range("/n/").entries.count == 2)
            await clock.advance(by: .milliseconds(1))
            #expect(try await store.range("").entries.map(\.key) == ["/kept"])
            let batch = try await store.watch(prefix: "/n/", from: 5).first(1)
            #expect(batch.map(\.events) == [[.delete("/n/1", modRevision: 5), .delete("/n/2", modRevision: 5)]])
            await expect(.leaseGone) { try await store.keepAlive(lease.id) }
        }
    }

    @Test("a lease that is kept alive stays", arguments: Backend.manualTime)
    func keepAlive(backend: Backend) async throws {
        try await backend.run { (store, clock) async throws in
            let lease = try await store.grantLease(ttl: .seconds(10))
            try await store.put("/n", "", lease: lease.id)
            for _ in 0..<5 {
                await clock.advance(by: .seconds(6))
                #expect(try await store.keepAlive(lease.id) == .seconds(10))
            }
            #expect(try await store.text("/n") == "")
            await clock.advance(by: .seconds(10))
            #expect(try await store.text("/n") == nil)
        }
    }

    @Test("a later lease runs out after an earlier one, a shorter one before a longer", arguments: Backend.manualTime)
    func several(backend: Backend) async throws {
        try await backend.run { (store, clock) async throws in
            let long = try await store.grantLease(ttl: .seconds(100))
            let short = try await store.grantLease(ttl: .seconds(5))
            try await store.put("/long", "", lease: long.id)
            try await store.put("/short", "", lease: short.id)
            await clock.advance(by: .seconds(5))
            #expect(try await store.range("").entries.map(\.key) == ["/long"])
            await clock.advance(by: .seconds(95))
            #expect(try await store.range("").entries == [])
        }
    }

    @Test("revoking deletes the keys at once; the lease is gone", arguments: Backend.allCases)
    func revoke(backend: Backend) async throws {
        try await backend.run { (store, _) async throws in
            let lease = try await store.grantLease(ttl: .seconds(10))
            try await store.put("/n", "", lease: lease.id)
            try await store.revoke(lease.id)
            #expect(try await store.text("/n") == nil)
            await expect(.leaseGone) { try await store.revoke(lease.id) }
            await expect(.leaseGone) { try await store.put("/n", "", lease: lease.id) }
            await expect(.leaseGone) { try await store.keepAlive(LeaseID(99)) }
            #expect(try await store.grantLease(ttl: .seconds(10)).id != lease.id)
        }
    }

    @Test("a key put again hangs on the new lease, or on none", arguments: Backend.allCases)
    func changeOfLease(backend: Backend) async throws {
        try await backend.run { (store, _) async throws in
            let first = try await store.grantLease(ttl: .seconds(10))
            let second = try await store.grantLease(ttl: .seconds(10))
            try await store.put("/free", "", lease: first.id)
            try await store.put("/free", "")
            try await store.put("/moved", "", lease: first.id)
            try await store.put("/moved", "", lease: second.id)
            try await store.revoke(first.id)
            #expect(try await store.range("").entries.map(\.key) == ["/free", "/moved"])
            try await store.revoke(second.id)
            #expect(try await store.range("").entries.map(\.key) == ["/free"])
        }
    }

    @Test("a transaction with a lease that is gone changes nothing", arguments: Backend.allCases)
    func nothingHalf(backend: Backend) async throws {
        try await backend.run { (store, _) async throws in
            await expect(.leaseGone) {
                try await store.transaction(
                    Transaction(then: [.put("/a", []), .put("/b", [], lease: LeaseID(5))]))
            }
            #expect(try await store.range("").entries == [])
            #expect(try await store.revision == 1)
            // The branch that does not run may name what it likes.
            let result = try await store.transaction(
                Transaction(then: [.put("/a", [])], otherwise: [.put("/b", [], lease: LeaseID(5))]))
            #expect(result.revision == 2)
        }
    }

    @Test("a lease shorter than a second is refused", arguments: Backend.allCases)
    func tooShort(backend: Backend) async throws {
        try await backend.run { (store, _) async throws in
            await expect(.invalid) { try await store.grantLease(ttl: .milliseconds(999)) }
        }
    }
}
