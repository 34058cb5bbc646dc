internal import CLinux
internal import Glibc
internal import Model
internal import Network

/// The network namespace of one network's managed services: it holds the service addresses, since two networks with the same
/// ones can't share a namespace. A veth joins it to the bridge. It lives as long as this object or the process in it.
///
/// Belongs to the helper's worker thread, which alone ever leaves for another namespace, and comes back before it returns.
final class ChildNamespace {
    /// The far end of the veth, inside.
    static let device = "svc0"

    let descriptor: Int32
    let links: Links

    /// Makes a namespace with lo up, and returns to the caller's.
    ///
    /// - Throws: `HelperFailure` `namespace.failed`; `NetlinkError`; `SysctlError`.
    init() throws {
        let home = cl_net_own_namespace("net")
        guard home >= 0 else { throw Self.failure("open the own namespace", -home) }
        defer { close(home) }
        let result = cl_unshare(Int32(CL_NEWNET))
        guard result >= 0 else { throw Self.failure("make a namespace", -result) }
        defer { Self.comeBack(home) }
        let inside = cl_net_own_namespace("net")
        guard inside >= 0 else { throw Self.failure("open the new namespace", -inside) }
        do {
            let links = try Links()
            try Sysctl.apply(Sysctl.deaf)
            try links.setUp(try links.require("lo"))
            self.links = links
        } catch {
            close(inside)
            throw error
        }
        descriptor = inside
    }

    deinit { close(descriptor) }

    /// Runs `body` with the thread inside: for what goes by the thread's namespace and not by a socket's.
    func enter<T>(_ body: () throws -> T) throws -> T {
        let home = cl_net_own_namespace("net")
        guard home >= 0 else { throw Self.failure("open the own namespace", -home) }
        defer { close(home) }
        let result = cl_setns(descriptor, Int32(CL_NEWNET))
        guard result >= 0 else { throw Self.failure("enter a namespace", -result) }
        defer { Self.comeBack(home) }
        return try body()
    }

    /// A worker that stayed in the wrong namespace would do its next work there, so it ends instead: the helper is started
    /// again and finds what is there.
    private static func comeBack(_ home: Int32) {
        let result = cl_setns(home, Int32(CL_NEWNET))
        precondition(result >= 0, "can't return to the helper's network namespace")
    }

    private static func failure(_ what: String, _ errno: Int32) -> HelperFailure {
        HelperFailure(code: "namespace.failed", message: "\(what): \(String(cString: strerror(errno)))")
    }
}
