import Runtime
import TestSupport
import Testing

/// Turns every bit; keeps what is written until the peer's greeting, a zero byte, has come; holds input back while the
/// delegate pauses, some bytes at a time.
// SAFETY: used on the stream's loop, but for the recorders.
private final class Turning: StreamFilter, @unchecked Sendable {
    private var input: ArraySlice<UInt8> = []
    private var held: [(bytes: [UInt8], completion: ((UVError?) -> Void)?)] = []
    private var isReady = false
    private var ends = false
    let events = Recorder<String>()
    var failureDescription: String? { "turning" }
    var holdsInput: Bool { !input.isEmpty }

    func streamDidInstall(_ stream: StreamHandle) { stream.filterSend([0]) }

    func stream(_ stream: StreamHandle, didReceive bytes: Span<UInt8>) {
        bytes.withUnsafeBufferPointer { input.append(contentsOf: $0) }
        if !isReady, input.first == 0 { open(stream) }
        deliver(stream)
    }

    private func open(_ stream: StreamHandle) {
        input.removeFirst()
        isReady = true
        for (bytes, completion) in held {
            stream.filterReleases(bytes.count)
            if stream.filterSend(bytes.map(~), completion: completion) { completion?(nil) }
        }
        if !held.isEmpty { stream.filterDidRelease() }
        held = []
        if ends { stream.shutdownWrite() }
    }

    private func deliver(_ stream: StreamHandle) {
        while stream.isReading, !stream.isClosed, !input.isEmpty {
            if input.first == ~UInt8(ascii: "!") { return stream.filterFail() }
            let piece = input.prefix(100).prefix { $0 != ~UInt8(ascii: "!") }.map(~)
            input = input.dropFirst(piece.count)
            stream.filterDeliver(piece.span)
        }
        if stream.isReading, !stream.isClosed { stream.filterNeedsInput() }
    }

    func streamDidResume(_ stream: StreamHandle) { deliver(stream) }
    func streamDidReceiveEnd(_ stream: StreamHandle) { stream.filterDeliverEnd() }

    func stream(
        _ stream: StreamHandle, write bytes: UnsafeBufferPointer<UInt8>, completion: ((UVError?) -> Void)?
    ) -> Bool {
        guard isReady else {
            held.append((Array(bytes), completion))
            stream.filterHolds(bytes.count)
            return false
        }
        return stream.filterSend(bytes.map(~), completion: completion)
    }

    func streamWillShutdownWrite(_ stream: StreamHandle) -> Bool {
        guard isReady else {
            ends = true
            return false
        }
        events.add("shutdown")
        return true
    }
    func streamWillClose(_ stream: StreamHandle) { events.add("will close") }
    func streamDidClose(_ stream: StreamHandle) { events.add("did close") }
}

@Suite("a stream with a filter")
struct StreamFilterTests {
    private func pair() throws -> (near: FileDescriptor, far: FileDescriptor) {
        let ends = try Sockets.pair()
        return (FileDescriptor(owning: ends.0), FileDescriptor(owning: ends.1))
    }

    @Test("everything goes through it, both ways, and writes wait until it is ready")
    func bothWays() async throws {
        try await bounded {
            let ends = try pair()
            let near = Connection(adopting: ends.near.release(), on: TestLoops.loop, filter: Turning())
            let written = spawn(on: TestLoops.loop, "early") {
                try await near.write(Array("early".utf8))
                try await near.shutdownWrite()
            }
            let far = Connection(adopting: ends.far.release(), on: TestLoops.other)
            #expect(try await far.read() == [0])
            try await far.write([0] + Array("hello".utf8).map(~))
            var bytes: [UInt8] = []
            while bytes.count < 5, let more = try await near.read(upTo: 2) { bytes += more }
            #expect(bytes == Array("hello".utf8))
            try await written.value
            var answer: [UInt8] = []
            while let more = try await far.read() { answer += more }
            #expect(answer == Array("early".utf8).map(~))
        }
    }

    @Test("what it held back while the delegate paused comes after the pause, in order, and then the end")
    func pauses() async throws {
        // More than a connection reads ahead.
        let bytes = (0..<1_000_000).map { UInt8(ascii: "a") + UInt8($0 % 26) }
        let turned = [0] + bytes.map(~)
        let ends = try pair()
        try await bounded {
            let near = Connection(adopting: ends.near.release(), on: TestLoops.loop, filter: Turning())
            let far = Connection(adopting: ends.far.release(), on: TestLoops.other)
            spawn(on: TestLoops.other, "writer") {
                try await far.write(turned)
                try await far.shutdownWrite()
            }
            var received: [UInt8] = []
            while let more = try await near.read(upTo: 30_000) { received += more }
            #expect(received == bytes)
        }
    }

    @Test("it hears of a close and of its end; not of an abort, but of that one's end")
    func closes() async throws {
        try await bounded {
            for (resets, expected) in [(false, ["will close", "did close"]), (true, ["did close"])] {
                let ends = try pair()
                let filter = Turning()
                let near = Connection(adopting: ends.near.release(), on: TestLoops.loop, filter: filter)
                if resets { near.reset() } else { near.close() }
                #expect(try await filter.events.wait(for: expected.count) == expected)
            }
        }
    }

    @Test("its failure reaches the reader in its own words, behind what came before")
    func fails() async throws {
        try await bounded {
            let ends = try pair()
            let near = Connection(adopting: ends.near.release(), on: TestLoops.loop, filter: Turning())
            let far = Connection(adopting: ends.far.release(), on: TestLoops.other)
            try await far.write([0] + Array("ok!never".utf8).map(~))
            var bytes: [UInt8] = []
            while bytes.count < 2, let more = try await near.read() { bytes += more }
            #expect(bytes == Array("ok".utf8))
            let error = await #expect(throws: UVError.self) { try await near.read() }
            #expect(error?.code == UVError.protocolCode && error?.description == "turning: protocol error")
        }
    }
}
