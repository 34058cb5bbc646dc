import CLinux
import Glibc
import Runtime
import TestSupport
import Testing

@Suite("what a stream's kernel does not take")
struct BacklogTests {
    /// A stream whose peer is a bare descriptor: what that does not read fills the kernel's buffers.
    private func make(_ witness: Witness) throws -> (StreamHandle, FileDescriptor) {
        let ends = try Sockets.pair()
        cl_nonblocking(ends.1, 0)
        let stream = StreamHandle(adopting: ends.0, on: TestLoops.loop)
        TestLoops.loop.execute {
            stream.delegate = witness
            stream.startReading()
        }
        return (stream, FileDescriptor(owning: ends.1))
    }

    /// Runs the body on the stream's loop.
    private func onLoop<T: Sendable>(_ body: @escaping @Sendable () -> T) async throws -> T {
        let result = AsyncChannel<T>(capacity: 1)
        TestLoops.loop.execute { result.trySend(body()) }
        return try #require(try await result.receive())
    }

    /// Writes until the kernel takes no more; how many bytes.
    private static func fill(_ stream: StreamHandle) -> Int {
        var count = 0
        while stream.pendingBytes == 0 {
            stream.write([UInt8](repeating: 0, count: 1000))
            count += 1000
        }
        return count
    }

    private func read(_ peer: borrowing FileDescriptor, atMost count: Int) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: count)
        let number = cl_read(peer.number, &buffer, count)
        return Array(buffer[..<max(0, number)])
    }

    @Test("many small pieces become few writes, and come whole and in their order")
    func coalescing() async throws {
        let witness = Witness()
        let (stream, peer) = try make(witness)
        let pieces = 600_000
        let (filled, pending, writes) = try await onLoop {
            let filled = Self.fill(stream)
            let before = stream.pendingBytes
            for number in 0..<pieces { stream.write([UInt8(truncatingIfNeeded: number)]) }
            return (filled, stream.pendingBytes - before, stream.pendingWrites)
        }
        #expect(pending == pieces)
        // The one that is out, two of 256 KB, and what is left.
        #expect(writes == 4)
        var received: [UInt8] = []
        while received.count < filled + pieces {
            let more = read(peer, atMost: 100_000)
            try #require(!more.isEmpty)
            received += more
        }
        #expect(received.dropFirst(filled).elementsEqual((0..<pieces).lazy.map { UInt8(truncatingIfNeeded: $0) }))
        try await bounded {
            #expect(try await witness.events.wait(for: 1) == ["flush"])
            #expect(try await onLoop { stream.pendingBytes + stream.pendingWrites } == 0)
            TestLoops.loop.execute { stream.close() }
            try await witness.closed.wait()
        }
    }

    @Test("each write is told of once, in their order, when its bytes are with the kernel")
    func completions() async throws {
        let witness = Witness()
        let (stream, peer) = try make(witness)
        let told = Recorder<Int>()
        let total = try await onLoop {
            var total = Self.fill(stream)
            for number in 0..<100 {
                // Larger than what is sent at a time, now and then.
                let size = number % 10 == 0 ? 300_000 : 10
                total += size
                stream.write([UInt8](repeating: 1, count: size)) { error in
                    #expect(error == nil)
                    told.add(number)
                }
            }
            return total
        }
        var received = 0
        while received < total { received += read(peer, atMost: 100_000).count }
        try await bounded {
            #expect(try await told.wait(for: 100) == Array(0..<100))
            TestLoops.loop.execute { stream.close() }
            try await witness.closed.wait()
        }
    }

    @Test("a close tells all whose bytes were not sent, and forgets these")
    func cancelled() async throws {
        let witness = Witness()
        let (stream, peer) = try make(witness)
        let told = Recorder<Bool>()
        try await onLoop {
            _ = Self.fill(stream)
            for _ in 0..<3 {
                stream.write([1, 2, 3]) { told.add($0?.isCancelled == true) }
                stream.write([UInt8](repeating: 1, count: 300_000)) { told.add($0?.isCancelled == true) }
            }
            stream.close()
            // Too late: told at once.
            stream.write([1]) { told.add($0?.isCancelled == true) }
        }
        try await bounded {
            try await witness.closed.wait()
            #expect(told.values == [Bool](repeating: true, count: 7))
            #expect(try await onLoop { stream.pendingBytes } == 0)
        }
        withExtendedLifetime(peer) {}
    }

    @Test(
        "what the peer has taken shows in the untaken bytes, though its kernel's buffers hide it from the pending ones")
    func untaken() async throws {
        let witness = Witness()
        let (stream, peer) = try make(witness)
        let (pending, before) = try await onLoop {
            _ = Self.fill(stream)
            stream.write([UInt8](repeating: 1, count: 200_000))
            return (stream.pendingBytes, stream.untakenBytes)
        }
        #expect(before > pending)
        #expect(try await onLoop { stream.untakenBytes } == before)
        // A unix socket gives its buffers back one by one.
        for _ in 0..<10 { _ = read(peer, atMost: 1000) }
        try await bounded {
            #expect(try await onLoop { stream.untakenBytes } < before)
            #expect(try await onLoop { stream.pendingBytes } == pending)
            TestLoops.loop.execute { stream.close() }
            try await witness.closed.wait()
        }
    }
}
