import Store
import TestKit
import Testing

/// What a loss of power leaves, at every moment of a run and for several fates of what was not yet on the disk.
@Suite("Loss of power", .timeLimit(.minutes(5)))
struct PowerCutTests {
    static let path = "/store.sqlite"
    static let fates: [Survivors] = [.none, .all] + (1...4).map { .some(seed: $0) }

    /// What one run did: the journal, with a mark for each acknowledged transaction.
    static func record(_ synchronous: SQLiteSynchronous, count: Int) async throws -> DiskJournal {
        let disk = PowerCutDisk()
        defer { disk.unregister() }
        var configuration = SQLiteStore.Configuration(path: path)
        configuration.vfs = disk.vfsName
        configuration.synchronous = synchronous
        configuration.logRows = 12
        configuration.checkpointPages = 16
        configuration.onStage = { stage in if stage == .committed { disk.mark("acknowledged") } }
        let store = try await SQLiteStore.open(configuration, clock: ManualStoreClock())
        disk.mark("opened")
        for number in 0..<count {
            let value = bytes("\(number) " + String(repeating: "v", count: number * 37 % 900))
            _ = try await store.transaction(
                Transaction(then: [.put("/a/\(number)", value), .put("/b/\(number)", value), .put("/last", value)]))
        }
        await store.close()
        return disk.journal
    }

    /// Opens what a cut has left; nil when all is well, else what is wrong.
    static func defect(_ files: [String: [UInt8]], acknowledged: Int) async throws -> String? {
        let disk = PowerCutDisk(files: files)
        defer { disk.unregister() }
        var configuration = SQLiteStore.Configuration(path: path)
        configuration.vfs = disk.vfsName
        let store: SQLiteStore
        do {
            store = try await SQLiteStore.open(configuration, clock: ManualStoreClock())
        } catch {
            return "does not open: \(error)"
        }
        let defect = try await defect(of: store, acknowledged: acknowledged)
        await store.close()
        return defect
    }

    static func defect(of store: SQLiteStore, acknowledged: Int) async throws -> String? {
        let left = try await store.range("/a/").entries
        let right = try await store.range("/b/").entries
        if left.count < acknowledged { return "\(acknowledged) were acknowledged, \(left.count) are there" }
        // One more may have reached the disk before it could be acknowledged.
        if left.count > acknowledged + 1 { return "\(acknowledged) were acknowledged, but \(left.count) are there" }
        if left.map(\.value) != right.map(\.value) { return "half a transaction is there" }
        if left.map(\.modRevision) != right.map(\.modRevision) { return "a transaction has two revisions" }
        let (last, revision) = try await store.get("/last")
        if revision != Int64(left.count + 1) { return "the revision is \(revision) after \(left.count) transactions" }
        if last?.version ?? 0 != Int64(left.count) { return "the last key has version \(last?.version ?? 0)" }
        if let newest = left.map(\.modRevision).max() {
            let batch = try await store.watch(prefix: "/", from: newest).first(1)
            if batch.first?.events.count != 3 { return "the log lacks changes of revision \(newest)" }
        }
        if try await store.transaction(Transaction(then: [.put("/new", [])])).revision != revision + 1 {
            return "a new transaction does not follow"
        }
        return nil
    }

    @Test("what was acknowledged survives a cut after every single write and sync, whatever became of the rest")
    func full() async throws {
        let journal = try await Self.record(.full, count: 14)
        #expect(journal.marks("acknowledged", within: journal.operations.count) == 14)
        var replay = DiskReplay(journal)
        for count in 0...journal.operations.count {
            replay.advance(to: count)
            let acknowledged = journal.marks("acknowledged", within: count)
            for survivors in Self.fates {
                let defect = try await Self.defect(replay.files(survivors), acknowledged: acknowledged)
                #expect(defect == nil, "cut after operation \(count), \(survivors)")
            }
        }
    }

    @Test(
        "this test sees loss where there is one: without syncs, and with syncs at checkpoints only",
        arguments: [SQLiteSynchronous.off, .normal])
    func detectsLoss(synchronous: SQLiteSynchronous) async throws {
        let journal = try await Self.record(synchronous, count: 14)
        var replay = DiskReplay(journal)
        var defects = 0
        for count in stride(from: 0, through: journal.operations.count, by: 3) {
            replay.advance(to: count)
            let acknowledged = journal.marks("acknowledged", within: count)
            if try await Self.defect(replay.files(.none), acknowledged: acknowledged) != nil { defects += 1 }
        }
        #expect(defects > 0)
    }

    @Test("a cut while a store recovers from a cut loses nothing either")
    func twice() async throws {
        let journal = try await Self.record(.full, count: 12)
        let moments = stride(from: journal.operations.count / 3, to: journal.operations.count, by: 23)
        for count in moments {
            let acknowledged = journal.marks("acknowledged", within: count)
            guard journal.marks("opened", within: count) > 0 else { continue }
            let disk = PowerCutDisk(files: journal.files(after: count, survivors: .some(seed: UInt64(count))))
            var configuration = SQLiteStore.Configuration(path: Self.path)
            configuration.vfs = disk.vfsName
            let store = try await SQLiteStore.open(configuration, clock: ManualStoreClock())
            try await store.put("/again", "x")
            await store.close()
            let second = disk.journal
            disk.unregister()
            for moment in 0...second.operations.count {
                let again = PowerCutDisk(files: second.files(after: moment, survivors: .none))
                defer { again.unregister() }
                configuration.vfs = again.vfsName
                let recovered = try await SQLiteStore.open(configuration, clock: ManualStoreClock())
                let found = try await recovered.range("/a/").entries.count
                #expect((acknowledged...acknowledged + 1).contains(found), "cuts at \(count) and \(moment)")
                await recovered.close()
            }
        }
    }
}
