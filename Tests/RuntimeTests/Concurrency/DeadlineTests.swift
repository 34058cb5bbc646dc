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
