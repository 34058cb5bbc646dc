internal import Glibc
internal import JSON
package import QemuMonitor
package import Runtime

/// A QEMU process with a session: just launched, or adopted.
package struct RunningMachine: Sendable {
    /// For logs.
    package let name: String
    /// The process.
    package let pid: Int32
    /// Its directory.
    package let directory: MachineDirectory
    /// The session.
    package let monitor: Monitor
    /// The process's end, whoever's child it is.
    package let watch: ProcessWatch

    /// What QEMU says of the machine now.
    package func status(within deadline: Duration = .seconds(10)) async throws -> MachineStatus {
        try await MachineStatus.query(monitor, within: deadline)
    }

    /// Lets the CPUs run. Never for a machine that is `incoming` or `migrated`.
    package func resume(within deadline: Duration = .seconds(10)) async throws {
        _ = try await monitor.execute("cont", within: deadline)
    }

    /// Stops the CPUs.
    package func pause(within deadline: Duration = .seconds(10)) async throws {
        _ = try await monitor.execute("stop", within: deadline)
    }

    /// Resets the guest as a reset button does.
    package func reset(within deadline: Duration = .seconds(10)) async throws {
        _ = try await monitor.execute("system_reset", within: deadline)
    }

    /// Ends QEMU and waits for the process to be gone; whatever the guest did not write is lost.
    ///
    /// - Parameter deadline: for all of it.
    /// - Throws: `MachineError` with the code `stopTimeout` if the process is still there.
    package func quit(within deadline: Duration = .seconds(10)) async throws {
        do {
            _ = try await monitor.execute("quit", within: deadline)
        } catch let error as MonitorError where error.code == .closed {
            // QEMU may close before its answer is read; the process's end decides.
        }
        try await waitForExit(within: deadline)
    }

    /// Kills QEMU (SIGKILL by pidfd) and waits for the process to be gone. Works on a stopped or hung process too.
    ///
    /// - Throws: `MachineError` with the code `stopTimeout` if the process is still there: it hangs in the kernel.
    package func kill(within deadline: Duration = .seconds(10)) async throws {
        try await Self.kill(watch, name: name, within: deadline)
        await monitor.close()
    }

    /// Waits for the process to be gone, and closes the session.
    package func waitForExit(within deadline: Duration) async throws {
        try await Self.wait(watch, name: name, within: deadline)
        await monitor.close()
    }

    static func kill(_ watch: ProcessWatch, name: String, within deadline: Duration) async throws {
        do {
            try watch.signal(SIGKILL)
        } catch  where error.errno == ESRCH {
            return
        }
        try await wait(watch, name: name, within: deadline)
    }

    static func wait(_ watch: ProcessWatch, name: String, within deadline: Duration) async throws {
        do {
            try await withDeadline(deadline, on: watch.loop, "the end of \(name)") { try await watch.waitForExit() }
        } catch is DeadlineError {
            throw MachineError(
                .stopTimeout, "the process of \(name) is still there after \(deadline)",
                fix: "look at it with ps and dmesg")
        }
    }
}

extension UnresponsiveMachine {
    /// Kills the process (SIGKILL by pidfd), for an operator who forces it; see `RunningMachine.kill`.
    package func kill(within deadline: Duration = .seconds(10)) async throws {
        try await RunningMachine.kill(watch, name: "process \(pid)", within: deadline)
    }
}
