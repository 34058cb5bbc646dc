import JSON
import Machine
import QemuMonitor
import TestSupport
import Testing

@Suite("What QEMU says of a machine")
struct StatusTests {
    @Test(
        "each status has its meaning",
        arguments: [
            ("prelaunch", MachineStatus.prelaunch), ("running", .running), ("paused", .paused),
            ("suspended", .suspended),
            ("shutdown", .poweredOff), ("guest-panicked", .panicked), ("internal-error", .internalError),
            ("io-error", .ioError),
            ("inmigrate", .incoming), ("finish-migrate", .migrated), ("postmigrate", .migrated),
            ("save-vm", .busySnapshot),
            ("restore-vm", .busySnapshot), ("brand-new", .other("brand-new")),
        ])
    func meaning(_ word: String, _ status: MachineStatus) {
        #expect(MachineStatus(qemu: word) == status)
    }

    @Test("only a machine that powered off or crashed is over")
    func over() {
        for status in [MachineStatus.poweredOff, .panicked, .internalError] { #expect(status.isOver) }
        for status in [MachineStatus.prelaunch, .running, .paused, .ioError, .incoming, .migrated, .other("x")] {
            #expect(!status.isOver)
        }
    }

    @Test("QEMU names its version and the machine type behind q35")
    func info() async throws {
        let info = try await QemuInfo.probe(TestMachine.qemu, on: TestLoops.loop)
        #expect(info.version >= QemuVersion(major: 7, minor: 2))
        #expect(info.machineType.hasPrefix("pc-q35-"))
        #expect(info.machineTypes.contains(info.machineType))
        #expect(!info.machineTypes.contains("q35"))
    }

    @Test("a binary that is missing is named, with what installs it")
    func noBinary() async {
        let error = await #expect(throws: MachineError.self) {
            try await QemuInfo.probe("/nowhere/qemu", on: TestLoops.loop)
        }
        #expect(error?.code == .notExecutable)
        #expect(error?.fix?.contains("qemu-system-x86") == true)
    }

    @Test("a binary that ends at once is an error, not a wait")
    func notQemu() async {
        let error = await #expect(throws: MachineError.self) {
            try await QemuInfo.probe("/bin/true", on: TestLoops.loop)
        }
        #expect(error?.code == .startFailed)
    }
}
