import Runtime
import TestSupport
import Testing

@Suite("a task group on a loop")
struct LoopTaskGroupTests {
    private struct Failure: Error {}

    @Test("runs all children on its loop, also after they have waited, and gives their results")
    func children() async throws {
        let (loop, other) = (TestLoops.loop, TestLoops.other)
        let (sum, home) = try await bounded(on: other) {
            try await withLoopTaskGroup(of: (Int, Bool).self, on: loop) { group in
                for number in 1...100 {
                    group.addTask("child") {
                        var home = loop.isCurrent
                        try await loop.sleep(for: .milliseconds(number % 3))
                        home = home && loop.isCurrent
                        await Task.yield()
                        return (number, home && loop.isCurrent)
                    }
                }
                var (sum, home) = (0, other.isCurrent)
                for try await (number, atHome) in group {
                    sum += number
                    home = home && atHome && other.isCurrent
                }
                #expect(group.isEmpty)
                return (sum, home)
            }
        }
        #expect(sum == 5050 && home)
    }

    @Test("cancels the children of a body that throws, and has waited for them when it throws")
    func failure() async throws {
        let (cancelled, ended) = (Recorder<Bool>(), Recorder<Int>())
        try await bounded {
            await #expect(throws: Failure.self) {
                try await withLoopTaskGroup(of: Void.self, on: TestLoops.other) { group in
                    for number in 0..<5 {
                        group.addTask("waits") {
                            do { try await TestLoops.other.sleep(for: .seconds(1000)) } catch {
                                cancelled.add(error is CancellationError)
                            }
                            ended.add(number)
                        }
                    }
                    group.addTask("fails") { throw Failure() }
                    try await group.next()
                }
            }
            #expect(ended.values.count == 5)
            #expect(cancelled.values == Array(repeating: true, count: 5))
        }
    }

    @Test("passes a cancellation of its caller on, and starts later children cancelled")
    func cancellation() async throws {
        let started = Event()
        let late = Recorder<Bool>()
        try await bounded {
            let caller = spawn(on: TestLoops.loop, "caller") {
                try await withLoopTaskGroup(of: Void.self, on: TestLoops.loop) { group in
                    group.addTask("waits") {
                        started.happen()
                        try await TestLoops.loop.sleep(for: .seconds(1000))
                    }
                    await #expect(throws: CancellationError.self) { try await group.next() }
                    group.addTask("late") { late.add(Task.isCancelled) }
                    try await group.waitForAll()
                }
            }
            try await started.wait()
            caller.cancel()
            try await caller.value
            #expect(late.values == [true])
        }
    }

    @Test("has its children cancelled and awaited by the shutdown of their loop")
    func shutdown() async throws {
        let group = try EventLoopGroup(loops: 1, label: "leaving")
        let loop = group.loops[0]
        let (started, ended) = (Event(), Event())
        try await bounded(on: TestLoops.other) {
            let caller = spawn(on: TestLoops.other, "caller") {
                try await withLoopTaskGroup(of: Void.self, on: loop) { children in
                    children.addTask("waits") {
                        defer { ended.happen() }
                        started.happen()
                        // Of another loop, so that only the cancellation of this task can end it.
                        try await TestLoops.other.sleep(for: .seconds(1000))
                    }
                    try await children.waitForAll()
                }
            }
            try await started.wait()
            let orderly = await group.shutdown(grace: .seconds(50))
            #expect(orderly)
            #expect(ended.hasHappened)
            await #expect(throws: CancellationError.self) { try await caller.value }
        }
    }
}
