internal import CLinux
internal import Glibc

/// The process mode `service`: what the helper starts dnsmasq by. It enters the network namespace of a descriptor, gives up
/// root but for what the service needs, ties its life to the helper's, and becomes the program.
///
/// dnsmasq would drop root by itself, but a change of user clears the parent-death signal: so it is done here, before the
/// signal is asked for.
///
/// Arguments: `--namespace DESCRIPTOR --parent PID -- PROGRAM ARGUMENTS...`.
package func runService(arguments: [String]) -> Never {
    let options = ModeArguments(arguments)
    guard let namespace = options.number("namespace"), let parent = options.number("parent"),
        let program = options.rest.first
    else { ModeExit.usage("--namespace, --parent and a program are needed") }
    let entered = cl_setns(namespace, Int32(CL_NEWNET))
    guard entered >= 0 else { serviceFailed("can't enter the namespace: \(ModeExit.reason(-entered))") }
    close(namespace)
    // Root of a user namespace has no other user to become, and needs none: it is an ordinary user outside.
    if geteuid() == 0, ServiceUser.canChange {
        let dropped = cl_net_drop_privileges(ServiceUser.nobody, ServiceUser.nobody, ServiceUser.capabilities)
        guard dropped >= 0 else { serviceFailed("can't give up root: \(ModeExit.reason(-dropped))") }
    }
    _ = cl_no_new_privs()
    guard cl_net_die_with(parent, SIGKILL) >= 0 else { exit(1) }
    var words = options.rest.map { strdup($0) } + [nil]
    execv(program, &words)
    serviceFailed("\(program): \(ModeExit.reason(errno))")
}

private func serviceFailed(_ message: String) -> Never { ModeExit.failed("service", message, ready: nil) }

private enum ServiceUser {
    /// The overflow id: no file is anybody's of that name.
    static let nobody: UInt32 = 65534
    /// CAP_NET_BIND_SERVICE, CAP_NET_ADMIN, CAP_NET_RAW.
    static let capabilities: UInt64 = 1 << 10 | 1 << 12 | 1 << 13

    /// Whether the user id is mapped: the initial user namespace maps all of them.
    static var canChange: Bool {
        let fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { return false }
        defer { close(fd) }
        var buffer = [UInt8](repeating: 0, count: 256)
        let got = read(fd, &buffer, buffer.count)
        let fields = String(decoding: buffer[..<max(0, got)], as: UTF8.self).split(whereSeparator: {
            $0 == " " || $0 == "\n"
        })
        return fields.count >= 3 && fields[0] == "0" && (UInt64(fields[2]) ?? 0) > UInt64(nobody)
    }
}
