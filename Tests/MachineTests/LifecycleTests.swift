import Glibc
import JSON
import Machine
import QemuMonitor
import Runtime
import TestSupport
import Testing

/// Why a machine stops, as QEMU tells it: each row with a real QEMU under TCG and a guest of a few bytes.
@Suite("The life of a machine")
struct LifecycleTests {
    @Test("a launched machine stands still until it is resumed, and quit ends it with SHUTDOWN")
    func launchAndQuit() async throws {
        try await TestMachine.with(.halts) { test in
            let machine = try await test.launch()
            #expect(try await machine.status() == .prelaunch)
            #expect(try Adoption.find(test.directory) == .running(pid: machine.pid))
            try await machine.resume()
            #expect(try await machine.status() == .running)
            try await machine.pause()
            #expect(try await machine.status() == .paused)
            try await machine.quit()
            let events = try await machine.remainingEvents()
            #expect(events == [.resume, .stop, .shutdown(guest: false, reason: "host-qmp-quit")])
            #expect(await machine.monitor.ending?.shutdown?.reason == "host-qmp-quit")
            #expect(machine.watch.hasEnded)
            #expect(try await Adoption.adopt(test.directory, name: "test", on: TestLoops.loop).isAbsent)
        }
    }

    @Test("a guest that powers off leaves QEMU to tell so")
    func powersOff() async throws {
        try await TestMachine.with(.powersOff) { test in
            let machine = try await test.launch()
            try await machine.resume()
            #expect(await machine.monitor.waitForShutdown() == MonitorShutdown(guest: true, reason: "guest-shutdown"))
            let events = try await machine.events { $0 == .stop }
            #expect(events == [.resume, .shutdown(guest: true, reason: "guest-shutdown"), .stop])
            let status = try await machine.status()
            #expect(status == .poweredOff)
            #expect(status.isOver)
            try await machine.quit()
        }
    }

    @Test("a guest that resets runs on", arguments: [BootSector.resets, .tripleFaults])
    func resets(_ sector: BootSector) async throws {
        try await TestMachine.with(sector) { test in
            let machine = try await test.launch()
            try await machine.resume()
            let reset = MonitorEvent.reset(guest: true, reason: "guest-reset")
            #expect(try await machine.events { $0 == reset } == [.resume, reset])
            #expect(try await machine.events { $0 == reset } == [reset])
            #expect(try await machine.status() == .running)
            try await machine.kill()
        }
    }

    @Test("a guest's panic stops it and is told")
    func panics() async throws {
        try await TestMachine.with(.panics) { test in
            let machine = try await test.launch()
            try await machine.resume()
            let events = try await machine.events { $0 == .stop }
            #expect(events == [.resume, .guestPanicked(action: "pause"), .stop])
            let status = try await machine.status()
            #expect(status == .panicked)
            #expect(status.isOver)
            try await machine.quit()
        }
    }

    @Test("a guest that ignores the power button runs on")
    func ignoresPowerdown() async throws {
        try await TestMachine.with(.halts) { test in
            let machine = try await test.launch()
            try await machine.resume()
            _ = try await machine.monitor.execute("system_powerdown")
            #expect(try await machine.events { $0 == .powerdown } == [.resume, .powerdown])
            #expect(try await machine.status() == .running)
            try await machine.quit()
        }
    }

    @Test("SIGTERM to QEMU is told as the host's signal, then the session ends")
    func terminated() async throws {
        try await TestMachine.with(.halts) { test in
            let machine = try await test.launch()
            try await machine.resume()
            try machine.watch.signal(SIGTERM)
            #expect(await machine.monitor.waitForShutdown() == MonitorShutdown(guest: false, reason: "host-signal"))
            #expect(await machine.monitor.waitForEnd()?.shutdown?.reason == "host-signal")
            try await machine.waitForExit(within: .seconds(10))
        }
    }

    @Test("SIGKILL to QEMU is a crash: the session ends without SHUTDOWN, and the files stay behind")
    func killed() async throws {
        try await TestMachine.with(.halts) { test in
            let machine = try await test.launch()
            try await machine.resume()
            try machine.watch.signal(SIGKILL)
            let ending = await machine.monitor.waitForEnd()
            #expect(ending?.reason.code == .closed)
            #expect(ending?.shutdown == nil)
            try await machine.waitForExit(within: .seconds(10))
            #expect(try Adoption.find(test.directory) == .stale)
            #expect(access(test.directory.monitorSocket, F_OK) == 0)
            // What a crash left is no hindrance.
            let again = try await test.launch()
            #expect(again.pid != machine.pid)
            try await again.quit()
        }
    }

    @Test("reset is the host's, and told so")
    func hostReset() async throws {
        try await TestMachine.with(.halts) { test in
            let machine = try await test.launch()
            try await machine.resume()
            try await machine.reset()
            let reset = MonitorEvent.reset(guest: false, reason: "host-qmp-system-reset")
            #expect(try await machine.events { $0 == reset } == [.resume, reset])
            try await machine.quit()
        }
    }

    @Test("query-qmp-schema, some two hundred kilobytes, comes whole")
    func largeReply() async throws {
        try await TestMachine.with(.halts) { test in
            let machine = try await test.launch()
            let before = await machine.monitor.counters.bytes
            let schema = try await machine.monitor.execute("query-qmp-schema")
            #expect((schema.arrayValue?.count ?? 0) > 500)
            #expect(await machine.monitor.counters.bytes - before > 150_000)
            try await machine.quit()
        }
    }
}

extension AdoptedMachine {
    var isAbsent: Bool {
        if case .absent = self { true } else { false }
    }
}
