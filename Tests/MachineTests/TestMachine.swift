import Foundation
import Glibc
import Machine
import QemuMonitor
import Runtime
import TestSupport
import Testing

/// What every test with a real QEMU needs: a directory, a plan for a guest, and that nothing is left at the end.
struct TestMachine: Sendable {
    static let blocking = BlockingPool(threads: 2, label: "test")
    static let qemu = "/usr/bin/qemu-system-x86_64"
    /// QEMU under TCG on a loaded machine needs a second; this only guards against hanging.
    static let patience = Duration.seconds(25).patient

    let root: String
    var plan: MachinePlan
    var launcher = Launcher(keeper: nil, blocking: Self.blocking)

    var directory: MachineDirectory { plan.directory }

    /// A machine that boots the sector from a raw disk.
    init(_ sector: BootSector, name: String = "test") throws {
        root = FileManager.default.temporaryDirectory.path + "/machine-\(UUID().uuidString.prefix(8).lowercased())"
        try FileManager.default.createDirectory(
            atPath: root, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        try Data(sector.image).write(to: URL(fileURLWithPath: root + "/disk.raw"))
        plan = Self.plan(name: name, root: root)
        plan.disks = [MachinePlan.Disk(file: root + "/disk.raw", format: .raw)]
    }

    static func plan(name: String, root: String) -> MachinePlan {
        let uuid = UUID().uuidString.lowercased()
        return MachinePlan(
            uuid: uuid, name: name, cpus: 1, memoryBytes: 32 << 20, accelerator: .tcg,
            directory: MachineDirectory(root + "/" + uuid), qemuBinary: qemu,
            qemuVersion: QemuVersion(major: 7, minor: 2, micro: 22), machineType: "q35")
    }

    /// Launches, and leaves the guest standing still.
    func launch() async throws -> RunningMachine {
        try await launcher.launch(plan, tapFDs: [], on: TestLoops.loop)
    }

    /// Runs a test against a machine; whatever comes, its process and files are gone afterwards.
    static func with(
        _ sector: BootSector, name: String = "test", _ change: (inout TestMachine) throws -> Void = { _ in },
        _ body: @escaping @Sendable (TestMachine) async throws -> Void
    ) async throws {
        guard try Requirement.need("qemu-system-x86_64") else { return }
        var machine = try TestMachine(sector, name: name)
        try change(&machine)
        let test = machine
        do {
            try await withDeadline(patience, on: TestLoops.other, "the test") { try await body(test) }
        } catch {
            await test.end()
            throw error
        }
        await test.end()
    }

    /// Kills what still runs and removes the files.
    private func end() async {
        if case .running(let pid) = try? Adoption.find(directory),
            let watch = try? ProcessWatch(pid: pid, on: TestLoops.loop)
        {
            try? watch.signal(SIGKILL)
            try? await watch.waitForExit()
        }
        try? FileManager.default.removeItem(atPath: root)
    }
}

extension RunningMachine {
    /// The events until one that `last` accepts, that one included.
    func events(until last: (MonitorEvent) -> Bool) async throws -> [MonitorEvent] {
        var seen: [MonitorEvent] = []
        while let event = try await monitor.events.receive() {
            seen.append(event)
            if last(event) { return seen }
        }
        Issue.record("the session ended after \(seen)")
        return seen
    }

    /// All events that are left.
    func remainingEvents() async throws -> [MonitorEvent] {
        var seen: [MonitorEvent] = []
        while let event = try await monitor.events.receive() { seen.append(event) }
        return seen
    }
}

/// Makes an executable script. Another process writes the file: a descriptor of ours, open for writing, might be copied into
/// a child that is just being started, and nobody could execute the script meanwhile (ETXTBSY).
func writeProgram(_ text: String, to path: String) throws {
    let source = path + ".text"
    try Data(text.utf8).write(to: URL(fileURLWithPath: source))
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/install")
    process.arguments = ["-m", "0755", source, path]
    try process.run()
    process.waitUntilExit()
    try FileManager.default.removeItem(atPath: source)
}
