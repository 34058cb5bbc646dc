import Foundation
import Glibc
import JSON
import Machine
import QemuMonitor
import Runtime
import TestSupport
import Testing

@Suite("Launching machines")
struct LauncherTests {
    private func failure(_ test: TestMachine) async -> MachineError? {
        await #expect(throws: MachineError.self) { _ = try await test.launch() }
    }

    @Test("a QEMU that dies at its start gives its own last words, and no process is left")
    func diesAtStart() async throws {
        try await TestMachine.with(.halts, { $0.plan.machineType = "pc-q35-0.1" }) { test in
            let error = await failure(test)
            #expect(error?.code == .startFailed)
            #expect(error?.message.contains("exited with 1") == true)
            #expect(error?.message.contains("unsupported machine type") == true)
            #expect(error?.message.contains("qemu-system") == false)
            let log = try String(contentsOfFile: test.directory.log, encoding: .utf8)
            #expect(log.contains("unsupported machine type"))
            // Nobody holds the pid file any more.
            #expect(try Adoption.find(test.directory) == .stale)
        }
    }

    @Test("a binary that is no QEMU times out, and is ended")
    func silentBinary() async throws {
        try await TestMachine.with(
            .halts,
            {
                let script = $0.root + "/qemu"
                try writeProgram("#!/bin/sh\nexec sleep 60\n", to: script)
                $0.plan.qemuBinary = script
                $0.launcher.startDeadline = .milliseconds(200)
            }
        ) { test in
            #expect(await failure(test)?.code == .startTimeout)
            let found = try Adoption.find(test.directory)
            #expect(found == .stale)
        }
    }

    @Test("a binary that is missing is named, with what installs it")
    func missingBinary() async throws {
        try await TestMachine.with(.halts, { $0.plan.qemuBinary = "/nowhere/qemu" }) { test in
            let error = await failure(test)
            #expect(error?.code == .notExecutable)
            #expect(error?.message.contains("/nowhere/qemu") == true)
            #expect(error?.fix?.contains("qemu-system-x86") == true)
        }
    }

    @Test("a cancelled launch leaves no process")
    func cancelled() async throws {
        try await TestMachine.with(
            .halts,
            {
                let script = $0.root + "/qemu"
                try Data("#!/bin/sh\n: > \($0.root)/started\nexec sleep 60\n".utf8).write(
                    to: URL(fileURLWithPath: script))
                try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script)
                $0.plan.qemuBinary = script
            }
        ) { test in
            let launch = spawn(on: TestLoops.loop, "launch") { _ = try await test.launch() }
            while access(test.root + "/started", F_OK) != 0 { try await TestLoops.loop.sleep(for: .milliseconds(5)) }
            launch.cancel()
            await #expect(throws: CancellationError.self) { try await launch.value }
            // Another child between its fork and its exec may hold a copy of the locked descriptor for a moment.
            while try Adoption.find(test.directory) == .starting {}
            #expect(try Adoption.find(test.directory) == .stale)
        }
    }

    @Test("a missing kernel is named before anything runs")
    func missingKernel() async throws {
        try await TestMachine.with(.halts, { $0.plan.kernel = "/nowhere/vmlinuz" }) { test in
            let error = await failure(test)
            #expect(error?.code == .fileUnusable)
            #expect(
                error?.message == "the kernel /nowhere/vmlinuz can't be opened for reading: No such file or directory")
        }
    }

    @Test("a plan that contradicts itself is refused, and says where")
    func contradictions() throws {
        let plan = TestMachine.plan(name: "web", root: "/tmp")
        func message(_ change: (inout MachinePlan) -> Void, taps: Int = 0) -> String? {
            var changed = plan
            change(&changed)
            do {
                try changed.check(taps: taps)
                return nil
            } catch {
                return error.message
            }
        }
        #expect(message { _ in } == nil)
        #expect(message({ _ in }, taps: 1)?.contains("0 network cards but 1 taps") == true)
        #expect(message { $0.memoryBytes = 1_000_000 }?.contains("whole MiB") == true)
        #expect(message { $0.cpus = 0 }?.contains("no CPU") == true)
        #expect(message { $0.initrd = "/x" }?.contains("no kernel") == true)
        #expect(message { $0.append = "quiet" }?.contains("no kernel") == true)
        #expect(message { $0.kernel = "vmlinuz" }?.contains("no absolute path") == true)
        let disk = MachinePlan.Disk(file: "/x", format: .raw)
        #expect(message { $0.disks = Array(repeating: disk, count: 33) }?.contains("more than 32 disks") == true)
    }

    @Test("the machine's directory and sockets are closed to others")
    func modes() async throws {
        try await TestMachine.with(.halts) { test in
            let machine = try await test.launch()
            func mode(_ path: String) throws -> Int {
                try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int ?? -1
            }
            #expect(try mode(test.directory.path) == 0o700)
            for path in [test.directory.monitorSocket, test.directory.consoleSocket, test.directory.pidFile] {
                #expect(try mode(path) == 0o600, "\(path)")
            }
            try await machine.quit()
        }
    }

    @Test("a directory whose path is longer than a socket address works")
    func longPath() async throws {
        try await TestMachine.with(
            .halts,
            {
                let deep = $0.root + "/" + String(repeating: "d", count: 120)
                try FileManager.default.createDirectory(atPath: deep, withIntermediateDirectories: true)
                $0.plan.directory = MachineDirectory(deep + "/vm")
            }
        ) { test in
            let machine = try await test.launch()
            await machine.monitor.close()
            guard case .running(let again, _) = try await Adoption.adopt(test.directory, name: "x", on: TestLoops.loop)
            else {
                Issue.record("not adopted")
                return
            }
            try await again.quit()
        }
    }
}
