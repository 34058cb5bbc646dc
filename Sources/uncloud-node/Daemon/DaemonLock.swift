internal import CLinux
internal import Glibc

/// The lock by which one daemon alone works in a run-time directory. The kernel gives it back with the process, however
/// that ends.
struct DaemonLock: ~Copyable {
    private let descriptor: CInt

    /// Takes the lock.
    ///
    /// - Throws: a failure of status `conflict` that names the other daemon's process.
    init(_ path: String) throws(CommandFailure) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw CommandFailure(
                .refused, "\(path) can't be opened: \(String(cString: strerror(errno)))", field: "node.run-directory",
                fix: "name another with --directory, or make it writable")
        }
        guard cl_lock_file(descriptor) >= 0 else {
            let owner = cl_lock_owner(descriptor)
            cl_close(descriptor)
            let process = owner > 0 ? "process \(owner)" : "another process"
            throw CommandFailure(
                .conflict, "a daemon runs here already: \(process) holds \(path)", field: "node.run-directory",
                fix: "stop it (SIGTERM), or name another --directory")
        }
        self.descriptor = descriptor
        let text = Array("\(getpid())\n".utf8)
        ftruncate(descriptor, 0)
        _ = text.withUnsafeBytes { cl_write(descriptor, $0.baseAddress, $0.count) }
    }

    /// The process that holds the lock, nil where nobody does.
    static func owner(_ path: String) -> CInt? {
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { cl_close(descriptor) }
        let owner = cl_lock_owner(descriptor)
        return owner > 0 ? owner : nil
    }

    deinit { cl_close(descriptor) }
}
