internal import CLinux
internal import Glibc
internal import Network

/// The process mode `holder`: makes the network namespace of the VM networks and keeps it.
///
/// As root it is bound to `/run/netns/NAME` as well, so that `ip netns exec NAME` works. As an ordinary user it is a user,
/// mount and network namespace of which the caller is root, and this process is what keeps them. The holder then sleeps until
/// SIGTERM, and takes the name away as it ends. One that is started again goes back into what the last one left: by the name,
/// or by the helper that still lives in it.
///
/// Arguments: `--run DIRECTORY [--namespace NAME] [--ready DESCRIPTOR]`. One line is written to the descriptor: `ok`, or what
/// failed. Must be called before the process has a second thread.
package func runHolder(arguments: [String]) -> Never {
    let options = ModeArguments(arguments)
    let holder = Holder(
        directory: options.required("run"), name: options.values["namespace"] ?? "uncloud",
        ready: options.number("ready"))
    holder.run()
}

private struct Holder {
    let directory: String
    let name: String
    let ready: Int32?

    private var pin: String { NamespacePin.path(name) }

    func run() -> Never {
        var signals = sigset_t()
        sigemptyset(&signals)
        for signal in [SIGTERM, SIGINT] { sigaddset(&signals, signal) }
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        signal(SIGHUP, SIG_IGN)
        signal(SIGPIPE, SIG_IGN)

        let file = lock()
        let earlier = file.content()
        let isRoot = geteuid() == 0 && cl_has_cap_sys_admin() == 1
        if isRoot { enterAsRoot(earlier) } else { enterAsUser() }
        do {
            let links = try NetlinkSocket()
            try links.change(LinkMessage.setUp(1, "lo", true))
        } catch { fail("\(error)") }
        file.write("\(getpid()) \(NamespacePin.ownInode())\n")
        if let ready {
            ModeExit.say(ready, "ok\n")
            close(ready)
        }
        var received: Int32 = 0
        while sigwait(&signals, &received) != 0 {}
        if isRoot {
            NamespacePin.remove(name)
            NamespaceRecord.remove(in: directory)
        }
        file.remove()
        exit(0)
    }

    private func fail(_ message: String) -> Never { ModeExit.failed("holder", message, ready: ready) }

    private func noteName() {
        if let message = NamespaceRecord.write(name, in: directory) { fail(message) }
    }

    private func lock() -> PIDFile {
        do {
            return try PIDFile(locking: directory + "/holder.pid")
        } catch {
            switch error {
            case .taken(let pid): fail("taken: a holder runs already (process \(pid))")
            case .failed(let message): fail(message)
            }
        }
    }

    /// Into the namespace of that name if it is the one that this directory's holder made; else into a new one.
    private func enterAsRoot(_ earlier: String) {
        if cl_net_is_namespace(pin) == 1 {
            let fd = open(pin, O_RDONLY | O_CLOEXEC)
            var inode: UInt64 = 0
            guard fd >= 0, cl_namespace_inode(fd, &inode) >= 0 else { fail("\(pin): \(ModeExit.reason(errno))") }
            guard earlier.split(whereSeparator: { $0 == " " || $0 == "\n" }).last.map(String.init) == String(inode)
            else {
                fail(
                    HelperFailure.foreignNamespace + "the network namespace \"\(name)\" is there and is somebody else's"
                )
            }
            guard cl_setns(fd, Int32(CL_NEWNET)) >= 0 else { fail("can't enter \(pin): \(ModeExit.reason(errno))") }
            close(fd)
            noteName()
            return
        }
        if !joinHelper(), let message = Namespaces.make(isRoot: true) { fail(message) }
        // Before there is anything of that name: a crash in between must not leave what nobody knows of.
        noteName()
        if let message = NamespacePin.make(name) { fail(message) }
    }

    /// Into the namespaces of a helper that outlived its holder, if there is one.
    private func joinHelper() -> Bool {
        // One that has not written its file waits for this holder, and is not in a namespace of ours yet.
        guard let (helper, content) = PIDFile.ownerAndContent(directory + "/helper.pid"),
            content.split(separator: " ").first.flatMap({ Int32($0) }) == helper
        else { return false }
        if let message = Namespaces.join(of: helper) { fail(message) }
        return true
    }

    /// Into the namespaces of a helper that outlived its holder; else into new ones.
    private func enterAsUser() {
        if !joinHelper(), let message = Namespaces.make(isRoot: false) { fail(message) }
    }
}
