internal import CLinux
internal import Glibc

/// The control API's listening socket. It stands at its path only once its mode is right, and replaces what an earlier
/// daemon left, in one step.
enum APISocket {
    /// A listening descriptor, bound at `path`, mode 0660, of this group where one is given.
    ///
    /// - Throws: a failure that names the field.
    static func listen(at path: String, group: gid_t?) throws(CommandFailure) -> CInt {
        let fresh = path + ".new"
        unlink(fresh)
        let descriptor = cl_socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw failure(path, -descriptor) }
        var isDone = false
        defer { if !isDone { cl_close(descriptor) } }
        let bound = cl_unix_bind(descriptor, fresh)
        guard bound >= 0 else { throw failure(path, -bound) }
        if let group {
            guard chown(fresh, uid_t.max, group) == 0 else { throw failure(path, errno) }
        }
        guard chmod(fresh, 0o660) == 0 else { throw failure(path, errno) }
        let listening = cl_listen(descriptor, 128)
        guard listening >= 0 else { throw failure(path, -listening) }
        guard rename(fresh, path) == 0 else { throw failure(path, errno) }
        isDone = true
        return descriptor
    }

    /// Lets the members of this group reach the socket through its directory, and nobody else.
    ///
    /// - Throws: a failure that names the field.
    static func open(directory: String, to group: gid_t) throws(CommandFailure) {
        guard chown(directory, uid_t.max, group) == 0, chmod(directory, 0o710) == 0 else {
            throw failure(directory, errno)
        }
    }

    /// The number of a group.
    ///
    /// - Throws: a failure that names the field, where there is no such group.
    static func group(named name: String) throws(CommandFailure) -> gid_t {
        guard let entry = getgrnam(name) else {
            throw CommandFailure(
                .usage, "there is no group \"\(name)\"", field: "api.group", fix: "make it with: groupadd \(name)")
        }
        return entry.pointee.gr_gid
    }

    private static func failure(_ path: String, _ code: CInt) -> CommandFailure {
        CommandFailure(
            .failed, "\(path) can't be made: \(String(cString: strerror(code)))", field: "node.run-directory",
            fix: "name another with --directory")
    }
}
