import Actors
import JSON
import Model
import Store
import Testing

@Suite("A watch from the past")
struct VMReplayTests {
    private let id = VMID.random()
    private var catalog = Catalog()
    private var replay = VMReplay()

    private func record(_ cpus: Int64) throws -> VMRecord {
        let spec: JSONValue = ["cpus": .int(cpus)]
        return VMRecord(
            uuid: id, owner: try #require(Name("default")), name: try #require(Name("web1")), spec: spec,
            resolved: try VMSpec.parse(spec), created: "")
    }

    private func entry(_ cpus: Int64, made: Int64, _ revision: Int64) throws -> Entry {
        Entry(
            key: KeyPath.vm(id), value: try encodeRecord(try record(cpus)), createRevision: made, modRevision: revision,
            version: 1)
    }

    private func status(_ state: VMState, _ revision: Int64) throws -> Entry {
        Entry(
            key: KeyPath.vmStatus(id), value: try encodeRecord(VMStatus(state: state)), createRevision: 2,
            modRevision: revision, version: 1)
    }

    private mutating func stored(_ entries: [Entry]) {
        for entry in entries { _ = catalog.apply([.put(entry)], revision: entry.modRevision) }
    }

    @Test("a VM that was just made had no status, and each status is told with what was wanted then")
    mutating func fromTheBeginning() throws {
        let past = [
            try entry(1, made: 1, 1), try status(.starting, 2), try status(.running, 3), try entry(2, made: 1, 4),
            try status(.stopped, 5),
        ]
        stored(past)
        let made = replay.written(try record(1), past[0], catalog)
        #expect(made.status == nil && made.revision == 1)
        let starting = replay.written(VMStatus(state: .starting), of: id, revision: 2, catalog)
        #expect(starting?.status?.state == .starting && starting?.record.resolved.cpus == 1)
        let running = replay.written(VMStatus(state: .running), of: id, revision: 3, catalog)
        #expect(running?.status?.state == .running && running?.record.resolved.cpus == 1)
        let changed = replay.written(try record(2), past[3], catalog)
        #expect(changed.status?.state == .running && changed.record.resolved.cpus == 2)
    }

    @Test("what did not change since is as the catalog has it; what is not known is told as it is now")
    mutating func fromTheMiddle() throws {
        stored([try entry(1, made: 1, 1), try status(.running, 3)])
        let later = try entry(2, made: 1, 4)
        stored([later])
        #expect(replay.written(try record(2), later, catalog).status?.state == .running)
        stored([try status(.stopped, 6)])
        var other = VMReplay()
        #expect(other.written(try record(2), later, catalog).status?.state == .stopped)
    }

    @Test("after its deletion nothing more is told of a VM, and in the present the catalog alone counts")
    mutating func deletion() throws {
        let made = try entry(1, made: 1, 1)
        _ = replay.written(try record(1), made, catalog)
        #expect(replay.written(VMStatus(state: .starting), of: id, revision: 2, catalog) != nil)
        replay.deleted(id)
        #expect(replay.written(VMStatus(state: .stopping), of: id, revision: 4, catalog) == nil)
        stored([made, try status(.running, 5)])
        replay.cameTo(4, catalog)
        #expect(replay.written(try record(1), made, catalog).status == nil)
        replay.cameTo(5, catalog)
        stored([try entry(3, made: 1, 6)])
        #expect(
            replay.written(VMStatus(state: .stopped), of: id, revision: 7, catalog)?.record.resolved.cpus == 3)
    }
}
