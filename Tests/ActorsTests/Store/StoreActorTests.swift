import Actors
import Model
import Runtime
import Store
import TestKit
import TestSupport
import Testing

@Suite("The node's door to the store")
struct StoreActorTests {
    private static let key = KeyPath.root + "names/default/web1"

    private func put(_ value: String) -> Transaction { Transaction(then: [.put(Self.key, Array(value.utf8))]) }

    @Test("a watch that breaks is begun anew behind the last change, also where the first attempt fails")
    func watchGoesOn() async throws {
        try await bounded {
            let store = FaultyStore(MemoryStore(clock: LoopClock(loop: TestLoops.loop)))
            let actor = StoreActor(store: store, loop: TestLoops.loop)
            try await actor.start()
            let before = try await actor.commit(put("1"), "test").revision
            await actor.caughtUp(to: before)

            store.inject(.unavailable, on: .watch)
            store.breakWatches()
            let after = try await actor.commit(put("2"), "test").revision
            await actor.caughtUp(to: after)
            #expect(await actor.catalog.revision == after)
            await actor.stop()
        }
    }

    @Test("a follower gets each change once, in order, over a watch that breaks again and again")
    func eachChangeOnce() async throws {
        try await bounded {
            let store = FaultyStore(MemoryStore(clock: LoopClock(loop: TestLoops.loop)))
            let actor = StoreActor(store: store, loop: TestLoops.loop)
            try await actor.start()
            let (_, changes) = await actor.subscribe()
            let names = (1...6).map { "key\($0)" }
            for (index, text) in names.enumerated() {
                let name = try #require(Name(text))
                let owner = try #require(Name("default"))
                let record = KeyRecord(owner: owner, name: name, publicKey: "ssh-ed25519 AAAA", created: "")
                let write = Transaction(then: [.put(KeyPath.key(owner, name), try encodeRecord(record))])
                let revision = try await actor.commit(write, "test").revision
                if index % 2 == 0 { store.breakWatches() }
                await actor.caughtUp(to: revision)
            }
            var got: [String] = []
            while got.count < names.count, let change = try await changes.receive() {
                if case .key(let key) = change { got.append(key.name.text) }
            }
            #expect(got == names)
            #expect(changes.tryReceive() == nil)
            await actor.stop()
        }
    }

    @Test("changes that are no longer kept are found by reading everything: what came, and what went")
    func compacted() async throws {
        try await bounded {
            let store = FaultyStore(MemoryStore(clock: LoopClock(loop: TestLoops.loop)))
            let actor = StoreActor(store: store, loop: TestLoops.loop)
            try await actor.start()
            let (_, changes) = await actor.subscribe()
            let owner = try #require(Name("default"))
            func key(_ text: String) throws -> Op {
                let name = try #require(Name(text))
                let record = KeyRecord(owner: owner, name: name, publicKey: "ssh-ed25519 AAAA", created: "")
                return .put(KeyPath.key(owner, name), try encodeRecord(record))
            }
            let first = try await store.transaction(Transaction(then: [try key("stays"), try key("goes")])).revision
            await actor.caughtUp(to: first)

            // While nothing is followed: one comes, one goes, and then their changes do.
            let gate = Gate()
            store.inject(.hold(gate), on: .watch)
            store.breakWatches()
            let goes = KeyPath.key(owner, try #require(Name("goes")))
            let last = try await store.transaction(Transaction(then: [try key("comes"), .delete(goes)])).revision
            _ = try await store.transaction(put("x"))
            try await store.compact(to: last)
            gate.open()
            await actor.caughtUp(to: last + 1)
            let catalog = await actor.catalog
            #expect(catalog.keys.keys.map(\.name.text).sorted() == ["comes", "stays"])
            var told: [String] = []
            while told.count < 4, case .key(let key)? = try await changes.receive() { told.append(key.name.text) }
            #expect(told.sorted() == ["comes", "goes", "goes", "stays"])
            await actor.stop()
        }
    }

    @Test("what the store has acknowledged is noted as seen, from the start on, and what it has refused is not")
    func noted() async throws {
        try await bounded {
            let directory = try TemporaryDirectory("seen")
            let paths = [directory.file("node.revision")]
            let memory = MemoryStore(clock: LoopClock(loop: TestLoops.loop))
            let before = try await memory.transaction(put("0")).revision
            let store = FaultyStore(memory)
            let seen = try await SeenRevision.begin(at: 0, cluster: store.clusterID, in: paths, on: TestLoops.loop)
            let actor = StoreActor(store: store, seen: seen, loop: TestLoops.loop)
            try await actor.start()
            await seen.flush()
            #expect(SeenRevision.highest(in: paths, cluster: store.clusterID) == before)

            let first = try await actor.commit(put("1"), "test").revision
            await actor.caughtUp(to: first)
            await seen.flush()
            #expect(SeenRevision.highest(in: paths, cluster: store.clusterID) == first)

            store.inject(.unavailable)
            await #expect(throws: StoreError.self) { try await actor.commit(put("2"), "test") }
            // One whose answer was lost has happened, and is found out.
            store.inject(.unknownOutcome)
            #expect(try await actor.commit(put("3"), "test").revision == first + 1)
            await actor.caughtUp(to: first + 1)
            await seen.flush()
            #expect(SeenRevision.highest(in: paths, cluster: store.clusterID) == first + 1)
            await actor.stop()
        }
    }
}
