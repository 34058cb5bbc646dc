internal import CLinux
internal import Glibc

/// Where a stream socket listens or connects to. Hosts are numeric: names are for whoever resolves them.
public enum SocketAddress: Sendable, Hashable, CustomStringConvertible {
    /// An IPv4 address as text.
    case ipv4(host: String, port: UInt16)
    /// An IPv6 address as text; `scope` is the interface index that link-local ones need, otherwise 0.
    case ipv6(host: String, port: UInt16, scope: UInt32 = 0)
    /// A unix socket's path; longer than the 107 bytes of `sockaddr_un` is allowed.
    case unix(path: String)

    /// "192.0.2.1:80", "[fd00::1]:80", "unix:/run/x.sock".
    public var description: String {
        switch self {
        case .ipv4(let host, let port): "\(host):\(port)"
        case .ipv6(let host, let port, 0): "[\(host)]:\(port)"
        case .ipv6(let host, let port, let scope): "[\(host)%\(scope)]:\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }

    /// The port, where there is one.
    public var port: UInt16? {
        switch self {
        case .ipv4(_, let port), .ipv6(_, let port, _): port
        case .unix: nil
        }
    }

    var family: CInt {
        switch self {
        case .ipv4: AF_INET
        case .ipv6: AF_INET6
        case .unix: AF_UNIX
        }
    }

    /// The kernel's form. Not for unix paths, which go by `cl_unix_bind` and `cl_unix_connect`.
    func native() throws(SystemError) -> cl_address {
        var address = cl_address()
        let code: CInt
        switch self {
        // SAFETY: the strings live for the call; `address` is local.
        case .ipv4(let host, let port): code = unsafe cl_address_ipv4(host, port, &address)
        case .ipv6(let host, let port, let scope): code = unsafe cl_address_ipv6(host, port, scope, &address)
        case .unix: code = -EAFNOSUPPORT
        }
        try SystemError.check(code, "address \(self)")
        return address
    }

    /// From the kernel's form; nil for families that are neither IP nor unix.
    init?(_ address: cl_address) {
        // SAFETY: the buffer is larger than the longest text; cl_address_text and cl_unix_path terminate it.
        var address = address
        var text = [CChar](repeating: 0, count: 128)
        var port: UInt16 = 0
        var scope: UInt32 = 0
        let family = unsafe cl_address_text(&address, &text, text.count, &port, &scope)
        if family == AF_UNIX { unsafe cl_unix_path(&address, &text, text.count) }
        let host = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        switch family {
        case AF_INET: self = .ipv4(host: host, port: port)
        case AF_INET6: self = .ipv6(host: host, port: port, scope: scope)
        case AF_UNIX: self = .unix(path: host)
        default: return nil
        }
    }

    /// The address a socket is bound to.
    public static func local(of descriptor: CInt) throws(SystemError) -> SocketAddress? {
        var address = cl_address()
        try SystemError.check(unsafe cl_getsockname(descriptor, &address), "getsockname")
        return SocketAddress(address)
    }

    /// The address a socket is connected to.
    public static func peer(of descriptor: CInt) throws(SystemError) -> SocketAddress? {
        var address = cl_address()
        try SystemError.check(unsafe cl_getpeername(descriptor, &address), "getpeername")
        return SocketAddress(address)
    }
}

/// Who is at the other end of a unix socket: as of its connect (or its listen), vouched for by the kernel.
public struct PeerCredentials: Sendable, Hashable {
    /// The process; it may be gone, and the number in use by another.
    public var pid: Int32
    /// Its effective user.
    public var uid: UInt32
    /// Its effective group.
    public var gid: UInt32

    /// Made by hand, for tests.
    public init(pid: Int32, uid: UInt32, gid: UInt32) {
        self.pid = pid
        self.uid = uid
        self.gid = gid
    }

    /// Asks the kernel; nil where the descriptor is no unix socket.
    public init?(of descriptor: CInt) {
        var (pid, uid, gid) = (pid_t(), uid_t(), gid_t())
        // SAFETY: any thread; the three words are this call's own.
        guard cl_socket_family(descriptor) == AF_UNIX, unsafe cl_peercred(descriptor, &pid, &uid, &gid) == 0 else {
            return nil
        }
        self.init(pid: pid, uid: uid, gid: gid)
    }
}
