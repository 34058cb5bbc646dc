import CLinux
import Glibc
import Runtime
import TestSupport
import Testing

/// Records what a stream tells, and does what it is told to.
// SAFETY: used on the stream's loop.
final class Witness: StreamDelegate, @unchecked Sendable {
    let events = Recorder<String>()
    let closed = Event()
    var onRead: ((StreamHandle, [UInt8]) -> Void)?
    var onEnd: ((StreamHandle) -> Void)?

    func stream(_ stream: StreamHandle, didRead bytes: Span<UInt8>) {
        let copy = bytes.withUnsafeBufferPointer { Array($0) }
        events.add("read \(copy.count)")
        onRead?(stream, copy)
    }
    func streamDidEnd(_ stream: StreamHandle) {
        events.add("end")
        onEnd?(stream)
    }
    func streamDidFlush(_ stream: StreamHandle) { events.add("flush") }
    func streamDidTimeOut(_ stream: StreamHandle) {
        events.add("timeout")
        stream.close()
    }
    func stream(_ stream: StreamHandle, didFail error: UVError) { events.add(error.isReset ? "reset" : "fail") }
    func streamDidClose(_ stream: StreamHandle) {
        events.add("close")
        closed.happen()
    }
}

@Suite("a stream")
struct StreamHandleTests {
    /// A stream on the loop with a witness, and the other end of it.
    private func make(
        accepted: Bool = false, reading: Bool = true, _ witness: Witness
    ) throws -> (StreamHandle, Connection) {
        let ends = try Sockets.pair()
        let loop = TestLoops.loop
        let stream = StreamHandle(adopting: ends.0, on: loop, accepted: accepted)
        loop.execute {
            stream.delegate = witness
            if reading { stream.startReading() }
        }
        return (stream, Connection(adopting: ends.1, on: TestLoops.other))
    }

    @Test("reads what comes, tells the end, and goes when closed")
    func life() async throws {
        let witness = Witness()
        witness.onEnd = { $0.closeWhenFlushed() }
        let (_, peer) = try make(witness)
        try await bounded {
            try await peer.write([1, 2, 3])
            _ = try await witness.events.wait(for: 1)
            try await peer.shutdownWrite()
            try await witness.closed.wait()
            #expect(try await peer.read() == nil)
        }
        #expect(witness.events.values == ["read 3", "end", "close"])
    }

    @Test("answers a request that is there when it is accepted without libuv ever seeing it")
    func readAhead() async throws {
        let witness = Witness()
        let ends = try Sockets.pair()
        // A loop of its own: within another stream's read the loop's buffer is in use, and nothing is read ahead.
        let group = try EventLoopGroup(loops: 1, label: "ahead")
        let loop = group.loops[0]
        try await bounded {
            let peer = Connection(adopting: ends.1, on: TestLoops.other)
            try await peer.write([1, 2, 3])
            let synchronous = Recorder<Bool>()
            loop.execute {
                let stream = StreamHandle(adopting: ends.0, on: loop, kind: .unix, accepted: true)
                witness.onRead = { stream, bytes in
                    stream.write(bytes)
                    stream.close()
                }
                stream.delegate = witness
                stream.startReading()
                synchronous.add(stream.isClosed && witness.events.values == ["read 3"])
            }
            #expect(try await peer.read() == [1, 2, 3])
            #expect(try await peer.read() == nil)
            try await witness.closed.wait()
            #expect(synchronous.values == [true])
        }
        #expect(witness.events.values == ["read 3", "close"])
        await group.shutdown()
    }

    @Test("goes on as usual when an accepted connection has sent nothing yet")
    func readAheadLater() async throws {
        let witness = Witness()
        let (stream, peer) = try make(accepted: true, witness)
        try await bounded {
            _ = try await witness.events.wait(for: 0)
            try await peer.write([1])
            #expect(try await witness.events.wait(for: 1) == ["read 1"])
            TestLoops.loop.execute { stream.close() }
            try await witness.closed.wait()
        }
    }

    @Test("leaves bytes with the kernel while paused, so that the peer has to wait")
    func pause() async throws {
        let witness = Witness()
        let (stream, peer) = try make(reading: false, witness)
        let loop = TestLoops.loop
        try await bounded {
            let writer = spawn(on: TestLoops.other, "writer") {
                try await peer.write([UInt8](repeating: 1, count: 4_000_000))
                try await peer.shutdownWrite()
                return true
            }
            try await loop.sleep(for: .milliseconds(20))
            #expect(witness.events.values.isEmpty)
            let total = Recorder<Int>()
            witness.onRead = { stream, bytes in
                total.add(bytes.count)
                // Every other read pauses for a moment.
                if total.values.count % 2 == 0 {
                    stream.pauseReading()
                    loop.schedule(after: .milliseconds(1)) { stream.resumeReading() }
                }
            }
            witness.onEnd = { $0.close() }
            loop.execute { stream.startReading() }
            #expect(try await writer.value)
            try await witness.closed.wait()
            #expect(total.values.reduce(0, +) == 4_000_000)
        }
    }

    @Test("queues what the kernel does not take, keeps the order, and tells when all has gone")
    func bigWrites() async throws {
        let witness = Witness()
        let (stream, peer) = try make(witness)
        let loop = TestLoops.loop
        let expected = (0..<3).flatMap { [UInt8](repeating: UInt8($0), count: 1_000_000) }
        try await bounded {
            let results = Recorder<Bool>()
            loop.execute {
                for number in 0..<3 { results.add(stream.write([UInt8](repeating: UInt8(number), count: 1_000_000))) }
                results.add(stream.pendingBytes > 0)
                stream.shutdownWrite()
            }
            var received: [UInt8] = []
            while let more = try await peer.read() { received += more }
            #expect(received == expected)
            #expect(results.values == [false, false, false, true])
            #expect(try await witness.events.wait(for: 1) == ["flush"])
            loop.execute { stream.close() }
            try await witness.closed.wait()
        }
    }

