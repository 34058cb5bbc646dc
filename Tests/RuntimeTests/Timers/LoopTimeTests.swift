import Glibc
import Runtime
import TestSupport
import Testing

@Suite("a loop's clock")
struct LoopClockTests {
    @Test("goes on with the monotonic clock, and sleeps until its moments")
    func system() async throws {
        let clock = TestLoops.loop.clock
        let (start, other) = (clock.now, ContinuousClock.now)
        try await bounded { try await clock.sleep(until: start.advanced(by: .milliseconds(20)), tolerance: nil) }
        #expect(start.duration(to: clock.now) >= .milliseconds(20))
        #expect(ContinuousClock.now - other >= .milliseconds(20))
        #expect(start < clock.now && TestLoops.other.clock.now >= start)
    }
}

@Suite("a loop whose time is moved by hand")
struct ManualLoopTimeTests {
    /// A group whose time stands still, shut down when `body` has ended.
    private func withStillLoop<T: Sendable>(
        _ body: @escaping @Sendable (EventLoop, ManualLoopTime) async throws -> T
    ) async throws -> T {
        let time = ManualLoopTime()
        let group = try EventLoopGroup(loops: 1, label: "still", time: time)
        do {
            let result = try await bounded { try await body(group.loops[0], time) }
            await group.shutdown()
            return result
        } catch {
            await group.shutdown()
            throw error
        }
    }

    @Test("fires timers in order, each at its own time, also those made on the way")
    func order() async throws {
        let fired = Recorder<Duration>()
        try await withStillLoop { loop, time in
            let start = loop.clock.now
            let ticker = spawn(on: loop, "ticker") {
                for _ in 0..<5 {
                    try await loop.sleep(for: .seconds(1000))
                    fired.add(start.duration(to: loop.clock.now))
                }
            }
            for seconds in [2500, 500] {
                loop.schedule(after: .seconds(seconds)) { fired.add(start.duration(to: loop.clock.now)) }
            }
            try await time.waitForTimers(3)
            await time.advance(by: .seconds(499))
            #expect(fired.values.isEmpty)
            await time.advance(by: .seconds(3000))
            #expect(fired.values == [500, 1000, 2000, 2500, 3000].map { .seconds($0) })
            await time.advance(by: .seconds(10_000))
            try await ticker.value
        }
    }

    @Test("lets deadlines and clocks pass by that time alone, and sleeps of nothing at once")
    func deadlines() async throws {
        try await withStillLoop { loop, time in
            try await loop.sleep(for: .zero)
            let late = spawn(on: loop, "late") {
                try await withDeadline(.seconds(3600), on: loop, "an hour") {
                    try await loop.clock.sleep(for: .seconds(7200))
                }
            }
            try await time.waitForTimers(2)
            await time.advance(by: .seconds(3599))
            await time.advance(by: .seconds(1))
            let error = await #expect(throws: DeadlineError.self) { try await late.value }
            #expect(error?.what == "an hour")
        }
    }

    /// Counts its timeouts.
    private final class Timeouts: StreamDelegate, Sendable {
        let recorder = Recorder<CInt>()
        func stream(_ stream: StreamHandle, didRead bytes: Span<UInt8>) {}
        func streamDidEnd(_ stream: StreamHandle) {}
        func streamDidTimeOut(_ stream: StreamHandle) { recorder.add(stream.descriptor) }
    }

    /// Streams that are open, and the other ends of their sockets.
    private func streams(_ count: Int, on loop: EventLoop) throws -> ([StreamHandle], [FileDescriptor]) {
        var (streams, others): ([StreamHandle], [FileDescriptor]) = ([], [])
        for _ in 0..<count {
            let (ours, theirs) = try Sockets.pair()
            others.append(FileDescriptor(owning: theirs))
            streams.append(StreamHandle(adopting: ours, on: loop))
        }
        return (streams, others)
    }

    @Test("times streams out when theirs has passed, and wakes at most once a tick for all of them")
    func wheel() async throws {
        let counts = try await withStillLoop { loop, time in
            let timeouts = Timeouts()
            let (streams, others) = try streams(200, on: loop)
            let ready = Event()
            loop.execute {
                for stream in streams {
                    stream.delegate = timeouts
                    stream.startReading()
                    stream.setTimeout(.seconds(30))
                }
                ready.happen()
            }
            try await ready.wait()
            // 120 seconds of requests, one a second on each stream, each of which sets the timeout anew.
            for _ in 0..<120 {
                await time.advance(by: .seconds(1))
                let set = Event()
                loop.execute {
                    for stream in streams { stream.setTimeout(.seconds(30)) }
                    set.happen()
                }
                try await set.wait()
            }
            #expect(timeouts.recorder.values.isEmpty)
            await time.advance(by: .seconds(29))
            #expect(timeouts.recorder.values.isEmpty)
            await time.advance(by: .seconds(2))
            #expect(timeouts.recorder.values.count == 200)
            let counted = Recorder<(timerWakes: Int, wheelWakes: Int, wheelMoves: Int)>()
            loop.execute {
                counted.add(loop.timerCounts)
                for stream in streams { stream.close() }
            }
            let counts = try await counted.wait(for: 1)[0]
            withExtendedLifetime(others) {}
            return counts
        }
        // 151 seconds have 590 ticks; every advance looks once more. A stream moves once in 30 seconds, not with each of the
        // 120 settings.
        #expect(counts.wheelWakes <= 590 + 2 * 122)
        #expect(counts.wheelMoves <= 200 * (151 / 30 + 1))
    }

    @Test("moves a distant timeout once a round of the wheel, and keeps it exact to a tick")
    func distant() async throws {
        let moves = try await withStillLoop { loop, time in
            let timeouts = Timeouts()
            let (streams, others) = try streams(1, on: loop)
            loop.execute {
                streams[0].delegate = timeouts
                streams[0].startReading()
                streams[0].setTimeout(.seconds(3600))
            }
            await time.advance(by: .seconds(3599))
            #expect(timeouts.recorder.values.isEmpty)
            await time.advance(by: .seconds(2))
            #expect(timeouts.recorder.values.count == 1)
            let counted = Recorder<Int>()
            loop.execute {
                counted.add(loop.timerCounts.wheelMoves)
                streams[0].close()
            }
            withExtendedLifetime(others) {}
            return try await counted.wait(for: 1)[0]
        }
        #expect(moves <= 3600 / 65 + 2)
    }

    @Test("looks at its exact timers once for all that fall into one millisecond")
    func coalescing() async throws {
        let group = try EventLoopGroup(loops: 1, label: "ticks")
        let loop = group.loops[0]
        let (fired, counted) = (Recorder<Int>(), Recorder<Int>())
        try await bounded { () async throws in
            loop.execute {
                for number in 0..<1000 { loop.schedule(after: .milliseconds(20)) { fired.add(number) } }
            }
            #expect(try await fired.wait(for: 1000) == Array(0..<1000))
            loop.execute { counted.add(loop.timerCounts.timerWakes) }
            // Their making took a while: as many milliseconds as that may have had a look each, not as many as timers.
            #expect(try await counted.wait(for: 1)[0] < 200)
        }
        await group.shutdown()
    }
}
