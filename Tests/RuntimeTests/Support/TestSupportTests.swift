import Runtime
import TestSupport
import Testing

@Suite("what tests share")
struct TestSupportTests {
    @Test("a manual clock wakes whoever's time has come, and nobody else")
    func clock() async throws {
        let clock = ManualClock()
        let woken = Recorder<Int>()
        try await bounded {
            let sleepers = [10, 20].map { seconds in
                spawn(on: TestLoops.loop, "sleeper") {
                    try await clock.sleep(for: .seconds(seconds))
                    woken.add(seconds)
                }
            }
            try await clock.waitForSleepers(2)
            clock.advance(by: .seconds(15))
            #expect(try await woken.wait(for: 1) == [10])
            sleepers[1].cancel()
            await #expect(throws: CancellationError.self) { try await sleepers[1].value }
            #expect(woken.values == [10])
        }
    }

    @Test("a relay forwards, holds back and cuts")
    func relay() async throws {
        let (descriptor, address) = try Sockets.listening()
        let listener = FDListener(adopting: descriptor, on: TestLoops.loop)
        let relay = try TCPRelay(to: address)
        try await bounded {
            let near = try await Connection.connect(to: relay.address, on: TestLoops.loop)
            let far = Connection(adopting: try await listener.acceptDescriptor(), on: TestLoops.loop)
            try await near.write([1])
            #expect(try await far.read() == [1])
            relay.hold()
            try await near.write([2])
            await #expect(throws: DeadlineError.self) {
                try await withDeadline(.milliseconds(30), on: TestLoops.loop, "held") { try await far.read() }
            }
            relay.release()
            #expect(try await far.read() == [2])
            relay.cut()
            await #expect(throws: UVError.self) { try await near.read() }
            #expect(relay.bytes == 2)
        }
        relay.stop()
    }

    @Test("a temporary directory goes with its object")
    func directory() throws {
        var directory: TemporaryDirectory? = try TemporaryDirectory("gone")
        let path = try #require(directory?.path)
        try directory?.write("text", to: "file")
        #expect(try directory?.read("file") == "text")
        #expect(Requirement.isPresent(path))
        directory = nil
        #expect(!Requirement.isPresent(path))
    }
}