    @Test("writes two parts in one, however much of them the kernel takes")
    func twoParts() async throws {
        for size in [10, 300_000] {
            let witness = Witness()
            let (stream, peer) = try make(witness)
            try await bounded {
                TestLoops.loop.execute {
                    stream.write([UInt8](repeating: 1, count: size), [UInt8](repeating: 2, count: size))
                    stream.closeWhenFlushed()
                }
                var received: [UInt8] = []
                while let more = try await peer.read() { received += more }
                #expect(received == [UInt8](repeating: 1, count: size) + [UInt8](repeating: 2, count: size))
            }
        }
    }

    @Test("can still write after the peer has ended its side")
    func halfClose() async throws {
        let witness = Witness()
        witness.onEnd = { stream in
            stream.write([9])
            stream.closeWhenFlushed()
        }
        let (_, peer) = try make(witness)
        try await bounded {
            try await peer.shutdownWrite()
            #expect(try await peer.read() == [9])
            #expect(try await peer.read() == nil)
            try await witness.closed.wait()
        }
    }

    @Test("tells a reset as a failure, then closes")
    func reset() async throws {
        let (descriptor, address) = try Sockets.listening()
        let loop = TestLoops.loop
        let witness = Witness()
        try await bounded {
            loop.execute {
                _ = try? Listener(adopting: descriptor, on: loop) { accepted in
                    let stream = StreamHandle(adopting: accepted, on: loop, kind: .tcp, accepted: true)
                    stream.delegate = witness
                    stream.startReading()
                }
            }
            let peer = try await Connection.connect(to: address, on: TestLoops.other)
            try await peer.write([1])
            _ = try await witness.events.wait(for: 1)
            peer.reset()
            try await witness.closed.wait()
        }
        #expect(witness.events.values == ["read 1", "reset", "close"])
    }

    @Test("fails, and does not end the process, when it writes to a peer that is gone")
    func brokenPipe() async throws {
        let witness = Witness()
        let (stream, peer) = try make(reading: false, witness)
        try await bounded {
            peer.close()
            // The close happens on the peer's own loop, sooner or later.
            Self.writeUntilRefused(stream)
            try await witness.closed.wait()
        }
        #expect(witness.events.values == ["reset", "close"])
    }

    private static func writeUntilRefused(_ stream: StreamHandle) {
        TestLoops.loop.schedule(after: .milliseconds(1)) {
            stream.write([1])
            if !stream.isClosed { writeUntilRefused(stream) }
        }
    }

    @Test("times out once when nothing happens, and not while its timeout is put off")
    func timeout() async throws {
        let witness = Witness()
        let (stream, peer) = try make(witness)
        let loop = TestLoops.loop
        let clock = ContinuousClock()
        let last = Recorder<ContinuousClock.Instant>()
        try await bounded {
            let putOff: @Sendable (StreamHandle) -> Void = { stream in
                last.add(clock.now)
                stream.setTimeout(Duration.milliseconds(600).patient)
            }
            witness.onRead = { stream, _ in putOff(stream) }
            loop.execute { putOff(stream) }
            for _ in 0..<4 {
                // A machine so slow that the timeout strikes meanwhile shows nothing, but breaks nothing either.
                do { try await peer.write([1]) } catch is UVError { break }
                try await TestLoops.other.sleep(for: Duration.milliseconds(250).patient)
            }
            try await witness.closed.wait()
        }
        // The loop's time is older than the clock's by what its turn took so far. Not put off, it would be 350 ms at most.
        #expect(clock.now - (try #require(last.values.last)) >= Duration.milliseconds(400).patient)
        #expect(Array(witness.events.values.suffix(2)) == ["timeout", "close"])
        #expect(witness.events.values.filter { $0 == "timeout" }.count == 1)
    }

    @Test("times out when the timeout was set before the first read, and is small")
    func timeoutBeforeReading() async throws {
        let witness = Witness()
        let ends = try Sockets.pair()
        let loop = TestLoops.loop
        let size = Recorder<Int>()
        try await bounded {
            let peer = Connection(adopting: ends.1, on: TestLoops.other)
            loop.execute {
                let stream = StreamHandle(adopting: ends.0, on: loop, kind: .unix, accepted: true)
                stream.delegate = witness
                stream.setTimeout(.milliseconds(10))
                stream.startReading()
                size.add(Sockets.allocatedSize(of: stream))
            }
            try await witness.closed.wait()
            #expect(try await peer.read() == nil)
        }
        #expect(witness.events.values == ["timeout", "close"])
        // One allocation a connection, and not a large one: libuv's 248 bytes come from the loop's pool.
        #expect(size.values[0] <= 152)
    }

    @Test("may be closed in any of its callbacks, and any number of times")
    func closeAnywhere() async throws {
        let witness = Witness()
        witness.onRead = { stream, _ in
            stream.close()
            stream.close()
            stream.startReading()
            stream.write([1])
        }
        let (_, peer) = try make(witness)
        try await bounded {
            try await peer.write([1])
            try await witness.closed.wait()
        }
        #expect(witness.events.values == ["read 1", "close"])
    }
}
