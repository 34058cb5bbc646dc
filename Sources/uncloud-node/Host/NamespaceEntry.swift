internal import CLinux
internal import Glibc
internal import Model

/// Enters the namespaces that the holder process pins, and becomes another program there. Only before the process has
/// threads: the kernel lets no process with threads change its user namespace.
enum NamespaceEntry {
    /// Joins the user, mount and network namespaces of the process that has locked this file, as far as they differ from
    /// our own.
    ///
    /// - Throws: `CommandFailure`: nobody holds the lock, or the kernel refuses.
    static func enter(holderFile: String) throws(CommandFailure) {
        let holder = try holder(holderFile)
        var opened: [(kind: CInt, name: String, descriptor: CInt)] = []
        defer { for namespace in opened { cl_close(namespace.descriptor) } }
        let kinds = [(CInt(CL_NEWUSER), "user"), (CInt(CL_NEWNS), "mnt"), (CInt(CL_NEWNET), "net")]
        for (kind, name) in kinds {
            let descriptor = open("/proc/\(holder)/ns/\(name)", O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw refused("open the \(name) namespace of process \(holder)", errno) }
            if isOwn(descriptor, name) {
                cl_close(descriptor)
            } else {
                opened.append((kind, name, descriptor))
            }
        }
        let directory = getcwd(nil, 0)
        defer { free(directory) }
        for namespace in opened {
            let result = cl_setns(namespace.descriptor, namespace.kind)
            guard result >= 0 else { throw refused("enter the \(namespace.name) namespace", -result) }
        }
        // Entering a mount namespace moves to its root.
        if let directory { chdir(directory) }
    }

    /// Becomes the command; returns only where that fails.
    static func execute(_ command: [String]) -> CommandFailure {
        var arguments = command.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        execvp(command[0], &arguments)
        let status: CommandStatus = errno == ENOENT ? .notFound : .failed
        return CommandFailure(
            status, "\(quoted(command[0])) can't be run: \(String(cString: strerror(errno)))", field: "COMMAND",
            fix: "name a program of this host")
    }

    private static func holder(_ file: String) throws(CommandFailure) -> CInt {
        let absent = CommandFailure(
            .unreachable, "there is no network namespace: nobody holds \(file)",
            fix: "start the node with: uncloud-node run, or name its --directory")
        let descriptor = open(file, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == EACCES { throw refused("read \(file)", errno) }
            throw absent
        }
        defer { cl_close(descriptor) }
        let owner = cl_lock_owner(descriptor)
        guard owner > 0 else { throw absent }
        return owner
    }

    private static func isOwn(_ descriptor: CInt, _ name: String) -> Bool {
        let own = cl_net_own_namespace(name)
        guard own >= 0 else { return false }
        defer { cl_close(own) }
        var theirs: UInt64 = 0
        var ours: UInt64 = 0
        return cl_namespace_inode(descriptor, &theirs) >= 0 && cl_namespace_inode(own, &ours) >= 0 && theirs == ours
    }

    private static func refused(_ what: String, _ code: CInt) -> CommandFailure {
        CommandFailure(
            .refused, "can't \(what): \(String(cString: strerror(code)))",
            fix: "run it as root, or as the user whose node it is")
    }
}
