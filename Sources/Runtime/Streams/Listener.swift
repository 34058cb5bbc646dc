internal import CLinux
internal import Glibc

/// A listening socket that accepts on one loop. On the loop only.
///
/// It accepts by itself rather than by libuv, so that whoever decides about a connection sees its descriptor before anything
/// is made for it. When the process has no descriptor left, it pauses for a tenth of a second instead of spinning; the
/// connections wait in the kernel meanwhile. When that lasts for a second, their peers are not left to wait for ever: with
/// the loop's reserve descriptor they are accepted one by one and reset.
public final class Listener: @unchecked Sendable {
    // SAFETY: all members are used on the loop's thread.

    /// The loop it accepts on.
    public let loop: EventLoop
    /// Times that accepting had to pause for want of descriptors or memory.
    public private(set) var pauses = 0
    /// Connections accepted.
    public private(set) var accepted = 0
    /// Connections reset, since there was no descriptor for them.
    public private(set) var refused = 0

    private let poll: PollHandle
    private let accepting: (CInt) -> CInt
    private var onAccept: ((CInt) -> Void)?
    private var pause: ScheduledTimer?
    private var batch = 1
    /// Pauses since a connection was last accepted.
    private var strain = 0
    private let patience: Int
    private static let largestBatch = 64

    /// Takes over a listening socket and begins to accept.
    ///
    /// - Parameters:
    ///   - descriptor: the socket; it is made non-blocking and closed by `close`.
    ///   - loop: where to accept; the caller is on it.
    ///   - onAccept: gets each connection: non-blocking, close-on-exec, the receiver's to close.
    /// - Throws: `UVError` when the descriptor cannot be polled; it stays the caller's then.
    public convenience init(
        adopting descriptor: CInt, on loop: EventLoop, onAccept: @escaping (CInt) -> Void
    ) throws(UVError) {
        try self.init(adopting: descriptor, on: loop, accepting: { cl_accept4($0) }, onAccept: onAccept)
    }

    /// With another `accept4`, so that tests can have the kernel refuse, and another number of pauses before peers are.
    package init(
        adopting descriptor: CInt, on loop: EventLoop, patience: Int = 10, accepting: @escaping (CInt) -> CInt,
        onAccept: @escaping (CInt) -> Void
    ) throws(UVError) {
        self.loop = loop
        self.patience = patience
        self.accepting = accepting
        self.onAccept = onAccept
        poll = try PollHandle(descriptor, on: loop)
        // Not where the loop has ended: nobody would give it back.
        loop.local.reserve.fill()
        poll.onEvents = { [weak self] _, status in
            guard let self else { return }
            accept()
            // An error on the socket itself stops libuv's watching; reading it off lets the next one come.
            if status < 0 && !poll.isClosed {
                cl_socket_error(poll.descriptor)
                poll.watch(.readable)
            }
        }
        poll.onLoopEnd = { [weak self] in self?.close() }
        keepAlive = self
        poll.watch(.readable)
    }

    // An open listener lives, whether or not anybody holds it.
    private var keepAlive: Listener?

    /// Where it listens.
    public var address: SocketAddress? { try? SocketAddress.local(of: poll.descriptor) }
    /// The socket, or -1 once closed.
    public var descriptor: CInt { poll.descriptor }

    /// Stops accepting and closes the socket. Any number of times.
    public func close() {
        pause?.cancel()
        pause = nil
        poll.close(descriptorToo: true)
        onAccept = nil
        keepAlive = nil
    }

    /// One connection a wake-up while it is quiet, more while more are there: an `accept` that finds nothing is a wasted call.
    private func accept() {
        var taken = 0
        while taken < batch, !poll.isClosed {
            let descriptor = accepting(poll.descriptor)
            if descriptor >= 0 {
                taken += 1
                accepted += 1
                strain = 0
                onAccept?(descriptor)
                continue
            }
            switch -descriptor {
            case EAGAIN:
                batch = max(1, taken)
                return
            case EMFILE, ENFILE, ENOBUFS, ENOMEM:
                return backOff()
            case EBADF, EINVAL, ENOTSOCK:
                return close()
            default:
                // The connection died in the queue (ECONNABORTED and the network's errors): the next one.
                taken += 1
            }
        }
        batch = min(batch * 2, Self.largestBatch)
    }

    private func backOff() {
        pauses += 1
        strain += 1
        loop.acceptPauseCount.add()
        if strain > patience { refuseWaiting() }
        poll.watch([])
        pause = loop.schedule(after: .milliseconds(100)) { [weak self] in
            guard let self, !poll.isClosed else { return }
            poll.watch(.readable)
        }
    }

    /// Resets what waits, as far as a batch goes: the reserve's place serves one connection after the other.
    private func refuseWaiting() {
        guard loop.local.reserve.spend() else { return loop.local.reserve.fill() }
        for _ in 0..<Self.largestBatch {
            let descriptor = accepting(poll.descriptor)
            if descriptor < 0 { break }
            cl_linger_zero(descriptor)
            cl_close(descriptor)
            refused += 1
            loop.refusedCount.add()
        }
        loop.local.reserve.fill()
    }

    /// Makes a listening socket, for `init` here or to be passed to another process. Any thread.
    ///
    /// - Parameters:
    ///   - address: where to listen; port 0 lets the kernel choose. An existing unix path is not removed.
    ///   - reusePort: share the port with other sockets of this user, each getting a part of the connections.
    ///   - backlog: how many connections may wait to be accepted.
    /// - Returns: the socket, the caller's to close.
    /// - Throws: `SystemError`, with the address in its words.
    public static func socket(
        on address: SocketAddress, reusePort: Bool = false, backlog: CInt = 4096
    ) throws(SystemError) -> CInt {
        let descriptor = try bound(to: address, reusePort: reusePort)
        do throws(SystemError) {
            try listen(descriptor, at: address, backlog: backlog)
        } catch {
            cl_close(descriptor)
            throw error
        }
        return descriptor
    }

    /// A socket that has its address and does not listen yet: nobody can connect to it.
    static func bound(to address: SocketAddress, reusePort: Bool) throws(SystemError) -> CInt {
        let descriptor = try SystemError.check(
            cl_socket(address.family, CInt(SOCK_STREAM.rawValue), 0), "socket for \(address)")
        do throws(SystemError) {
            if case .unix(let path) = address {
                try SystemError.check(unsafe cl_unix_bind(descriptor, path), "bind \(address)")
            } else {
                try SystemError.check(cl_reuse_address(descriptor), "SO_REUSEADDR for \(address)")
                if reusePort { try SystemError.check(cl_reuse_port(descriptor), "SO_REUSEPORT for \(address)") }
                var native = try address.native()
                try SystemError.check(unsafe cl_bind(descriptor, &native), "bind \(address)")
            }
        } catch {
            cl_close(descriptor)
            throw error
        }
        return descriptor
    }

    /// Has a bound socket listen.
    static func listen(_ descriptor: CInt, at address: SocketAddress, backlog: CInt) throws(SystemError) {
        try SystemError.check(cl_listen(descriptor, backlog), "listen on \(address)")
    }
}
