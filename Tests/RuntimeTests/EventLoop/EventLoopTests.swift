import Runtime
import TestSupport
import Testing

/// An actor as those of the upper modules are made: its executor is its loop.
actor OnLoop {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    private var log: [Int] = []

    init(loop: EventLoop) { self.loop = loop }

    func add(_ number: Int) { log.append(number) }
    func numbers() -> [Int] { log }
    func isAtHome() -> Bool { loop.isCurrent }

    /// Where each kind of await comes back to.
    func homecomings(of channel: AsyncChannel<Int>, _ connection: Connection, _ blocking: BlockingExecutor) async throws
        -> [Bool]
    {
        var home: [Bool] = []
        _ = try await channel.receive()
        home.append(loop.isCurrent)
        try await channel.send(1)
        home.append(loop.isCurrent)
        try await loop.sleep(for: .milliseconds(1))
        home.append(loop.isCurrent)
        try await connection.write([1, 2, 3])
        home.append(loop.isCurrent)
        _ = try await connection.read()
        home.append(loop.isCurrent)
        _ = try await blocking.run { 1 }
        home.append(loop.isCurrent)
        _ = try await withDeadline(.seconds(20), on: TestLoops.other, "a hop") { 1 }
        home.append(loop.isCurrent)
        return home
    }
}

/// Functions on no actor that call each other.
@concurrent
private func descend(_ levels: Int) async -> Int { levels == 0 ? 0 : await descend(levels - 1) + 1 }

@Suite("an event loop")
struct EventLoopTests {
    @Test("runs bodies given from one thread in their order")
    func order() async throws {
        let loop = TestLoops.loop
        let recorder = Recorder<Int>()
        for number in 0..<5000 { loop.execute { recorder.add(number) } }
        let values = try await bounded { try await recorder.wait(for: 5000) }
        #expect(values == Array(0..<5000))
    }

    @Test("runs bodies given on the loop after those given before, and never within the giver")
    func laterTurn() async throws {
        let loop = TestLoops.loop
        let recorder = Recorder<String>()
        loop.execute {
            loop.execute { recorder.add("inner") }
            recorder.add("outer")
        }
        let values = try await bounded { try await recorder.wait(for: 2) }
        #expect(values == ["outer", "inner"])
    }

    @Test("is the current one for its bodies and nobody else's")
    func current() async throws {
        let (loop, other) = (TestLoops.loop, TestLoops.other)
        let seen = Recorder<[Bool]>()
        loop.execute { seen.add([loop.isCurrent, other.isCurrent, EventLoop.current === loop]) }
        let values = try await bounded { try await seen.wait(for: 1) }
        #expect(values == [[true, false, true]])
        #expect(!loop.isCurrent && EventLoop.current !== loop)
    }

    @Test("is the executor of actors that name it, and of tasks started on it")
    func executor() async throws {
        let onLoop = OnLoop(loop: TestLoops.loop)
        let values = try await bounded(on: TestLoops.other) {
            for number in 0..<100 { await onLoop.add(number) }
            return (await onLoop.numbers(), await onLoop.isAtHome(), TestLoops.other.isCurrent)
        }
        #expect(values.0 == Array(0..<100))
        #expect(values.1 && values.2)
    }

    @Test("gets its actors back after each kind of await")
    func homecomings() async throws {
        let onLoop = OnLoop(loop: TestLoops.loop)
        let home = try await bounded(on: TestLoops.other) {
            let (near, far) = try Sockets.connected(on: TestLoops.loop, TestLoops.other)
            let channel = AsyncChannel<Int>(capacity: 1)
            let blocking = BlockingExecutor(label: "home")
            let helper = spawn(on: TestLoops.other, "far side") {
                try await channel.send(1)
                let bytes = try await far.read() ?? []
                try await far.write(bytes)
            }
            let home = try await onLoop.homecomings(of: channel, near, blocking)
            try await helper.value
            await blocking.shutdown()
            return home
        }
        #expect(home == Array(repeating: true, count: 7))
    }

    @Test("gives its actor's isolation to callbacks")
    func isolation() async throws {
        let loop = TestLoops.loop
        let seen = Recorder<Bool>()
        loop.execute {
            let same = loop.assumeIsolated { actor in
                actor.assertIsolated()
                return actor.loop === loop
            }
            seen.add(same)
        }
        #expect(try await bounded { try await seen.wait(for: 1) } == [true])
    }

