import CLinux
import Glibc
import Runtime

/// Connected sockets for tests.
enum Sockets {
    /// Two ends of a unix socket pair.
    static func pair() throws -> (CInt, CInt) {
        var ends: [CInt] = [-1, -1]
        try SystemError.check(cl_socketpair(CInt(SOCK_STREAM.rawValue), &ends), "socketpair")
        return (ends[0], ends[1])
    }

    /// The bytes that malloc keeps for an object (whose function Swift does not import).
    static func allocatedSize(of object: AnyObject) -> Int {
        typealias Function = @convention(c) (UnsafeMutableRawPointer) -> Int
        guard let symbol = dlsym(nil, "malloc_usable_size") else { return 0 }
        // SAFETY: the C function's own type; the object lives through the call.
        return unsafeBitCast(symbol, to: Function.self)(Unmanaged.passUnretained(object).toOpaque())
    }

    /// Two connections to each other, each on its loop.
    static func connected(on near: EventLoop, _ far: EventLoop) throws -> (Connection, Connection) {
        let ends = try pair()
        return (Connection(adopting: ends.0, on: near), Connection(adopting: ends.1, on: far))
    }

    /// A listening socket on a free port of ::1, and where it listens.
    static func listening(backlog: CInt = 128) throws -> (descriptor: CInt, address: SocketAddress) {
        let descriptor = try Listener.socket(on: .ipv6(host: "::1", port: 0), backlog: backlog)
        guard let address = try SocketAddress.local(of: descriptor) else {
            throw SystemError(errno: EINVAL, operation: "getsockname")
        }
        return (descriptor, address)
    }
}
