import Runtime
import TestSupport
import Testing

/// An actor whose methods may block.
private actor Blocked {
    private let executor: BlockingExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
    private var log: [Int] = []

    init(_ executor: BlockingExecutor) { self.executor = executor }

    func add(_ number: Int) -> Bool {
        log.append(number)
        return executor.isCurrent
    }
    func numbers() -> [Int] { log }
}

@Suite("a blocking executor")
struct BlockingExecutorTests {
    @Test("runs bodies one at a time, in order, off the loop")
    func order() async throws {
        let executor = BlockingExecutor(label: "blocking")
        let log = Recorder<Int>()
        try await bounded(on: TestLoops.loop) {
            var tasks: [Task<Bool, any Error>] = []
            for number in 0..<200 {
                // Spawned on one loop, they ask in this order.
                tasks.append(
                    spawn(on: TestLoops.loop, "asker") {
                        try await executor.run {
                            log.add(number)
                            return executor.isCurrent && EventLoop.current == nil
                        }
                    })
            }
            for task in tasks {
                let atHome = try await task.value
                #expect(atHome)
            }
            #expect(TestLoops.loop.isCurrent)
        }
        #expect(log.values == Array(0..<200))
        await executor.shutdown()
    }

    @Test("is the executor of an actor that names it")
    func actor() async throws {
        let executor = BlockingExecutor(label: "actor")
        let blocked = Blocked(executor)
        try await bounded {
            for number in 0..<50 { #expect(await blocked.add(number)) }
            #expect(await blocked.numbers() == Array(0..<50))
            #expect(TestLoops.loop.isCurrent)
        }
        await executor.shutdown()
        // A job after the end is late, not lost.
        #expect(await blocked.add(50))
    }

    @Test("does not begin what was cancelled before its turn, and lets finish what has begun")
    func cancellation() async throws {
        let executor = BlockingExecutor(label: "cancelled")
        let gate = Locked(())
        let (begun, ran) = (Event(), Recorder<String>())
        try await bounded {
            let (first, second) = gate.withLock { _ in
                let first = spawn(on: TestLoops.loop, "first") {
                    try await executor.run {
                        begun.happen()
                        gate.withLock { _ in ran.add("first") }
                    }
                }
                return (first, Event())
            }
            try await begun.wait()
            try await first.value
            _ = second
        }
        let hold = Hold()
        try await bounded {
            let started = Event()
            let running = spawn(on: TestLoops.loop, "running") {
                try await executor.run {
                    started.happen()
                    hold.wait()
                    return 7
                }
            }
            try await started.wait()
            let queued = spawn(on: TestLoops.loop, "queued") { try await executor.run { ran.add("queued") } }
            await Task.yield()
            queued.cancel()
            await #expect(throws: CancellationError.self) { try await queued.value }
            running.cancel()
            hold.release()
            #expect(try await running.value == 7)
        }
        await executor.shutdown()
        #expect(ran.values == ["first"])
        await #expect(throws: CancellationError.self) { try await executor.run {} }
    }

    @Test("hands on what bodies throw")
    func errors() async throws {
        struct Odd: Error {}
        let executor = BlockingExecutor(label: "odd")
        await #expect(throws: Odd.self) { try await executor.run { throw Odd() } }
        await executor.shutdown()
    }

    @Test("has no place taken in a pool's queue by what was cancelled there")
    func cancelledPlaces() async throws {
        let pool = BlockingPool(threads: 1, waiting: 2, label: "small")
        let (hold, ran) = (Hold(), Recorder<Int>())
        try await bounded(on: TestLoops.loop) {
            let started = Event()
            let running = spawn(on: TestLoops.loop, "running") {
                try await pool.run {
                    started.happen()
                    hold.wait()
                }
            }
            try await started.wait()
            // Round after round takes all places and gives them back.
            for _ in 0..<100 {
                let waiting = (0..<2).map { _ in
                    spawn(on: TestLoops.loop, "waiting") { try await pool.run { ran.add(0) } }
                }
                await Task.yield()
                await #expect(throws: BlockingPoolFull.self) { try await pool.run {} }
                for task in waiting { task.cancel() }
                for task in waiting { await #expect(throws: CancellationError.self) { try await task.value } }
            }
            let last = (1...2).map { number in
                spawn(on: TestLoops.loop, "last") { try await pool.run { ran.add(number) } }
            }
            await Task.yield()
            hold.release()
            for task in last + [running] { try await task.value }
        }
        #expect(ran.values == [1, 2])
        await pool.shutdown()
    }

    @Test("has company in a pool, whose threads work at the same time")
    func pool() async throws {
        let pool = BlockingPool(threads: 2, label: "pool")
        let (one, two) = (Hold(), Hold())
        try await bounded {
            // Each waits for the other: with one thread neither would ever end.
            let first = spawn(on: TestLoops.loop, "first") {
                try await pool.run {
                    one.release()
                    two.wait()
                }
            }
            try await pool.run {
                two.release()
                one.wait()
            }
            try await first.value
        }
        await pool.shutdown()
        await #expect(throws: CancellationError.self) { try await pool.run {} }
    }
}
