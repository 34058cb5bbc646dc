import Runtime
import TestSupport
import Testing

@Suite("a group that is shut down by several, or again")
struct ShutdownCallersTests {
    @Test("is not touched by a second shutdown: the loops' memory is gone by then")
    func again() async throws {
        let group = try EventLoopGroup(loops: 2, label: "again")
        #expect(await group.shutdown())
        #expect(await group.shutdown())
        #expect(group.loops.allSatisfy { $0.counters.lateJobs == 0 })
    }

    @Test("has no stream left to be found")
    func noStreams() async throws {
        let group = try EventLoopGroup(loops: 1, label: "streamless")
        let loop = group.loops[0]
        let (near, far) = try Sockets.connected(on: loop, TestLoops.loop)
        let before = Recorder<Int>()
        loop.execute { before.add(loop.openStreams().count) }
        #expect(try await bounded { try await before.wait(for: 1) } == [1])
        await group.shutdown()
        let after = Recorder<Int>()
        loop.execute { after.add(loop.openStreams().count) }
        #expect(try await bounded { try await after.wait(for: 1) } == [0])
        withExtendedLifetime(near) {}
        far.close()
    }

    @Test("makes whoever comes second wait for the tasks too, and gives all the same answer")
    func together() async throws {
        let group = try EventLoopGroup(loops: 1, label: "together")
        let (started, cancelled, release) = (Event(), Event(), Event())
        let order = Recorder<String>()
        spawn(on: group.loops[0], "task with a clean-up") {
            started.happen()
            try? await group.loops[0].sleep(for: .seconds(1000))
            cancelled.happen()
            while !release.hasHappened { await Task.yield() }
            order.add("clean-up")
        }
        let shutdown: @Sendable () async -> Bool = {
            let orderly = await group.shutdown(grace: .seconds(50).patient)
            order.add("shutdown")
            return orderly
        }
        try await bounded {
            try await started.wait()
            let first = spawn(on: TestLoops.loop, "first") { await shutdown() }
            try await cancelled.wait()
            let second = spawn(on: TestLoops.other, "second") { await shutdown() }
            await #expect(throws: DeadlineError.self) {
                try await withDeadline(.milliseconds(100), on: TestLoops.loop, "second") { try await second.value }
            }
            release.happen()
            #expect(try await first.value)
            #expect(try await second.value)
        }
        #expect(order.values == ["clean-up", "shutdown", "shutdown"])
    }

    @Test("cancels the tasks of all loops at once, since one may wait for another")
    func acrossLoops() async throws {
        let group = try EventLoopGroup(loops: 3, label: "across")
        let started = Event()
        let inner = spawn(on: group.loops[2], "inner") {
            started.happen()
            try await group.loops[2].sleep(for: .seconds(1000))
        }
        spawn(on: group.loops[0], "outer") { _ = await inner.result }
        try await bounded { try await started.wait() }
        #expect(await group.shutdown(grace: .seconds(5).patient))
    }

    @Test("waits for a task that another loop's task starts at its end")
    func lateTask() async throws {
        let group = try EventLoopGroup(loops: 2, label: "late")
        // Not one that other tests keep busy: how long the work takes counts.
        let elsewhere = try EventLoopGroup(loops: 1, label: "elsewhere")
        let (started, done) = (Event(), Event())
        spawn(on: group.loops[1], "ending") {
            started.happen()
            try? await group.loops[1].sleep(for: .seconds(1000))
            spawn(on: group.loops[0], "clean-up") {
                // Work elsewhere that is nobody's to cancel, longer than it takes to end two loops.
                let loop = elsewhere.loops[0]
                let work = spawn(on: loop, "work") { try await loop.sleep(for: .milliseconds(100)) }
                _ = await work.result
                done.happen()
            }
        }
        try await bounded { try await started.wait() }
        #expect(await group.shutdown(grace: .seconds(10).patient))
        #expect(done.hasHappened)
        await elsewhere.shutdown()
    }
}
