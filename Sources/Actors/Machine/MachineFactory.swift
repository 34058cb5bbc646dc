internal import CLinux
internal import Foundation
package import Machine
internal import Model
internal import QemuMonitor
package import Runtime

/// Makes machines of VM records: chooses the accelerator, the user and the directory, starts QEMU, finds it again.
package struct MachineFactory: Sendable {
    package let accelerator: MachinePlan.Accelerator
    private let qemu: QemuInfo
    private let configuration: NodeConfiguration
    private let userBase: UInt32?
    private let launcher: Launcher
    private let blocking: BlockingPool
    private let gate: AsyncChannel<Void>

    package var qemuVersion: String { "\(qemu.version)" }

    /// Launches at a time: each costs a core for a moment.
    private static let launches = 4

    /// Asks QEMU for its version and finds out whether KVM boots a guest.
    ///
    /// - Throws: `ProblemError` `qemu.missing` when QEMU can't be run.
    package static func probe(_ configuration: NodeConfiguration, keeper: ConsoleKeeperClient, on loop: EventLoop)
        async throws -> MachineFactory
    {
        let blocking = BlockingPool(threads: 4, label: "machines")
        let qemu: QemuInfo
        do {
            qemu = try await QemuInfo.probe(configuration.qemuBinary, on: loop)
        } catch let error as MachineError {
            throw ProblemError(
                status: 500, code: "qemu.missing", title: "QEMU can't be run", detail: error.message,
                fix: error.fix ?? "apt-get install qemu-system-x86")
        }
        let accelerator: MachinePlan.Accelerator
        switch configuration.accelerator {
        case .kvm: accelerator = .kvm
        case .tcg: accelerator = .tcg
        case .auto: accelerator = await probeKVM(qemu: configuration.qemuBinary, on: loop).isUsable ? .kvm : .tcg
        }
        return MachineFactory(
            accelerator: accelerator, qemu: qemu, configuration: configuration,
            userBase: Self.usableBase(configuration.vmUserBase), keeper: keeper, blocking: blocking)
    }

    private init(
        accelerator: MachinePlan.Accelerator, qemu: QemuInfo, configuration: NodeConfiguration, userBase: UInt32?,
        keeper: ConsoleKeeperClient, blocking: BlockingPool
    ) {
        self.accelerator = accelerator
        self.qemu = qemu
        self.configuration = configuration
        self.userBase = userBase
        self.blocking = blocking
        launcher = Launcher(keeper: keeper, blocking: blocking)
        gate = AsyncChannel(capacity: Self.launches)
    }

    /// Starts QEMU for a record, unless that is not wanted any more when its turn comes. The taps are closed here, whatever
    /// happens.
    func launch(
        _ record: VMRecord, taps: [Int32], on loop: EventLoop, unless isUnwanted: @Sendable () async -> Bool
    ) async throws -> RunningMachine {
        defer { for tap in taps { cl_close(tap) } }
        try await gate.send(())
        defer { _ = gate.tryReceive() }
        if await isUnwanted() { throw MachineError(.startFailed, "its start was cut off") }
        let plan = plan(record)
        try await blocking.run {
            try FileManager.default.createDirectory(
                atPath: configuration.runDirectory + "/vms", withIntermediateDirectories: true)
        }
        return try await launcher.launch(plan, tapFDs: taps, on: loop)
    }

    /// Looks for a record's process.
    func adopt(_ record: VMRecord, on loop: EventLoop) async throws -> AdoptedMachine {
        try await Adoption.adopt(directory(record), name: record.name.text, on: loop)
    }

    /// Ends whoever holds a record's machine, see `Adoption.endHolder`.
    func endHolder(of record: VMRecord, on loop: EventLoop) async throws {
        try await Adoption.endHolder(of: directory(record), on: loop)
    }

    func removeDirectory(of record: VMRecord) async throws {
        let directory = directory(record)
        try await blocking.run { try directory.remove() }
    }

    /// The names in the machines' directory: a VM's id each.
    func directories() async throws -> [String] {
        try await blocking.run {
            (try? FileManager.default.contentsOfDirectory(atPath: configuration.runDirectory + "/vms")) ?? []
        }
    }

    private func directory(_ record: VMRecord) -> MachineDirectory {
        MachineDirectories(runDirectory: configuration.runDirectory)[record.uuid]
    }

    func plan(_ record: VMRecord) -> MachinePlan {
        let spec = record.resolved
        let user = userBase.map { $0 + (record.numbers.first ?? 0) }
        return MachinePlan(
            uuid: record.uuid.text, name: record.name.text, cpus: spec.cpus, memoryBytes: spec.memory,
            kernel: spec.kernel, initrd: spec.initrd, append: spec.append,
            disks: spec.disks.map {
                MachinePlan.Disk(
                    file: $0.file, format: $0.format == .raw ? .raw : .qcow2, readOnly: $0.readOnly ?? false)
            },
            nics: record.nics.map { MachinePlan.NIC(mac: $0.mac.description, tapName: $0.tap) },
            accelerator: accelerator, directory: directory(record), qemuBinary: configuration.qemuBinary,
            qemuVersion: qemu.version, machineType: qemu.machineType, uid: user, gid: user)
    }

    /// Users of one's own are for root alone, and only where the whole range exists: in a user namespace it does not.
    private static func usableBase(_ base: UInt32?) -> UInt32? {
        guard let base, geteuid() == 0,
            let map = try? String(contentsOfFile: "/proc/self/uid_map", encoding: .ascii)
        else { return nil }
        let last = UInt64(base) + UInt64(NICRecord.numbers.upperBound)
        let holds = map.split(separator: "\n").contains { line in
            let numbers = line.split(separator: " ").compactMap { UInt64($0) }
            return numbers.count == 3 && numbers[0] <= UInt64(base) && last < numbers[0] + numbers[2]
        }
        return holds ? base : nil
    }
}
