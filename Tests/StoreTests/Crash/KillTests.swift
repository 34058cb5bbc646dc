import Glibc
import Store
import TestKit
import Testing

/// A process that writes and is killed, at each stage of its commits and at random moments; what it had acknowledged must
/// be there, and nothing by half.
@Suite("SIGKILL", .serialized, .timeLimit(.minutes(5)))
struct KillTests {
    private func check(
        _ path: String, _ acknowledged: [Int: Int], writers: Int, _ what: String
    ) async throws {
        let store = try await SQLiteStore.open(.init(path: path), clock: ManualStoreClock())
        var total = 0
        for writer in 0..<writers {
            let left = try await store.range("/a/\(writer)/").entries
            let right = try await store.range("/b/\(writer)/").entries
            let known = acknowledged[writer].map { $0 + 1 } ?? 0
            // One more of each writer may be there that could not be told any more.
            #expect((known...known + 1).contains(left.count), "\(what): writer \(writer)")
            #expect(left.map(\.value) == right.map(\.value), "\(what): half a transaction of writer \(writer)")
            #expect(left.map(\.modRevision) == right.map(\.modRevision), "\(what): writer \(writer)")
            #expect(Set(left.map(\.key)) == Set((0..<left.count).map { "/a/\(writer)/\($0)" }), "\(what): a gap")
            total += left.count
        }
        let revision = try await store.revision
        #expect(revision == Int64(total + 1), "\(what): a revision for each transaction")
        if total > 0 {
            #expect(try await store.watch(prefix: "/", from: revision).first(1).first?.events.count == 2, "\(what)")
        }
        await store.close()
    }

    @Test("at each stage of a commit, the first ones and later ones", arguments: CommitStage.allCases)
    func stages(stage: CommitStage) async throws {
        // A stage that comes once a transaction needs more of them to reach a later commit; trimming comes seldom.
        let counts = stage == .trimmed ? [1, 2] : [1, 2, 7, 40]
        for count in counts {
            try await withDirectory { directory in
                let path = directory + "/store.sqlite"
                let outcome = try await CrasherProcess.run(store: path, writers: 4, stage: stage.rawValue, count: count)
                #expect(outcome.wasSignaled && outcome.status == SIGKILL, "\(outcome)")
                try await check(path, outcome.acknowledged, writers: 4, "\(stage.rawValue) \(count)")
            }
        }
    }

    @Test("at random moments, again and again on the same store")
    func random() async throws {
        try await withDirectory { directory in
            let path = directory + "/store.sqlite"
            var acknowledged: [Int: Int] = [:]
            for round in 0..<8 {
                let lines = Int.random(in: 1...200)
                let outcome = try await CrasherProcess.run(
                    store: path, writers: 3, stage: "never", count: 0, killAfter: lines)
                #expect(outcome.wasSignaled && outcome.status == SIGKILL, "\(outcome)")
                acknowledged.merge(outcome.acknowledged) { $1 }
                let what = "round \(round), killed after \(lines) lines"
                // What was there but not acknowledged counts from now on: the next run goes on behind it.
                try await check(path, acknowledged, writers: 3, what)
                let store = try await SQLiteStore.open(.init(path: path), clock: ManualStoreClock())
                for writer in 0..<3 {
                    acknowledged[writer] = try await store.range("/a/\(writer)/").entries.count - 1
                }
                await store.close()
            }
        }
    }
}
