import Runtime
import Store
import TestKit
import Testing

@Suite("Commits of the SQLite store", .timeLimit(.minutes(5)))
struct SQLiteCommitTests {
    @Test("writers that come during a commit share the next one")
    func groupCommit() async throws {
        try await withDirectory { directory in
            let commits = Locked(0)
            var configuration = SQLiteStore.Configuration(path: directory + "/store.sqlite")
            configuration.onStage = { stage in if stage == .committed { commits.withLock { $0 += 1 } } }
            let store = try await SQLiteStore.open(configuration, clock: ManualStoreClock())
            let count = 500
            try await withThrowingTaskGroup(of: Int64.self) { group in
                for number in 0..<count { group.addTask { try await store.put("/k/\(number)", "\(number)") } }
                var revisions: Set<Int64> = []
                for try await revision in group { revisions.insert(revision) }
                // Each transaction has a revision of its own, whatever commit it was in.
                #expect(revisions == Set(2...Int64(count + 1)))
            }
            #expect(try await store.range("/k/").entries.count == count)
            #expect(commits.withLock { $0 } < count / 4)
            await store.close()
        }
    }

    @Test("a transaction that is refused takes none of its group with it")
    func savepoints() async throws {
        try await withDirectory { directory in
            let store = try await SQLiteStore.open(
                .init(path: directory + "/store.sqlite"), clock: ManualStoreClock())
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<100 {
                    group.addTask {
                        if number % 2 == 0 {
                            try await store.put("/k/\(number)", "")
                        } else {
                            await expect(.leaseGone) { try await store.put("/k/\(number)", "", lease: LeaseID(7)) }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await store.range("/k/").entries.count == 50)
            #expect(try await store.revision == 51)
            await store.close()
        }
    }

    @Test("a cancelled task's write happens, and so do those of its group")
    func cancellation() async throws {
        try await withDirectory { directory in
            let store = try await SQLiteStore.open(
                .init(path: directory + "/store.sqlite"), clock: ManualStoreClock())
            await withTaskGroup(of: Bool.self) { group in
                for number in 0..<64 {
                    group.addTask {
                        // The group is cancelled before most of these begin.
                        (try? await store.put("/k/\(number)", "")) != nil
                    }
                }
                group.cancelAll()
                for await isDone in group { #expect(isDone) }
            }
            #expect(try await store.range("/k/").entries.count == 64)
            await store.close()
        }
    }

    @Test("the log is trimmed to half, and a reader that fell behind is told")
    func trimming() async throws {
        try await withDirectory { directory in
            let trims = Locked(0)
            var configuration = SQLiteStore.Configuration(path: directory + "/store.sqlite")
            configuration.logRows = 100
            configuration.onStage = { stage in if stage == .trimmed { trims.withLock { $0 += 1 } } }
            let store = try await SQLiteStore.open(configuration, clock: ManualStoreClock())
            let behind = try await store.watch(prefix: "/", from: 2)
            for number in 0..<250 { try await store.put("/k", "\(number)") }
            // 101 rows, trimmed to 50; each time 51 more.
            #expect(trims.withLock { $0 } == 3)
            await expect(.compacted) { try await behind.first(1) }
            #expect(try await store.watch(prefix: "/", from: 251).first(1).map(\.revision) == [251])
            await store.close()
        }
    }

    @Test("large values trim the log by their bytes, but never the newest revision")
    func trimmingByBytes() async throws {
        try await withDirectory { directory in
            var configuration = SQLiteStore.Configuration(path: directory + "/store.sqlite")
            configuration.logBytes = 1000
            let store = try await SQLiteStore.open(configuration, clock: ManualStoreClock())
            for _ in 0..<3 { try await store.put("/k", String(repeating: "v", count: 2000)) }
            await expect(.compacted) { try await store.watch(prefix: "/", from: 3) }
            #expect(try await store.watch(prefix: "/", from: 4).first(1).map(\.revision) == [4])
            await store.close()
        }
    }

    @Test("a full disk refuses the write, leaves what was, and takes writes again when there is space")
    func fullDisk() async throws {
        let disk = PowerCutDisk()
        defer { disk.unregister() }
        var configuration = SQLiteStore.Configuration(path: "/store.sqlite")
        configuration.vfs = disk.vfsName
        let store = try await SQLiteStore.open(configuration, clock: ManualStoreClock())
        try await store.put("/a", "1")
        disk.fail(.full)
        do {
            try await store.put("/a", "2")
            Issue.record("the disk is full")
        } catch let error as StoreError {
            #expect(error.code == .full)
            #expect(error.fix?.contains("free some space") == true)
        }
        #expect(try await store.text("/a") == "1")
        #expect(try await store.revision == 2)
        disk.fail(nil)
        #expect(try await store.put("/a", "3") == 3)
        await store.close()
        let again = try await SQLiteStore.open(configuration, clock: ManualStoreClock())
        #expect(try await again.text("/a") == "3")
        await again.close()
    }

    @Test("a full disk within a group refuses each of it")
    func fullDiskGroup() async throws {
        let disk = PowerCutDisk()
        defer { disk.unregister() }
        var configuration = SQLiteStore.Configuration(path: "/store.sqlite")
        configuration.vfs = disk.vfsName
        let store = try await SQLiteStore.open(configuration, clock: ManualStoreClock())
        disk.fail(.full)
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<20 { group.addTask { await expect(.full) { try await store.put("/\(number)", "") } } }
        }
        disk.fail(nil)
        #expect(try await store.range("").entries == [])
        await store.close()
    }

    @Test("a disk that fails at a commit leaves the outcome unknown and ends the store")
    func failedSync() async throws {
        let disk = PowerCutDisk()
        defer { disk.unregister() }
        var configuration = SQLiteStore.Configuration(path: "/store.sqlite")
        configuration.vfs = disk.vfsName
        let store = try await SQLiteStore.open(configuration, clock: ManualStoreClock())
        try await store.put("/a", "1")
        let stream = try await store.watch(prefix: "/", from: 0)
        disk.fail(.syncError)
        await expect(.unknownOutcome) { try await store.put("/a", "2") }
        disk.fail(nil)
        // The kernel may have thrown away what it could not write: nothing that this process believes counts any more.
        await expect(.unavailable) { try await store.put("/a", "3") }
        await expect(.unavailable) { try await store.get("/a") }
        await expect(.unavailable) { try await stream.first(1) }
        await store.close()
        let again = try await SQLiteStore.open(configuration, clock: ManualStoreClock())
        #expect(["1", "2"].contains(try await again.text("/a")))
        await again.close()
    }
}
