internal import CLinux
internal import Glibc

/// Making namespaces, and joining those of another process of ours.
enum Namespaces {
    /// Puts the process into a new network namespace; an ordinary user's into a user and mount namespace as well, of which
    /// it is root.
    ///
    /// Only before the process has a second thread. Returns what failed, or nil.
    static func make(isRoot: Bool) -> String? {
        if !isRoot {
            let result = cl_userns_enter(getuid(), getgid())
            guard result >= 0 else {
                return "can't make a user namespace (\(ModeExit.reason(-result))); run as root, or allow them: "
                    + "sysctl user.max_user_namespaces=10000 kernel.unprivileged_userns_clone=1"
            }
        }
        let result = cl_unshare(Int32(CL_NEWNET) | (isRoot ? 0 : Int32(CL_NEWNS)))
        guard result >= 0 else { return "can't make a network namespace: \(ModeExit.reason(-result))" }
        guard isRoot || cl_make_private("/") >= 0 else { return "can't make the mounts private" }
        return nil
    }

    /// Joins the user and mount namespace of the process where they aren't the caller's, and its network namespace.
    ///
    /// Only before the process has a second thread. Returns what failed, or nil.
    static func join(of pid: Int32) -> String? {
        let kinds = [(Int32(CL_NEWUSER), "user"), (Int32(CL_NEWNS), "mnt"), (Int32(CL_NEWNET), "net")]
        // All are opened first: after the first step the others may no longer be looked up.
        var found: [(fd: Int32, kind: Int32, name: String)] = []
        defer { for one in found { close(one.fd) } }
        for (kind, name) in kinds {
            let fd = cl_open_namespace(pid, kind)
            guard fd >= 0 else { return "the \(name) namespace of process \(pid): \(ModeExit.reason(-fd))" }
            found.append((fd, kind, name))
        }
        for one in found where !isOwn(one.fd, one.name) {
            let result = cl_setns(one.fd, one.kind)
            guard result >= 0 else { return "can't enter the \(one.name) namespace: \(ModeExit.reason(-result))" }
        }
        return nil
    }

    private static func isOwn(_ fd: Int32, _ name: String) -> Bool {
        let own = cl_net_own_namespace(name)
        guard own >= 0 else { return false }
        defer { close(own) }
        var inode: UInt64 = 0
        var ownInode: UInt64 = 1
        _ = cl_namespace_inode(fd, &inode)
        _ = cl_namespace_inode(own, &ownInode)
        return inode == ownInode
    }
}

/// The name of a network namespace under /run/netns, as `ip netns` keeps them.
enum NamespacePin {
    static let directory = "/run/netns"

    static func path(_ name: String) -> String { directory + "/" + name }

    /// Binds the caller's network namespace to the name. Returns what failed, or nil.
    ///
    /// The directory becomes a shared mount first, as `ip netns` would make it: were that done later, by the first `ip netns
    /// add`, our name would be mounted twice, and could not be removed.
    static func make(_ name: String) -> String? {
        let lock = lockDirectory()
        defer { close(lock) }
        var message: String?
        // `ip netns delete` knows nothing of the lock, and may take the directory away between two of our steps.
        for _ in 0..<5 {
            message = attempt(path(name))
            if message == nil { return nil }
        }
        return message
    }

    private static func attempt(_ target: String) -> String? {
        guard mkdir(directory, 0o755) == 0 || errno == EEXIST else { return "\(directory): \(ModeExit.reason(errno))" }
        let shared = cl_net_share_directory(directory)
        guard shared >= 0 else { return "\(directory): \(ModeExit.reason(-shared))" }
        // A plain file is what a pin leaves when its mount is gone.
        unlink(target)
        let fd = open(target, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o444)
        guard fd >= 0 else { return "\(target): \(ModeExit.reason(errno))" }
        close(fd)
        let bound = cl_bind_mount("/proc/self/ns/net", target)
        guard bound >= 0 else {
            unlink(target)
            return "can't bind \(target): \(ModeExit.reason(-bound))"
        }
        return nil
    }

    /// Takes the name away, and with the last one the directory.
    static func remove(_ name: String) {
        let lock = lockDirectory()
        defer { close(lock) }
        if cl_net_is_namespace(path(name)) == 1 { _ = cl_umount(path(name), 2 /* MNT_DETACH */) }
        unlink(path(name))
        guard isEmpty else { return }
        _ = cl_umount(directory, 0)
        rmdir(directory)
    }

    /// Waits until no other node of this machine makes or removes a name: one's last name and another's first meet in the
    /// directory's mount. Closing the descriptor ends the lock.
    private static func lockDirectory() -> Int32 {
        let parent = open("/run", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if parent >= 0 { flock(parent, LOCK_EX) }
        return parent
    }

    private static var isEmpty: Bool {
        guard let list = opendir(directory) else { return false }
        defer { closedir(list) }
        var count = 0
        while readdir(list) != nil { count += 1 }
        return count <= 2
    }

    /// The inode of the caller's network namespace, 0 if unknown.
    static func ownInode() -> UInt64 {
        let fd = cl_net_own_namespace("net")
        guard fd >= 0 else { return 0 }
        defer { close(fd) }
        var inode: UInt64 = 0
        _ = cl_namespace_inode(fd, &inode)
        return inode
    }
}
