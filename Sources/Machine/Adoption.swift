internal import CLinux
internal import Glibc
package import QemuMonitor
package import Runtime

/// Who stands behind a machine's directory, by locks alone: a pid file's content may be stale, and pids are used again.
package enum AdoptionResult: Sendable, Hashable {
    /// There is no pid file.
    case none
    /// The kernel names this process as the holder of QEMU's lock.
    case running(pid: Int32)
    /// Somebody was about to execute QEMU, or QEMU has not locked its pid file yet. Look again.
    case starting
    /// A pid file that nobody holds: QEMU crashed or was killed.
    case stale
}

/// A machine found again.
package enum AdoptedMachine: Sendable {
    /// Nothing runs there; `stale` says whether a crashed QEMU left its files.
    case absent(stale: Bool)
    /// It runs and answers.
    case running(RunningMachine, MachineStatus)
    /// It runs, but its monitor doesn't answer. Never kill for this alone: the lock still fences the machine.
    case unresponsive(UnresponsiveMachine)
}

/// A QEMU that lives and doesn't answer.
package struct UnresponsiveMachine: Sendable {
    /// The process.
    package let pid: Int32
    /// Its end.
    package let watch: ProcessWatch
    /// Why there is no session.
    package let reason: MonitorError
}

/// Finding machines that outlived the daemon.
package enum Adoption {
    /// Looks who holds the machine's pid file. Blocks for a few system calls; changes nothing.
    ///
    /// - Throws: `SystemError` when that can't be found out. Only a file that is not there means that nobody is.
    package static func find(_ directory: MachineDirectory) throws(SystemError) -> AdoptionResult {
        let file = open(directory.pidFile, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else {
            let code = errno
            guard code == ENOENT || code == ENOTDIR else {
                throw SystemError(errno: code, operation: "open \(directory.pidFile)")
            }
            return .none
        }
        defer { cl_close(file) }
        let owner = try SystemError.check(cl_lock_owner(file), "find who locks \(directory.pidFile)")
        if owner > 0 { return .running(pid: owner) }
        return cl_flock(file) == 0 ? .stale : .starting
    }

    /// Finds the machine, connects to its monitor and asks for its state.
    ///
    /// - Parameters:
    ///   - directory: the machine's directory.
    ///   - name: for logs.
    ///   - loop: where the session will run.
    ///   - deadline: for the greeting; then again for the first answer.
    /// - Returns: what stands there; a silent monitor is no error.
    /// - Throws: `CancellationError`; `SystemError` if it can't be found out who stands there, or the process can't be
    ///   watched. Nothing follows from that, least of all that nobody is there.
    package static func adopt(
        _ directory: MachineDirectory, name: String, on loop: EventLoop, greetingWithin deadline: Duration = .seconds(5)
    ) async throws -> AdoptedMachine {
        let found = try await settle(directory, on: loop, within: deadline)
        guard case .running(let pid) = found else { return .absent(stale: found != .none) }
        // The pid may have been used again between the two calls; the lock tells.
        guard let watch = try watch(pid, on: loop), try find(directory) == found else {
            return try await adopt(directory, name: name, on: loop, greetingWithin: deadline)
        }
        do {
            let monitor = try await Monitor.connect(
                path: directory.monitorSocket, on: loop, greetingWithin: deadline, label: name)
            return await examine(
                RunningMachine(name: name, pid: pid, directory: directory, monitor: monitor, watch: watch), deadline)
        } catch let error as MonitorError {
            return .unresponsive(UnresponsiveMachine(pid: pid, watch: watch, reason: error))
        }
    }

    private static func examine(_ machine: RunningMachine, _ deadline: Duration) async -> AdoptedMachine {
        do {
            return .running(machine, try await MachineStatus.query(machine.monitor, within: deadline))
        } catch {
            await machine.monitor.close()
            let reason = error as? MonitorError ?? MonitorError(.closed, "\(error)")
            return .unresponsive(UnresponsiveMachine(pid: machine.pid, watch: machine.watch, reason: reason))
        }
    }

    /// Ends whoever holds the machine (SIGKILL by pidfd), or is just about to, and waits for the process to be gone.
    ///
    /// - Returns: the process, nil if nobody held it.
    /// - Throws: `SystemError` if that can't be found out; `MachineError` with the code `stopTimeout` if it is still there.
    @discardableResult
    package static func endHolder(
        of directory: MachineDirectory, on loop: EventLoop, within deadline: Duration = .seconds(10)
    ) async throws -> Int32? {
        while true {
            guard case .running(let pid) = try await settle(directory, on: loop, within: deadline) else { return nil }
            // The number may become another's between the two calls; the lock tells.
            guard let watch = try watch(pid, on: loop), try find(directory) == .running(pid: pid) else { continue }
            try await RunningMachine.kill(watch, name: "process \(pid)", within: deadline)
            return pid
        }
    }

    /// A watch of a process, nil if there is none by now.
    private static func watch(_ pid: Int32, on loop: EventLoop) throws(SystemError) -> ProcessWatch? {
        do {
            return try ProcessWatch(pid: pid, on: loop)
        } catch {
            guard error.errno == ESRCH else { throw error }
            return nil
        }
    }

    /// Waits while a QEMU is between its exec and its lock.
    private static func settle(
        _ directory: MachineDirectory, on loop: EventLoop, within deadline: Duration
    ) async throws -> AdoptionResult {
        let end = ContinuousClock.now + deadline
        while true {
            let found = try find(directory)
            guard found == .starting else { return found }
            guard ContinuousClock.now < end else {
                throw SystemError(errno: EBUSY, operation: "find the process that is starting in \(directory.path)")
            }
            try await loop.sleep(for: .milliseconds(25))
        }
    }
}
