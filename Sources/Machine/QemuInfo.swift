internal import CLinux
internal import Glibc
internal import JSON
package import QemuMonitor
package import Runtime

/// What a QEMU binary is: asked of the binary itself by a monitor session, not read out of its help text.
package struct QemuInfo: Sendable, Hashable, Codable {
    /// The program.
    package var binary: String
    /// Its version.
    package var version: QemuVersion
    /// The versioned name behind the alias `q35`, to be stored in plans.
    package var machineType: String
    /// All versioned machine types it can run, for adopting older plans.
    package var machineTypes: [String]

    /// Starts the binary with an empty machine and asks it.
    ///
    /// - Parameters:
    ///   - binary: a path, or a name in PATH.
    ///   - loop: where the session runs.
    ///   - deadline: for all of it.
    /// - Returns: the finding; nothing is left running.
    /// - Throws: `MachineError` (`notExecutable`, `startFailed`); `CancellationError`.
    package static func probe(
        _ binary: String, on loop: EventLoop, within deadline: Duration = .seconds(15)
    ) async throws -> QemuInfo {
        do {
            return try await withDeadline(deadline, on: loop, "asking \(binary)") {
                try await ask(binary, on: loop, deadline)
            }
        } catch let error as MonitorError {
            throw MachineError(.startFailed, "\(binary) can't be asked what it is: \(error)")
        } catch let error as DeadlineError {
            throw MachineError(.startFailed, "\(binary) can't be asked what it is: \(error)")
        }
    }

    private static func ask(_ binary: String, on loop: EventLoop, _ deadline: Duration) async throws -> QemuInfo {
        var pair: [CInt] = [-1, -1]
        try SystemError.check(cl_socketpair(CInt(SOCK_STREAM.rawValue), &pair), "socketpair")
        let connection = Connection(adopting: pair[0], on: loop)
        var spec = ProcessSpec(
            executable: binary,
            arguments: [
                "-no-user-config", "-nodefaults", "-S", "-display", "none", "-machine", "none", "-chardev",
                "socket,id=monitor,fd=3", "-mon", "chardev=monitor,mode=control",
            ])
        spec.inheritedDescriptors = [3: pair[1]]
        spec.deathSignal = SIGKILL
        let process: ChildProcess
        do {
            defer { cl_close(pair[1]) }
            process = try await CrashPoint.around("exec probe") { try await ChildProcess.spawn(spec, on: loop) }
        } catch let error as SystemError {
            throw MachineError(
                .notExecutable, "\(binary) can't be executed: \(error)",
                fix: "install qemu-system-x86, or configure the path of QEMU")
        }
        defer { try? process.kill(SIGKILL) }
        let monitor = try await Monitor.over(connection, greetingWithin: deadline, label: "probe")
        let machines = try await monitor.execute("query-machines").arrayValue ?? []
        let version = await monitor.greeting?.version
        await monitor.close()
        return try read(binary, version ?? QemuVersion(major: 0, minor: 0), machines)
    }

    static func read(_ binary: String, _ version: QemuVersion, _ machines: [JSONValue]) throws(MachineError) -> QemuInfo
    {
        let names = machines.compactMap { $0["name"]?.stringValue }.filter { $0.hasPrefix("pc-q35-") }.sorted()
        guard let q35 = machines.first(where: { $0["alias"]?.stringValue == "q35" })?["name"]?.stringValue else {
            throw MachineError(
                .notExecutable, "\(binary) has no machine of type q35",
                fix: "install qemu-system-x86 and use its binary")
        }
        return QemuInfo(binary: binary, version: version, machineType: q35, machineTypes: names)
    }
}
