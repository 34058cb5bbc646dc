internal import CLinux
internal import Glibc

/// Listening sockets that share one TCP port (SO_REUSEPORT), for loops whose number may change while peers connect.
///
/// The kernel spreads connections over the sockets; each waits in the queue of its socket until somebody accepts it, and to
/// close a socket resets whoever waits there. So the group keeps all it has made, and `deal` hands out copies, dealt to as
/// many loops as there are: for more of them it makes more sockets, among fewer each gets several. Between one deal and the
/// next nobody is refused, and nobody is lost who waits, whether or not anybody accepts in the meantime:
///
/// ```swift
/// let group = try ListenerGroup(on: .ipv6(host: "::", port: 80))
/// for (loop, sockets) in zip(loops, try group.deal(to: loops.count)) {
///     // On the loop: a `Listener` for each. Or, for HTTP, `Server.listen(adopting:)`.
///     loop.execute { for socket in sockets { _ = try? Listener(adopting: socket.release(), on: loop, onAccept: serve) } }
/// }
/// ```
///
/// To change their number, deal again, accept from the new copies, and close what accepted from the old ones. Any thread.
public final class ListenerGroup: Sendable {
    /// Where it listens, with the port that the kernel chose if it was asked to.
    public let address: SocketAddress
    private let backlog: CInt
    /// None once closed.
    private let sockets: Locked<[FileDescriptor]>

    /// Listens with one socket.
    ///
    /// - Parameters:
    ///   - address: where; port 0 lets the kernel choose. No unix socket: those have no SO_REUSEPORT.
    ///   - backlog: how many connections may wait in each socket.
    /// - Throws: `SystemError`, with the address in its words.
    public init(on address: SocketAddress, backlog: CInt = 4096) throws(SystemError) {
        if case .unix = address { throw SystemError(errno: EOPNOTSUPP, operation: "SO_REUSEPORT for \(address)") }
        let first = FileDescriptor(owning: try Listener.socket(on: address, reusePort: true, backlog: backlog))
        self.address = try SocketAddress.local(of: first.number) ?? address
        self.backlog = backlog
        sockets = Locked([first])
    }

    /// How many sockets there are: the most loops that they were dealt to.
    public var count: Int { sockets.withLock { $0.count } }

    /// Copies of all sockets, dealt to a number of loops; each copy is for one `Listener`, which may close it at any time.
    ///
    /// From here on connections come to new sockets too: a loop that does not accept from its copies lets them wait.
    ///
    /// - Parameter loops: how many, at least 1.
    /// - Returns: the copies for each loop, at least one.
    /// - Throws: `SystemError` when there are no descriptors left or the group was closed; nothing has changed then.
    public func deal(to loops: Int) throws(SystemError) -> [[FileDescriptor]] {
        precondition(loops > 0, "nobody to deal to")
        return try sockets.withLock { sockets throws(SystemError) in
            if sockets.isEmpty { throw SystemError(errno: EBADF, operation: "listen on \(address)") }
            var made: [FileDescriptor] = []
            while sockets.count + made.count < loops {
                made.append(FileDescriptor(owning: try Listener.bound(to: address, reusePort: true)))
            }
            var hands = [[FileDescriptor]](repeating: [], count: loops)
            for (index, socket) in (sockets + made).enumerated() {
                hands[index % loops].append(try socket.duplicate())
            }
            // Last, since whoever connects to one that listens must find it among those that stay.
            for socket in made { try Listener.listen(socket.number, at: address, backlog: backlog) }
            sockets += made
            return hands
        }
    }

    /// Lets go of the sockets. Each goes on listening as long as somebody has a copy; with the last one those are reset who
    /// wait in it. Any number of times.
    public func close() {
        // What goes is closed outside of the lock.
        _ = sockets.withLock { sockets in
            defer { sockets = [] }
            return sockets
        }
    }
}