    @Test("refuses isolation on another thread", .disabled(if: Sanitizer.isThread, "exit tests fork"))
    func wrongThread() async {
        await #expect(processExitsWith: .failure) {
            TestLoops.loop.assumeIsolated { _ in }
        }
    }

    @Test("wakes for nothing while tasks of one loop talk to each other")
    func noCrossing() async throws {
        let loop = TestLoops.loop
        let group = try EventLoopGroup(loops: 1, label: "quiet")
        let quiet = group.loops[0]
        let difference = try await bounded(on: loop) {
            try await spawn(on: quiet, "measured") {
                let before = quiet.counters
                let (there, back) = (AsyncChannel<Int>(capacity: 1), AsyncChannel<Int>(capacity: 1))
                let partner = spawn(on: quiet, "partner") {
                    for try await number in there { try await back.send(number) }
                }
                for number in 0..<1000 {
                    try await there.send(number)
                    _ = try await back.receive()
                }
                there.finish()
                try await partner.value
                try await quiet.sleep(for: .milliseconds(2))
                let after = quiet.counters
                return (
                    jobs: after.jobs - before.jobs, crossings: after.crossThreadEnqueues - before.crossThreadEnqueues,
                    wakeups: after.wakeups - before.wakeups
                )
            }.value
        }
        await group.shutdown()
        #expect(difference.crossings == 0 && difference.wakeups == 0)
        // A job for each resumption, and no second one to come from the loop's executor to that of its tasks.
        #expect(difference.jobs >= 1000 && difference.jobs < 2100, "\(difference.jobs) jobs")
    }

    @Test("runs code that is on no actor as one job, however many functions it calls")
    func oneJob() async throws {
        let group = try EventLoopGroup(loops: 1, label: "one-job")
        let loop = group.loops[0]
        let jobs = try await spawn(on: loop, "measured") {
            let before = loop.counters.jobs
            for _ in 0..<100 {
                let depth = try await spawn(on: loop, "calling") { await descend(10) }.value
                #expect(depth == 10)
            }
            // Jobs count when their turn is over.
            try await loop.sleep(for: .milliseconds(2))
            return loop.counters.jobs - before
        }.value
        await group.shutdown()
        // Of each: the task, and the one that waits for it.
        #expect(jobs >= 190 && jobs <= 210, "\(jobs) jobs")
    }

    @Test("is woken once for a burst from another thread, not once a body")
    func coalescing() async throws {
        let group = try EventLoopGroup(loops: 1, label: "burst")
        let loop = group.loops[0]
        let recorder = Recorder<Int>()
        // The loop's thread is held inside a body until everything has been given.
        let gate = Locked(())
        let before = loop.counters
        gate.withLock { _ in
            loop.execute { gate.withLock { _ in } }
            for number in 0..<1000 { loop.execute { recorder.add(number) } }
        }
        _ = try await bounded { try await recorder.wait(for: 1000) }
        let after = loop.counters
        #expect(after.crossThreadEnqueues - before.crossThreadEnqueues == 1001)
        #expect(after.wakeups - before.wakeups <= 2)
        await group.shutdown()
    }

    @Test("polls for I/O between the jobs of a task that never rests")
    func fairness() async throws {
        let group = try EventLoopGroup(loops: 1, label: "busy")
        let loop = group.loops[0]
        try await bounded {
            let (near, far) = try Sockets.connected(on: loop, loop)
            let done = Event()
            let busy = spawn(on: loop, "busy") {
                while !done.hasHappened { await Task.yield() }
            }
            let echo = spawn(on: loop, "echo") {
                while let bytes = try await far.read() { try await far.write(bytes) }
            }
            for _ in 0..<20 {
                try await near.write([7])
                #expect(try await near.read() == [7])
            }
            try await loop.sleep(for: .milliseconds(1))
            done.happen()
            try await busy.value
            try await near.shutdownWrite()
            try await echo.value
        }
        #expect(loop.counters.exhaustedBudgets > 0)
        await group.shutdown()
    }
}
