import JSON
import QemuMonitor
import Runtime
import TestSupport
import Testing

/// Sessions against a fake QEMU: the faults. What a real one does is in MachineTests.
@Suite("A monitor session")
struct MonitorTests {
    private let loop = TestLoops.loop

    private func connect(_ fake: FakeQEMU, within deadline: Duration = .seconds(5)) async throws -> Monitor {
        try await Monitor.connect(path: fake.path, on: loop, greetingWithin: deadline, label: "test")
    }

    /// Runs against a fake, and stops it whatever comes.
    private func with(_ fake: FakeQEMU, _ body: @escaping @Sendable (FakeQEMU) async throws -> Void) async throws {
        defer { fake.stop() }
        try await withDeadline(Duration.seconds(20).patient, on: TestLoops.other, "the test") { try await body(fake) }
    }

    private func code(_ body: () async throws -> Void) async -> MonitorError.Code? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? MonitorError)?.code
        }
    }

    @Test("a command gets its own answer though another's comes first")
    func answersByID() async throws {
        let held = Locked<[Int]>([])
        try await with(
            FakeQEMU(on: loop) { command, _ in
                // The first answer is held back, with the id that it will need.
                if command == "first" {
                    held.withLock { $0.append(1) }
                    return [.silence]
                }
                return [.result("second"), .raw("{\"return\": \"first\", \"id\": 2}\r\n")]
            }
        ) { fake in
            let monitor = try await connect(fake)
            async let first = monitor.execute("first")
            #expect(try await fake.commands.receive() == "first")
            #expect(try await monitor.execute("second") == "second")
            #expect(try await first == "first")
            await monitor.close()
        }
        #expect(held.withLock { $0 } == [1])
    }

    @Test("a refusal names the command and QEMU's error class")
    func refusal() async throws {
        try await with(FakeQEMU(on: loop) { _, _ in [.failure(class: "DeviceNotFound", text: "no such thing")] }) {
            fake in
            let monitor = try await connect(fake)
            let error = await #expect(throws: MonitorError.self) {
                try await monitor.execute("device_del", ["id": "x"])
            }
            #expect(error?.code == .refused)
            #expect(error?.errorClass == "DeviceNotFound")
            #expect(error?.command == "device_del")
            #expect(error?.description.contains("device_del: no such thing (DeviceNotFound)") == true)
            await monitor.close()
        }
    }

    @Test("a command that gets no answer ends at its deadline, and its late answer is dropped")
    func commandDeadline() async throws {
        try await with(FakeQEMU(on: loop) { command, _ in command == "slow" ? [.silence] : [.result(1)] }) { fake in
            let monitor = try await connect(fake)
            let failed = await code { _ = try await monitor.execute("slow", within: .milliseconds(30)) }
            #expect(failed == .timeout)
            try await fake.say(#"{"return": {}, "id": 2}"#)
            #expect(try await monitor.execute("quick") == 1)
            try await fake.say(#"{"return": {}, "id": 2}"#)
            #expect(try await monitor.execute("quick") == 1)
            #expect(await monitor.counters.dropped == 1)
            await monitor.close()
        }
    }

    @Test("errors without an id, unknown ids and unknown kinds are dropped, and the session goes on")
    func strangers() async throws {
        let noise =
            #"{"error": {"class": "GenericError", "desc": "JSON parse error"}}"# + "\r\n"
            + #"{"return": {}, "id": 999}"# + "\r\n" + #"{"return": {}, "id": "x"}"# + "\r\n"
            + #"{"return": {}}"# + "\r\n" + #"{"surprise": true}"# + "\r\n" + FakeQEMU.greeting + "\r\n"
        try await with(FakeQEMU(on: loop) { _, _ in [.raw(noise), .result("fine")] }) { fake in
            let monitor = try await connect(fake)
            #expect(try await monitor.execute("any") == "fine")
            #expect(await monitor.counters.dropped == 6)
            await monitor.close()
        }
    }

    @Test("a cancelled command ends at once with CancellationError")
    func cancellation() async throws {
        try await with(FakeQEMU(on: loop) { _, _ in [.silence] }) { fake in
            let monitor = try await connect(fake)
            let task = spawn(on: TestLoops.other, "command") { try await monitor.execute("slow", within: .seconds(60)) }
            #expect(try await fake.commands.receive() == "slow")
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            await monitor.close()
        }
    }

    @Test("no greeting within the deadline is an error of its own")
    func greetingDeadline() async throws {
        try await with(FakeQEMU(on: loop, greets: false)) { fake in
            #expect(await code { _ = try await connect(fake, within: .seconds(2)) } == .noGreeting)
        }
    }

    @Test("a QEMU that greets but never answers the negotiation is a timeout")
    func negotiationDeadline() async throws {
        try await with(FakeQEMU(on: loop, reads: false)) { fake in
            #expect(await code { _ = try await connect(fake, within: .seconds(2)) } == .timeout)
        }
    }

    @Test("a socket that nobody listens on is unreachable")
    func unreachable() async throws {
        let error = await #expect(throws: MonitorError.self) {
            try await Monitor.connect(path: "/nowhere/qmp.sock", on: loop, greetingWithin: .seconds(5), label: "test")
        }
        #expect(error?.code == .unreachable)
        #expect(error?.message.contains("/nowhere/qmp.sock") == true)
    }

    @Test("an end of the stream fails the commands in flight and finishes the events", arguments: [false, true])
    func endOfStream(reset: Bool) async throws {
        try await with(FakeQEMU(on: loop) { _, _ in [.silence] }) { fake in
            let monitor = try await connect(fake)
            let task = spawn(on: TestLoops.other, "command") { try await monitor.execute("slow", within: .seconds(60)) }
            #expect(try await fake.commands.receive() == "slow")
            fake.hangUp(reset: reset)
            #expect(await code { _ = try await task.value } == .closed)
            #expect(try await monitor.events.receive() == nil)
            let ending = await monitor.waitForEnd()
            #expect(ending?.reason.code == .closed)
            #expect(ending?.shutdown == nil)
            #expect(ending?.byUs == false)
            #expect(await code { _ = try await monitor.execute("more") } == .closed)
        }
    }

    @Test("SHUTDOWN before the end tells why, so that the end is no crash")
    func shutdown() async throws {
        try await with(FakeQEMU(on: loop)) { fake in
            let monitor = try await connect(fake)
            async let waited = monitor.waitForShutdown()
            try await fake.emit("SHUTDOWN", #"{"guest": false, "reason": "host-signal"}"#)
            #expect(await waited == MonitorShutdown(guest: false, reason: "host-signal"))
            fake.hangUp()
            let ending = await monitor.waitForEnd()
            #expect(ending?.shutdown?.reason == "host-signal")
            #expect(try await monitor.events.receive() == .shutdown(guest: false, reason: "host-signal"))
            #expect(try await monitor.events.receive() == nil)
        }
    }

    @Test("a closed session fails its commands, and closing twice is nothing")
    func closing() async throws {
        try await with(FakeQEMU(on: loop) { _, _ in [.silence] }) { fake in
            let monitor = try await connect(fake)
            let task = spawn(on: TestLoops.other, "command") { try await monitor.execute("slow", within: .seconds(60)) }
            #expect(try await fake.commands.receive() == "slow")
            await monitor.close()
            await monitor.close()
            #expect(await code { _ = try await task.value } == .closed)
            #expect(await monitor.waitForEnd()?.byUs == true)
            #expect(await monitor.waitForShutdown() == nil)
        }
    }

    @Test("events nobody reads are drained, dropped beyond the queue and told as lagged")
    func unreadEvents() async throws {
        let flood = String(
            repeating: "{\"event\": \"RESET\", \"data\": {\"guest\": true, \"reason\": \"guest-reset\"}}\r\n",
            count: 5000)
        try await with(FakeQEMU(on: loop) { _, _ in [.raw(flood), .result("drained")] }) { fake in
            let monitor = try await connect(fake)
            #expect(try await monitor.execute("any") == "drained")
            let counters = await monitor.counters
            #expect(counters.events == 5000)
            #expect(counters.lostEvents == 5000 - 256)
            for _ in 0..<256 {
                #expect(try await monitor.events.receive() == .reset(guest: true, reason: "guest-reset"))
            }
            try await fake.emit("RESUME")
            #expect(try await monitor.events.receive() == .lagged(dropped: 5000 - 256))
            #expect(try await monitor.events.receive() == .resume)
            await monitor.close()
        }
    }

    @Test("a line above the limit ends the session with a clear error")
    func tooLarge() async throws {
        let line = "{\"return\": \"" + String(repeating: "x", count: 100_000) + "\", \"id\": 2}\r\n"
        try await with(FakeQEMU(on: loop) { _, _ in [.raw(line)] }) { fake in
            let monitor = try await Monitor.connect(
                path: fake.path, on: loop, greetingWithin: .seconds(5), label: "test", lineLimit: 65536)
            #expect(await code { _ = try await monitor.execute("big") } == .tooLarge)
            #expect(await monitor.waitForEnd()?.reason.code == .tooLarge)
        }
    }

    @Test("a reply of a megabyte comes whole")
    func largeReply() async throws {
        let text = String(repeating: "x", count: 1 << 20)
        try await with(FakeQEMU(on: loop) { _, _ in [.result(.string(text))] }) { fake in
            let monitor = try await connect(fake)
            #expect(try await monitor.execute("big") == .string(text))
            await monitor.close()
        }
    }

    @Test("what is no JSON ends the session as malformed")
    func malformed() async throws {
        try await with(FakeQEMU(on: loop) { _, _ in [.raw("{\"return\": nonsense}\r\n")] }) { fake in
            let monitor = try await connect(fake)
            #expect(await code { _ = try await monitor.execute("any") } == .malformed)
        }
    }

    @Test("a QEMU that doesn't read costs errors, not memory: unanswered commands are limited")
    func busy() async throws {
        try await with(FakeQEMU(on: loop) { _, _ in [.silence] }) { fake in
            let monitor = try await connect(fake)
            for _ in 0..<128 {
                #expect(await code { _ = try await monitor.execute("slow", within: .milliseconds(1)) } == .timeout)
            }
            #expect(await code { _ = try await monitor.execute("slow") } == .busy)
            await monitor.close()
        }
    }

    @Test("a hundred silent monitors don't slow one that answers, on the same loop")
    func isolation() async throws {
        let answering = try await FakeQEMU(on: loop)
        var silent: [FakeQEMU] = []
        for _ in 0..<100 { silent.append(try await FakeQEMU(on: loop) { _, _ in [.silence] }) }
        let fakes = silent
        defer { for fake in fakes { fake.stop() } }
        try await with(answering) { fake in
            let monitor = try await connect(fake)
            var hung: [Monitor] = []
            for fake in fakes {
                let other = try await connect(fake)
                hung.append(other)
                spawn(on: loop, "hung") { try await other.execute("slow", within: .seconds(60)) }
            }
            for fake in fakes { #expect(try await fake.commands.receive() == "slow") }
            for _ in 0..<1000 { #expect(try await monitor.execute("quick", within: .seconds(2)) == [:]) }
            for other in hung { await other.close() }
            await monitor.close()
        }
    }
}
