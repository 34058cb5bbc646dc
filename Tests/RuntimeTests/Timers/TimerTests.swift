import Runtime
import TestSupport
import Testing

@Suite("timers")
struct TimerTests {
    @Test("fire in the order of their times, whatever the order of their making")
    func order() async throws {
        let time = ManualLoopTime()
        let group = try EventLoopGroup(loops: 1, label: "order", time: time)
        let loop = group.loops[0]
        let recorder = Recorder<Int>()
        try await bounded {
            for number in [3, 1, 4, 0, 2] {
                loop.schedule(after: .milliseconds(30 * number + 5)) { recorder.add(number) }
            }
            await time.advance(by: .seconds(1))
        }
        #expect(recorder.values == [0, 1, 2, 3, 4])
        await group.shutdown()
    }

    @Test("never fire early")
    func notEarly() async throws {
        let clock = ContinuousClock()
        for milliseconds in [0, 1, 7, 23] {
            let start = clock.now
            try await TestLoops.loop.sleep(for: .milliseconds(milliseconds))
            #expect(clock.now - start >= .milliseconds(milliseconds))
        }
    }

    @Test("do not fire once cancelled, from the loop or from elsewhere")
    func cancel() async throws {
        let loop = TestLoops.loop
        let recorder = Recorder<String>()
        let fromElsewhere = loop.schedule(after: .milliseconds(60)) { recorder.add("elsewhere") }
        loop.execute {
            let onLoop = loop.schedule(after: .milliseconds(1)) { recorder.add("on the loop") }
            onLoop.cancel()
            onLoop.cancel()
        }
        fromElsewhere.cancel()
        #expect(!fromElsewhere.isPending)
        loop.schedule(after: .milliseconds(80)) { recorder.add("last") }
        #expect(try await bounded { try await recorder.wait(for: 1) } == ["last"])
    }

    @Test("keep their order through thousands of insertions and cancellations")
    func heap() async throws {
        let loop = TestLoops.loop
        let (recorder, scheduling) = (Recorder<Int>(), Recorder<Duration>())
        loop.execute {
            let begin = ContinuousClock.now
            var timers: [(Int, ScheduledTimer)] = []
            for number in 0..<2000 {
                let delay = (number * 7919) % 200
                timers.append((delay, loop.schedule(after: .milliseconds(delay)) { recorder.add(delay) }))
            }
            scheduling.add(ContinuousClock.now - begin)
            for index in stride(from: 0, to: 2000, by: 2) { timers[index].1.cancel() }
        }
        let values = try await bounded { try await recorder.wait(for: 1000) }
        #expect(values.count == 1000)
        // Delays are 1 ms apart while the scheduling of all took some ms: order holds beyond that.
        let worst = zip(values, values.dropFirst()).map { $0 - $1 }.max() ?? 0
        #expect(.milliseconds(worst) <= (try #require(scheduling.values.first)) + .milliseconds(1))
    }

    @Test("let a sleep be cancelled at once")
    func cancelSleep() async throws {
        let started = Event()
        let sleeper = spawn(on: TestLoops.loop, "sleeper") {
            started.happen()
            try await TestLoops.loop.sleep(for: .seconds(1000))
        }
        try await bounded { try await started.wait() }
        sleeper.cancel()
        await #expect(throws: CancellationError.self) { try await bounded { try await sleeper.value } }
    }

    @Test("end a sleep of a task cancelled before")
    func cancelledSleep() async throws {
        let sleeper = spawn(on: TestLoops.loop, "sleeper") {
            withUnsafeCurrentTask { $0?.cancel() }
            try await TestLoops.loop.sleep(for: .seconds(1000))
        }
        await #expect(throws: CancellationError.self) { try await bounded { try await sleeper.value } }
    }
}
