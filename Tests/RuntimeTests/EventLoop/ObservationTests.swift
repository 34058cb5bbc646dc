import CLinux
import Glibc
import Runtime
import TestSupport
import Testing

@Suite("what a loop tells of itself")
struct ObservationTests {
    /// A group with a watchdog, shut down when `body` has ended.
    private func watched(
        limit: Duration, _ body: @escaping @Sendable (EventLoop, Recorder<LoopHold>) async throws -> Void
    ) async throws {
        let holds = Recorder<LoopHold>()
        let watchdog = LoopWatchdog(limit: limit) { holds.add($0) }
        let group = try EventLoopGroup(loops: 1, label: "watched", watchdog: watchdog)
        try await bounded { try await body(group.loops[0], holds) }
        await group.shutdown()
    }

    @Test("the watchdog names the task that holds a loop while it does, and tells when that is over")
    func task() async throws {
        try await watched(limit: .milliseconds(20)) { loop, holds in
            let hold = Hold()
            let slow = spawn(on: loop, "the slow one") {
                await Task.yield()
                hold.wait()
            }
            let first = try await holds.wait(for: 1)[0]
            #expect(first.label == "the slow one" && !first.isOver && first.loop == "watched-0")
            #expect(first.duration >= .milliseconds(20))
            hold.release()
            try await slow.value
            let second = try await holds.wait(for: 2)[1]
            #expect(second.label == "the slow one" && second.isOver && second.duration >= first.duration)
            #expect(loop.counters.longestJob == LabelledTime(label: "the slow one", duration: second.duration))
        }
    }

    @Test("the watchdog names children of a task group, and callbacks by their kind")
    func kinds() async throws {
        try await watched(limit: .milliseconds(20)) { loop, holds in
            let hold = Hold()
            try await withLoopTaskGroup(of: Void.self, on: loop) { group in
                group.addTask("the slow child") { hold.wait() }
                #expect(try await holds.wait(for: 1)[0].label == "the slow child")
                hold.release()
                try await group.waitForAll()
            }
            _ = try await holds.wait(for: 2)
            loop.execute { hold.wait() }
            #expect(try await holds.wait(for: 3)[2].label == "a body given to execute")
            hold.release()
            _ = try await holds.wait(for: 4)
            loop.schedule(after: .milliseconds(1)) { hold.wait() }
            #expect(try await holds.wait(for: 5)[4].label == "a timer's body")
            hold.release()
        }
    }

    @Test("a watchdog tells of what stays past the limit, and of nothing else")
    func tracker() {
        var tracker = HoldTracker(limit: 50)
        func look(_ doing: UInt, _ step: UInt, at now: UInt64) -> String? {
            tracker.look((doing, step), at: now, labelling: { "job \($0)" }).map { "\($0) \($1) \($2)" }
        }
        // An idle loop stays at its step for ever.
        #expect(look(0, 1, at: 100) == nil && look(0, 1, at: 1000) == nil)
        // Jobs that come and go, the same one again and again too.
        for step: UInt in 2..<20 { #expect(look(77, step, at: 1000 + UInt64(step) * 60) == nil) }
        // One that stays: told once, and once more when it is over.
        #expect(look(88, 20, at: 3000) == nil && look(88, 20, at: 3049) == nil)
        #expect(look(88, 20, at: 3050) == "job 88 50 false")
        #expect(look(88, 20, at: 3200) == nil)
        #expect(look(0, 21, at: 3225) == "job 88 200 true")
        #expect(look(0, 21, at: 4000) == nil)
    }

    @Test("turns are counted by how long they took, jobs by the longest and its label, the queue by its greatest depth")
    func counters() async throws {
        let group = try EventLoopGroup(loops: 1, label: "measured", measuresJobs: true)
        let loop = group.loops[0]
        try await bounded { () async throws in
            let before = loop.counters
            try await spawn(on: loop, "the long one") { _ = usleep(300_000) }.value
            let gate = Locked(())
            let recorder = Recorder<Int>()
            gate.withLock { _ in
                loop.execute { gate.withLock { _ in } }
                for number in 0..<3000 { loop.execute { recorder.add(number) } }
            }
            _ = try await recorder.wait(for: 3000)
            try await loop.sleep(for: .milliseconds(1))
            let after = loop.counters
            #expect(after.turns.total > before.turns.total)
            #expect(after.turns.count(atLeast: .milliseconds(256)) >= 1)
            #expect(after.longestTurn >= .milliseconds(299))
            #expect(after.longestJob?.label == "the long one")
            #expect(after.longestJob?.duration ?? .zero >= .milliseconds(300))
            // The gate's body may have been taken alone or with some: one of the two lots has at least half.
            #expect(after.deepestQueue >= 1500)
        }
        await group.shutdown()
    }
}
