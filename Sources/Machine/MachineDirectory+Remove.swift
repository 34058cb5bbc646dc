internal import CLinux
internal import Glibc

extension MachineDirectory {
    /// Removes what a machine left, logs included. Only on a positive tombstone of the VM. Blocks.
    ///
    /// - Throws: `MachineError` with the code `alreadyRunning` while a process holds the machine, and
    ///   `directoryUnusable` if something can't be removed. A directory that is not there is no error.
    package func remove() throws(MachineError) {
        let found: AdoptionResult
        do {
            found = try Adoption.find(self)
        } catch {
            throw MachineError(.directoryUnusable, "whether \(path) is in use can't be found out: \(error)")
        }
        switch found {
        case .none, .stale: break
        case .running(let pid): throw MachineError(.alreadyRunning, "process \(pid) still runs in \(path)")
        case .starting: throw MachineError(.alreadyRunning, "a process is just starting in \(path)")
        }
        let logs = [log, consoleLog].flatMap { [$0, CappedLog.older($0)] }
        for name in [monitorSocket, consoleSocket, errorPipe] + logs + [pidFile] {
            if unlink(name) != 0, errno != ENOENT {
                throw MachineError(.directoryUnusable, "\(name) can't be removed: \(Preparation.text(errno))")
            }
        }
        if rmdir(path) != 0, errno != ENOENT {
            throw MachineError(
                .directoryUnusable, "the directory \(path) can't be removed: \(Preparation.text(errno))",
                fix: "look at what else is in it")
        }
    }
}
