import Foundation
import Glibc
import Machine
import QemuMonitor
import Runtime
import TestSupport
import Testing

/// QEMU as a user of its own; only root can do that.
@Suite("Machines with a user of their own")
struct OwnUserTests {
    private static let nobody: UInt32 = 65534

    private func asNobody(_ test: inout TestMachine) {
        test.plan.uid = Self.nobody
        test.plan.gid = Self.nobody
    }

    @Test("QEMU runs as that user, without groups and capabilities, and its directory stays closed to it")
    func runs() async throws {
        guard try Requirement.need("root") else { return }
        try await TestMachine.with(
            .powersOff,
            {
                asNobody(&$0)
                #expect(chown($0.plan.disks[0].file, Self.nobody, Self.nobody) == 0)
            }
        ) { test in
            let machine = try await test.launch()
            let status = try String(contentsOfFile: "/proc/\(machine.pid)/status", encoding: .utf8)
            #expect(status.contains("Uid:\t65534\t65534\t65534\t65534"))
            #expect(status.contains("Gid:\t65534\t65534\t65534\t65534"))
            #expect(status.contains("Groups:\t \n"))
            #expect(status.contains("CapEff:\t0000000000000000"))
            #expect(status.contains("Seccomp:\t2"))
            var directory = stat()
            #expect(stat(test.directory.path, &directory) == 0)
            #expect(directory.st_uid == 0)
            #expect(directory.st_mode & 0o777 == 0o700)
            try await machine.resume()
            #expect(await machine.monitor.waitForShutdown()?.guest == true)
            try await machine.quit()
            // The pid file outlives this QEMU, which may not remove it; the lock tells that nobody is there.
            #expect(try Adoption.find(test.directory) == .stale)
        }
    }

    @Test(
        "a disk that is root's alone, in a directory that is root's alone, is passed, and stays root's",
        arguments: [true, false])
    func closedDisk(isRaw: Bool) async throws {
        guard try Requirement.need("root", "qemu-img") else { return }
        try await TestMachine.with(
            .powersOff,
            {
                asNobody(&$0)
                try close(&$0, asRaw: isRaw)
            }
        ) { test in
            let machine = try await test.launch()
            let status = try String(contentsOfFile: "/proc/\(machine.pid)/status", encoding: .utf8)
            #expect(status.contains("CapEff:\t0000000000000000"))
            // The guest boots from it: its sector powers off.
            try await machine.resume()
            #expect(await machine.monitor.waitForShutdown()?.guest == true)
            try await machine.quit()
            var disk = stat()
            #expect(stat(test.plan.disks[0].file, &disk) == 0)
            #expect(disk.st_uid == 0 && disk.st_mode & 0o777 == 0o600)
        }
    }

    /// Moves the disk into a directory of root's alone, as qcow2 where it isn't to be raw.
    private func close(_ test: inout TestMachine, asRaw: Bool) throws {
        let closed = test.root + "/closed"
        try FileManager.default.createDirectory(
            atPath: closed, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let disk = closed + (asRaw ? "/disk.raw" : "/disk.qcow2")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/qemu-img")
        process.arguments = ["convert", "-O", asRaw ? "raw" : "qcow2", test.plan.disks[0].file, disk]
        try process.run()
        process.waitUntilExit()
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: disk)
        test.plan.disks = [MachinePlan.Disk(file: disk, format: asRaw ? .raw : .qcow2)]
    }

    @Test("a kernel that is root's alone is passed as a copy that nobody can change")
    func closedKernel() async throws {
        guard try Requirement.need("root") else { return }
        try await TestMachine.with(
            .halts,
            {
                asNobody(&$0)
                let kernel = $0.root + "/kernel"
                try Data(repeating: 7, count: 3 << 20).write(to: URL(fileURLWithPath: kernel))
                try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: kernel)
                $0.plan.kernel = kernel
            }
        ) { test in
            // QEMU reads whatever it is given as a kernel; what it can't read ends it.
            let machine = try await test.launch()
            let words = try String(contentsOfFile: "/proc/\(machine.pid)/cmdline", encoding: .utf8)
            #expect(words.contains("-kernel\0/proc/self/fd/"))
            try await machine.quit()
        }
    }

    @Test("an image with a backing file that would have to be passed is refused with the way out")
    func backing() async throws {
        guard try Requirement.need("root", "qemu-img") else { return }
        try await TestMachine.with(
            .halts,
            {
                asNobody(&$0)
                let (base, top) = ($0.plan.disks[0].file, $0.root + "/top.qcow2")
                let process = Process()
                process.executableURL = URL(fileURLWithPath: "/usr/bin/qemu-img")
                process.arguments = ["create", "-q", "-f", "qcow2", "-F", "raw", "-b", base, top]
                try process.run()
                process.waitUntilExit()
                try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: top)
                $0.plan.disks = [MachinePlan.Disk(file: top, format: .qcow2)]
            }
        ) { test in
            let error = await #expect(throws: MachineError.self) { _ = try await test.launch() }
            #expect(error?.code == .fileUnusable)
            #expect(error?.fix?.contains("qemu-img convert") == true)
        }
    }

    @Test("a file that is not there is named, and no user is blamed")
    func missing() async throws {
        guard try Requirement.need("root") else { return }
        try await TestMachine.with(
            .halts,
            {
                asNobody(&$0)
                $0.plan.kernel = $0.root + "/nowhere"
            }
        ) { test in
            let error = await #expect(throws: MachineError.self) { _ = try await test.launch() }
            #expect(error?.code == .fileUnusable)
            #expect(error?.fix == "check the path")
        }
    }
}
