import Glibc
import Runtime
import TestSupport
import Testing

@Suite("a deadline")
struct DeadlineTests {
    @Test("leaves work that is done in time alone")
    func inTime() async throws {
        let value = try await withDeadline(.seconds(20), on: TestLoops.loop, "a sum") { 1 + 1 }
        #expect(value == 2)
    }

    @Test("ends work that is not, cancels it, and names it")
    func late() async throws {
        let cancelled = Event()
        let error = await #expect(throws: DeadlineError.self) {
            try await withDeadline(.milliseconds(20), on: TestLoops.loop, "the greeting") {
                do {
                    try await TestLoops.loop.sleep(for: .seconds(1000))
                } catch {
                    cancelled.happen()
                    throw error
                }
            }
        }
        #expect(error?.what == "the greeting" && error?.duration == .milliseconds(20))
        try await bounded { try await cancelled.wait() }
    }

    @Test("is kept even by work that heeds no cancellation")
    func stubborn() async throws {
        let release = Event()
        await #expect(throws: DeadlineError.self) {
            try await withDeadline(.milliseconds(20), on: TestLoops.loop, "stubborn work") {
                while !release.hasHappened { await Task.yield() }
            }
        }
        release.happen()
    }

    @Test("has cancelled the work's read before the caller, on another loop, goes on with the same connection")
    func readOn() async throws {
        let (near, far) = try Sockets.connected(on: TestLoops.other, TestLoops.loop)
        try await bounded(on: TestLoops.other) {
            await #expect(throws: DeadlineError.self) {
                try await withDeadline(.milliseconds(50), on: TestLoops.loop, "a read among others") {
                    try await withLoopTaskGroup(of: Void.self, on: TestLoops.loop) { group in
                        // To cancel those beside it takes a while.
                        for _ in 0..<4 { group.addTask("slow before") { try await Self.slowToCancel() } }
                        group.addTask("reader") { _ = try await near.read() }
                        for _ in 0..<4 { group.addTask("slow behind") { try await Self.slowToCancel() } }
                        try await group.waitForAll()
                    }
                }
            }
            let next = spawn(on: TestLoops.other, "next") { try await near.read() }
            try await far.write([1])
            #expect(try await next.value == [1])
        }
    }

    private static func slowToCancel() async throws {
        try await withTaskCancellationHandler {
            try await TestLoops.loop.sleep(for: .seconds(1000))
        } onCancel: {
            usleep(2000)
        }
    }

    @Test("hands on what the work throws, and the caller's cancellation to the work")
    func errors() async throws {
        struct Odd: Error {}
        await #expect(throws: Odd.self) {
            try await withDeadline(.seconds(20), on: TestLoops.loop, "odd work") { throw Odd() }
        }
        let started = Event()
        let outer = spawn(on: TestLoops.other, "outer") {
            try await withDeadline(.seconds(1000), on: TestLoops.loop, "sleep") {
                started.happen()
                try await TestLoops.loop.sleep(for: .seconds(1000))
            }
        }
        try await bounded { try await started.wait() }
        outer.cancel()
        await #expect(throws: CancellationError.self) { try await bounded { try await outer.value } }
    }
}
