internal import CLinux
internal import Glibc
internal import Runtime

/// The keeper's listening socket and lock, seen from both sides.
enum KeeperSocket {
    /// Binds the socket in the place of a dead keeper's. Only while the lock is free or one's own.
    static func bind(_ options: KeeperOptions) throws(SystemError) -> CInt {
        if unlink(options.socket) != 0, errno != ENOENT {
            throw SystemError(errno: errno, operation: "remove the stale socket \(options.socket)")
        }
        let descriptor = try Listener.socket(on: .unix(path: options.socket), backlog: 128)
        guard chmod(options.socket, 0o600) == 0 else {
            let error = errno
            cl_close(descriptor)
            throw SystemError(errno: error, operation: "close \(options.socket) to others")
        }
        return descriptor
    }

    /// The keeper that runs, or 0.
    static func owner(_ options: KeeperOptions) -> Int32 {
        let file = open(options.pidFile, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { return 0 }
        defer { cl_close(file) }
        return max(cl_lock_owner(file), 0)
    }
}
