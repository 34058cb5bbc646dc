internal import CLinux
internal import Glibc
internal import JSON
internal import QemuMonitor
package import Runtime

/// Starts QEMU processes that outlive the daemon.
package struct Launcher: Sendable {
    /// Reads the machines' consoles and logs; without one, serial output is lost and the log stays a pipe.
    package var keeper: ConsoleKeeperClient?
    /// From exec to a monitor that answers.
    package var startDeadline: Duration
    private let blocking: BlockingPool

    /// A launcher.
    ///
    /// - Parameters:
    ///   - keeper: the node's console keeper.
    ///   - blocking: where directories, sockets and files are looked after.
    ///   - startDeadline: from exec to a monitor that answers.
    package init(keeper: ConsoleKeeperClient?, blocking: BlockingPool, startDeadline: Duration = .seconds(30)) {
        self.keeper = keeper
        self.blocking = blocking
        self.startDeadline = startDeadline
    }

    /// Starts QEMU and hands over its session; the guest's CPUs stand still until `resume`.
    ///
    /// The caller has stored the intent. Either all of it happens, or no process is left: on an error and on
    /// cancellation QEMU is killed and collected. What then stays is the directory with its logs.
    ///
    /// - Parameters:
    ///   - plan: what to start.
    ///   - tapFDs: the open taps, one for each network card in its order; they stay the caller's.
    ///   - loop: where the session will run.
    /// - Returns: the machine, in the state `prelaunch`.
    /// - Throws: `MachineError`; `CancellationError`.
    package func launch(_ plan: MachinePlan, tapFDs: [CInt], on loop: EventLoop) async throws -> RunningMachine {
        try plan.check(taps: tapFDs.count)
        let plan = DeviceGroup.adapted(plan)
        let prepared = try await blocking.run { try Preparation.make(plan) }
        defer { cl_close(prepared.errors) }
        let connection: Connection
        let process: ChildProcess
        do {
            // Before QEMU is there: no polling, and no console output is missed.
            defer { prepared.closeInherited() }
            let path = plan.directory.monitorSocket
            connection = try await Connection.connect(to: .unix(path: path), on: loop)
            try await keeper?.attach(uuid: plan.uuid, directory: plan.directory, .launching)
            process = try await execute(plan, prepared, tapFDs, on: loop)
        }
        do {
            return try await takeOver(plan, process, connection, on: loop)
        } catch {
            // In a task of its own: a cancelled caller still has the process collected.
            let end = spawn(on: loop, "collect \(plan.name)") {
                try await collect(plan, process, prepared, error, on: loop)
            }
            throw try await end.value
        }
    }

    private func execute(
        _ plan: MachinePlan, _ prepared: Preparation, _ taps: [CInt], on loop: EventLoop
    ) async throws -> ChildProcess {
        let numbers = Argv.Descriptors.standard(taps: taps.count, files: prepared.files)
        var inherited: [CInt: CInt] = [
            2: prepared.errors, numbers.monitor: prepared.monitor, numbers.console: prepared.console,
            numbers.pidFile: prepared.pidFile,
        ]
        for (number, tap) in zip(numbers.taps, taps) { inherited[number] = tap }
        if let number = numbers.kernel { inherited[number] = prepared.files.kernel }
        if let number = numbers.initrd { inherited[number] = prepared.files.initrd }
        for (index, number) in numbers.disks { inherited[number] = prepared.files.disks[index] }
        var spec = ProcessSpec(executable: plan.qemuBinary, arguments: Argv.render(plan, numbers))
        spec.environment = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"]
        spec.inheritedDescriptors = inherited
        spec.uid = plan.uid
        spec.gid = plan.gid
        spec.detached = true
        spec.lockedDescriptor = numbers.pidFile
        spec.directory = "/"
        do {
            return try await CrashPoint.around("exec qemu") { try await ChildProcess.spawn(spec, on: loop) }
        } catch let error as CancellationError {
            throw error
        } catch {
            throw MachineError(
                .notExecutable, "\(plan.qemuBinary) can't be executed: \(error)",
                fix: "install qemu-system-x86, or configure the path of QEMU")
        }
    }

    private func takeOver(
        _ plan: MachinePlan, _ process: ChildProcess, _ connection: Connection, on loop: EventLoop
    ) async throws -> RunningMachine {
        let watch = try ProcessWatch(pid: process.pid, on: loop)
        let monitor = try await Monitor.over(connection, greetingWithin: startDeadline, label: plan.name)
        do {
            try await keeper?.attach(uuid: plan.uuid, directory: plan.directory, .running)
        } catch {
            await monitor.close()
            throw error
        }
        return RunningMachine(
            name: plan.name, pid: process.pid, directory: plan.directory, monitor: monitor, watch: watch)
    }

    /// Ends a process that did not become a machine, and says why.
    private func collect(
        _ plan: MachinePlan, _ process: ChildProcess, _ prepared: Preparation, _ error: any Error, on loop: EventLoop
    ) async throws -> any Error {
        // One that closed its monitor is about to exit by itself, with words that tell more than SIGKILL.
        let died = (error as? MonitorError)?.code == .closed
        if !died { try? process.kill(SIGKILL) }
        let status: ExitStatus
        do {
            status = try await withDeadline(.seconds(2), on: loop, "the exit") { try await process.waitForExit() }
        } catch {
            try? process.kill(SIGKILL)
            status = try await process.waitForExit()
        }
        let words = try await blocking.run { FailureLog.collect(prepared.errors, into: plan.directory.log) }
        try? await keeper?.detach(uuid: plan.uuid)
        guard let error = error as? MonitorError else { return error }
        guard died else {
            return MachineError(
                .startTimeout,
                "QEMU for \(plan.name) was not ready within \(startDeadline) and was ended: \(error.message)",
                fix: "look at \(plan.directory.log)")
        }
        let last = words.isEmpty ? "it said nothing" : words.joined(separator: "; ")
        return MachineError(
            .startFailed, "QEMU for \(plan.name) did not start (\(status)): \(last)",
            fix: "look at \(plan.directory.log)")
    }
}
