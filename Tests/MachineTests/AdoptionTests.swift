import Glibc
import JSON
import Machine
import QemuMonitor
import Runtime
import TestSupport
import Testing

@Suite("Adopting machines")
struct AdoptionTests {
    private func adopt(_ test: TestMachine, within deadline: Duration = .seconds(5)) async throws -> AdoptedMachine {
        try await Adoption.adopt(test.directory, name: "test", on: TestLoops.loop, greetingWithin: deadline)
    }

    @Test("a directory without a pid file holds nothing")
    func nothing() async throws {
        let directory = MachineDirectory("/nowhere/at/all")
        #expect(try Adoption.find(directory) == .none)
        let adopted = try await Adoption.adopt(directory, name: "x", on: TestLoops.loop)
        guard case .absent(stale: false) = adopted else {
            Issue.record("\(adopted)")
            return
        }
        try directory.remove()
    }

    @Test("a machine whose session was forgotten is found again, the same process in the same state")
    func forgotten() async throws {
        try await TestMachine.with(.halts) { test in
            let machine = try await test.launch()
            try await machine.resume()
            await machine.monitor.close()
            guard case .running(let again, let status) = try await adopt(test) else {
                Issue.record("not adopted")
                return
            }
            #expect(again.pid == machine.pid)
            #expect(status == .running)
            try await again.quit()
            #expect(try await again.remainingEvents().last == .shutdown(guest: false, reason: "host-qmp-quit"))
        }
    }

    @Test("a second QEMU for the same directory is refused, and the first goes on")
    func second() async throws {
        try await TestMachine.with(.halts) { test in
            let machine = try await test.launch()
            let error = await #expect(throws: MachineError.self) { _ = try await test.launch() }
            #expect(error?.code == .alreadyRunning)
            #expect(error?.message.contains("process \(machine.pid)") == true)
            #expect(try await machine.status() == .prelaunch)
            let removal = #expect(throws: MachineError.self) { try test.directory.remove() }
            #expect(removal?.code == .alreadyRunning)
            // The socket in the directory is still the first one's.
            await machine.monitor.close()
            guard case .running(let again, _) = try await adopt(test) else {
                Issue.record("the monitor was stolen")
                return
            }
            try await again.quit()
            try test.directory.remove()
            #expect(access(test.directory.path, F_OK) != 0)
        }
    }

    @Test("of two launches at once one wins, and the other is told")
    func race() async throws {
        try await TestMachine.with(.halts) { test in
            let outcomes = await withTaskGroup { group in
                for _ in 0..<2 {
                    group.addTask { () -> Result<RunningMachine, any Error> in
                        do { return .success(try await test.launch()) } catch { return .failure(error) }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            let machines = outcomes.compactMap { try? $0.get() }
            #expect(machines.count == 1)
            for case .failure(let error) in outcomes { #expect((error as? MachineError)?.code == .alreadyRunning) }
            for machine in machines { try await machine.quit() }
        }
    }

    @Test(
        "while another client holds the monitor, the greeting's deadline ends the adoption, and the VM is unresponsive")
    func occupied() async throws {
        try await TestMachine.with(.halts) { test in
            let machine = try await test.launch()
            guard case .unresponsive(let silent) = try await adopt(test, within: .milliseconds(200)) else {
                Issue.record("adopted twice")
                return
            }
            #expect(silent.pid == machine.pid)
            #expect(silent.reason.code == .noGreeting)
            #expect(try await machine.status() == .prelaunch)
            try await machine.quit()
        }
    }

    @Test("a stopped QEMU costs its own callers time-outs; another machine answers meanwhile, and it comes back")
    func silent() async throws {
        try await TestMachine.with(.halts) { test in
            let machine = try await test.launch()
            try await TestMachine.with(.halts, name: "other") { otherTest in
                let other = try await otherTest.launch()
                try machine.watch.signal(SIGSTOP)
                let hung = spawn(on: TestLoops.loop, "hung") { try await machine.status(within: .milliseconds(500)) }
                for _ in 0..<50 {
                    _ = try await other.monitor.execute("query-version", within: .seconds(2))
                }
                let error = await #expect(throws: MonitorError.self) { try await hung.value }
                #expect(error?.code == .timeout)
                await machine.monitor.close()
                guard case .unresponsive(let silent) = try await adopt(test, within: .milliseconds(200)) else {
                    Issue.record("a stopped QEMU was adopted")
                    return
                }
                #expect(silent.pid == machine.pid)
                try machine.watch.signal(SIGCONT)
                guard case .running(let again, .prelaunch) = try await adopt(test) else {
                    Issue.record("it did not come back")
                    return
                }
                try await again.quit()
                try await other.quit()
            }
        }
    }

    @Test("a stopped QEMU can be killed all the same")
    func killStopped() async throws {
        try await TestMachine.with(.halts) { test in
            let machine = try await test.launch()
            try machine.watch.signal(SIGSTOP)
            try await machine.kill()
            #expect(try Adoption.find(test.directory) == .stale)
        }
    }

    @Test("what can't be found out is an error and never means that nobody is there")
    func unknowable() async throws {
        try await TestMachine.with(.halts) { test in
            let machine = try await test.launch()
            await machine.monitor.close()
            let file = test.directory.pidFile
            rename(file, file + ".away")
            symlink(file + ".away", file)
            #expect(throws: SystemError.self) { try Adoption.find(test.directory) }
            await #expect(throws: SystemError.self) { _ = try await adopt(test) }
            let removal = #expect(throws: MachineError.self) { try test.directory.remove() }
            #expect(removal?.code == .directoryUnusable)
            unlink(file)
            rename(file + ".away", file)
            guard case .running(let again, _) = try await adopt(test) else {
                Issue.record("it is not found again")
                return
            }
            #expect(again.pid == machine.pid)
            try await again.quit()
        }
    }

    @Test("a pid file that is locked and whose QEMU does not come is an error too")
    func starting() async throws {
        try await TestMachine.with(.halts) { test in
            mkdir(test.directory.path, 0o700)
            let file = open(test.directory.pidFile, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            defer { close(file) }
            try #require(flock(file, LOCK_EX | LOCK_NB) == 0)
            let error = await #expect(throws: SystemError.self) {
                _ = try await adopt(test, within: .milliseconds(100))
            }
            #expect(error?.errno == EBUSY)
        }
    }

    @Test("the holder of a machine is ended by its lock alone, and where there is none nobody is")
    func endHolder() async throws {
        try await TestMachine.with(.halts) { test in
            #expect(try await Adoption.endHolder(of: test.directory, on: TestLoops.loop) == nil)
            let machine = try await test.launch()
            #expect(try await Adoption.endHolder(of: test.directory, on: TestLoops.loop) == machine.pid)
            try await machine.watch.waitForExit()
            #expect(try Adoption.find(test.directory) == .stale)
            #expect(try await Adoption.endHolder(of: test.directory, on: TestLoops.loop) == nil)
        }
    }
}
