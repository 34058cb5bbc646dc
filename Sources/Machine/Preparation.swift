internal import CLinux
internal import Glibc
internal import Runtime

/// What stands before QEMU is executed: the machine's directory, its listening sockets, its locked pid file and the
/// pipe for its errors. All of it blocks, so it is made on a blocking executor.
struct Preparation: Sendable {
    /// Listening; QEMU inherits it.
    let monitor: CInt
    /// Listening; QEMU inherits it.
    let console: CInt
    /// Locked (flock); QEMU inherits it, so the lock holds from now until QEMU's end.
    let pidFile: CInt
    /// What QEMU inherits since its user can't open it by name.
    let files: HandedFiles
    /// QEMU's standard error: it never blocks, and is drained by whoever opens the pipe.
    let errors: CInt

    /// Makes all of it, or nothing but the directory.
    ///
    /// - Parameter plan: a checked one.
    /// - Returns: descriptors that the caller closes.
    /// - Throws: `MachineError` (`directoryUnusable`, `alreadyRunning`, `fileUnusable`).
    static func make(_ plan: MachinePlan) throws(MachineError) -> Preparation {
        let directory = plan.directory
        try makeDirectory(plan)
        var made: [CInt] = []
        do throws(MachineError) {
            let pidFile = try lockPidFile(plan)
            made.append(pidFile)
            let files = try HandedFiles.open(plan)
            made += files.all
            // The lock is ours: whoever left sockets behind is gone.
            let monitor = try listen(directory.monitorSocket)
            made.append(monitor)
            let console = try listen(directory.consoleSocket)
            made.append(console)
            let errors = try checked(cl_make_pipe(directory.errorPipe, 0o600), "make the pipe \(directory.errorPipe)")
            return Preparation(
                monitor: monitor, console: console, pidFile: pidFile, files: files, errors: errors)
        } catch {
            for descriptor in made { cl_close(descriptor) }
            throw error
        }
    }

    /// Closes this side's copies of what QEMU has inherited; `errors` stays open.
    func closeInherited() {
        for descriptor in [monitor, console, pidFile] + files.all { cl_close(descriptor) }
    }

    private static func makeDirectory(_ plan: MachinePlan) throws(MachineError) {
        let path = plan.directory.path
        if mkdir(path, 0o700) != 0, errno != EEXIST {
            throw MachineError(
                .directoryUnusable, "the directory \(path) can't be made: \(text(errno))",
                fix: "make its parent, or choose another run directory")
        }
        // QEMU with a user of its own reaches nothing in it by name (`Argv`).
        try checked(chmod(path, 0o700) == 0 ? 0 : -errno, "close the directory \(path)")
    }

    /// Opens and locks the pid file. A file that was removed between the two is left for the one that is there now.
    private static func lockPidFile(_ plan: MachinePlan) throws(MachineError) -> CInt {
        let path = plan.directory.pidFile
        while true {
            let file = try checked(
                {
                    let opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600);
                    return opened < 0 ? -errno : opened
                }(),
                "open the pid file \(path)")
            guard cl_flock(file) == 0, cl_lock_owner(file) == 0 else {
                let owner = cl_lock_owner(file)
                cl_close(file)
                let who = owner > 0 ? "process \(owner)" : "a process that is just starting"
                throw MachineError(.alreadyRunning, "\(plan.name) runs already: \(who) holds \(path)")
            }
            var opened = stat()
            var named = stat()
            guard fstat(file, &opened) == 0, stat(path, &named) == 0, opened.st_ino == named.st_ino else {
                cl_close(file)
                continue
            }
            return file
        }
    }

    private static func listen(_ path: String) throws(MachineError) -> CInt {
        if unlink(path) != 0, errno != ENOENT {
            throw MachineError(.directoryUnusable, "the stale socket \(path) can't be removed: \(text(errno))")
        }
        let socket = try checked(cl_socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0), "make a socket")
        do throws(MachineError) {
            try checked(cl_unix_bind(socket, path), "bind \(path)")
            try checked(chmod(path, 0o600) == 0 ? 0 : -errno, "close \(path)")
            try checked(cl_listen(socket, 4), "listen on \(path)")
            return socket
        } catch {
            cl_close(socket)
            throw error
        }
    }

    @discardableResult
    private static func checked(_ result: CInt, _ operation: String) throws(MachineError) -> CInt {
        guard result < 0 else { return result }
        throw MachineError(.directoryUnusable, "\(operation): \(text(-result))")
    }

    static func text(_ number: CInt) -> String { SystemError(errno: number, operation: "").message }
}
