import Actors
import JSON
import Model
import Runtime
import Store
import TestKit
import TestSupport
import Testing

/// The writer with a store, a pool of addresses and a clock, as a node has them, and no node.
private struct WriterBench: Sendable {
    let store: StoreActor
    /// What the store stands in front of, to lose answers.
    let faulty: FaultyStore
    let writer: Writer
    let macs: MACAllocator
    let time: Locked64
    let owner: Name

    /// Milliseconds since 1970 that the test sets.
    final class Locked64: Sendable {
        private let value = Locked<Int64>(1_700_000_000_000)
        var now: Int64 { value.withLock { $0 } }
        func advance(seconds: Int64) { value.withLock { $0 += seconds * 1000 } }
    }

    init() async throws {
        let loop = TestLoops.loop
        let time = Locked64()
        let clock = NodeClock { time.now }
        let memory = FaultyStore(MemoryStore(clock: ManualStoreClock()))
        let store = StoreActor(store: memory, loop: loop)
        try await store.start()
        let (catalog, changes) = await store.subscribe()
        let macs = MACAllocator(pool: MACPool(hostIndex: 0x1234), claims: [:], loop: loop, clock: clock)
        spawn(on: loop, "macs") { await macs.run() }
        spawn(on: loop, "changes") {
            while let change = try await changes.receive() {
                if case .mac(let mac, let record) = change { await macs.changed(mac, record) }
            }
        }
        owner = try #require(Name("default"))
        self.time = time
        self.store = store
        faulty = memory
        self.macs = macs
        writer = Writer(
            store: store, clock: clock, macs: macs, numbers: NumberAllocator(catalog, loop: loop),
            leases: IdempotencyLeases(store: memory, clock: clock, loop: loop), checkInterface: { _ in })
        _ = try await writer.putNetwork(
            owner, try #require(Name("default")), ["spec": ["prefix": "fd00:1::/64"]], WriteOptions(), .none)
    }

    func create(_ name: String, mac: String? = nil) async throws -> Catalog.VM {
        var nic: JSONValue = ["network": "default"]
        if let mac { nic["mac"] = .string(mac) }
        let body: JSONValue = ["spec": ["nics": .array([nic]), "power": "off"]]
        return try await writer.putVM(owner, try #require(Name(name)), body, WriteOptions(), .none).vm
    }

    /// Deletes a VM as the API and its actor do: tombstone, then the last traces.
    func delete(_ vm: Catalog.VM) async throws {
        let buried = try await writer.buryVM(owner, vm.record.name, WriteOptions(), .none) { _ in .null }
        let gone = try Deletion.end(of: buried.record, at: NodeClock { time.now }.now())
        let result = try await store.commit(gone, "vm gone")
        await store.caughtUp(to: result.revision)
    }
}

private let sampleKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f user@host"

/// How the answer to a transaction is lost: whether it has happened.
private let lostAnswers: [FaultyStore.Fault] = [
    .unknownOutcome, .before(StoreError(.unknownOutcome, "the connection was lost")),
]

@Suite("The writer")
struct WriterTests {
    @Test(
        "a creation whose answer was lost is found out: one VM, its own address, and the next one's another",
        arguments: 0..<2)
    func lostCreation(fault: Int) async throws {
        let bench = try await WriterBench()
        bench.faulty.inject(lostAnswers[fault], where: { $0?.then.isEmpty == false })
        let first = try await bench.create("a")
        let second = try await bench.create("b")
        let (macs, names) = (
            try await bench.faulty.range(KeyPath.root + "macs/").entries,
            try await bench.faulty.range(KeyPath.root + "names/").entries
        )
        #expect(names.count == 2 && macs.count == 2)
        #expect(first.record.nics[0].mac != second.record.nics[0].mac)
        let catalog = await bench.store.catalog
        #expect(catalog.vms.count == 2)
        #expect(catalog.macs[first.record.nics[0].mac]?.record.vm == first.record.uuid)
        #expect(first.revision > 0 && catalog.vms[first.record.uuid]?.revision == first.revision)
    }

    @Test("changes, deletions and keys whose answers were lost are found out, each once", arguments: 0..<2)
    func lostChanges(fault: Int) async throws {
        let bench = try await WriterBench()
        let vm = try await bench.create("a")
        bench.faulty.inject(lostAnswers[fault])
        let key = try #require(Name("k"))
        let body: JSONValue = ["spec": ["publicKey": .string(sampleKey)]]
        let made = try await bench.writer.putKey(bench.owner, key, body, WriteOptions(), .none)
        #expect(made.created && made.key.revision > 0)
        bench.faulty.inject(lostAnswers[fault])
        _ = try await bench.writer.deleteKey(bench.owner, key, WriteOptions(), .none) { _ in .null }
        await #expect(throws: ProblemError.self, "it is gone") {
            try await bench.writer.deleteKey(bench.owner, key, WriteOptions(), .none) { _ in .null }
        }
        bench.faulty.inject(lostAnswers[fault])
        let changed = try await bench.writer.patchVM(
            bench.owner, vm.record.name, ["spec": ["labels": ["a": "b"]]], WriteOptions(), .none)
        #expect(changed.vm.record.generation == vm.record.generation + 1)
        // Twice: the tombstone, and the end.
        for _ in 0..<2 { bench.faulty.inject(lostAnswers[fault], skip: 0) }
        try await bench.delete(changed.vm)
        let catalog = await bench.store.catalog
        #expect(catalog.vms.isEmpty)
        #expect(catalog.macs[vm.record.nics[0].mac]?.record.freed != nil)
    }

    @Test("the end of a deletion that comes late takes no address from the VM that has it by then")
    func lateEnd() async throws {
        let bench = try await WriterBench()
        let first = try await bench.create("a")
        let late = try Deletion.end(of: first.record, at: NodeClock { bench.time.now }.now())
        try await bench.delete(first)
        bench.time.advance(seconds: MACAllocator.quarantineSeconds + 1)
        let second = try await bench.create("b")
        #expect(second.record.nics[0].mac == first.record.nics[0].mac)
        #expect(!(try await bench.store.commit(late, "vm gone").succeeded))
        let holder = try await bench.faulty.get(KeyPath.mac(second.record.nics[0].mac)).entry
        #expect(holder?.modRevision == second.revision)
    }

    @Test("an address of a deleted VM is another VM's once it has rested, and not before")
    func reuse() async throws {
        let bench = try await WriterBench()
        let first = try await bench.create("a")
        try await bench.delete(first)
        let second = try await bench.create("b")
        #expect(second.record.nics[0].mac != first.record.nics[0].mac)
        bench.time.advance(seconds: MACAllocator.quarantineSeconds + 1)
        let third = try await bench.create("c")
        #expect(third.record.nics[0].mac == first.record.nics[0].mac)
        let catalog = await bench.store.catalog
        #expect(catalog.macs[third.record.nics[0].mac]?.record.vm == third.record.uuid)
        #expect(catalog.macs[third.record.nics[0].mac]?.record.freed == nil)
    }

    @Test("an address that the user names is refused while it is used or rests, with the time, and taken after that")
    func chosen() async throws {
        let bench = try await WriterBench()
        let mac = "42:12:34:00:00:07"
        let first = try await bench.create("a", mac: mac)
        var error = await #expect(throws: ProblemError.self) { _ = try await bench.create("b", mac: mac) }
        #expect(error?.code == "mac.exists" && error?.detail.contains("is in use") == true)
        try await bench.delete(first)
        error = await #expect(throws: ProblemError.self) { _ = try await bench.create("b", mac: mac) }
        #expect(error?.detail.contains("rests until") == true)
        bench.time.advance(seconds: MACAllocator.quarantineSeconds + 1)
        #expect(try await bench.create("b", mac: mac).record.nics[0].mac.description == mac)
    }

    @Test("a candidate that somebody else has is passed over, and costs the caller nothing")
    func passedOver() async throws {
        let bench = try await WriterBench()
        // Another host has taken what this pool would give next, without this pool's having heard of it.
        let taken = MACAddress.fromHostIndex(0x1234, suffix: 1)
        let claim = MACRecord(vm: .random(), nic: 0, token: "other")
        let put = Op.put(KeyPath.mac(taken), try encodeRecord(claim))
        let result = try await bench.store.commit(Transaction(then: [put]), "other")
        await bench.store.caughtUp(to: result.revision)
        await bench.macs.giveBack(taken)
        let vm = try await bench.create("a")
        #expect(vm.record.nics[0].mac.suffix == 2)
    }

    @Test("two hundred VMs at once get two hundred addresses, and as many again after their deletion and rest")
    func many() async throws {
        let bench = try await WriterBench()
        for round in 0..<3 {
            let made = try await withThrowingTaskGroup(of: Catalog.VM.self) { group in
                for number in 0..<200 {
                    group.addTask { try await bench.create("vm\(round)-\(number)") }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(made.map { $0.record.nics[0].mac }).count == 200)
            #expect(made.allSatisfy { $0.record.nics[0].mac.suffix <= 200 }, "the range is used again")
            for vm in made { try await bench.delete(vm) }
            bench.time.advance(seconds: MACAllocator.quarantineSeconds + 1)
        }
    }
}
