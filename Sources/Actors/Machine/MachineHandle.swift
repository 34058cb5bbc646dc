internal import Machine
internal import QemuMonitor
internal import Runtime

/// A QEMU process under a VM actor's eyes: its end is watched, and its monitor is read while it answers.
struct MachineHandle: Sendable {
    let pid: Int32
    let watch: ProcessWatch
    /// The session; nil while the monitor is silent.
    var running: RunningMachine?
    /// Reads the monitor's events and asks it from time to time.
    var session: [Task<Void, any Error>] = []
    /// Waits for the process's end.
    var vigil: Task<Void, any Error>?

    /// Ends the watching and leaves the process alone.
    func forget() async {
        vigil?.cancel()
        for task in session { task.cancel() }
        await running?.monitor.close()
    }
}
