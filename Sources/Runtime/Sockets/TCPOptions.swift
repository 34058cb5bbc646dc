internal import CLinux

/// What the kernel does for a TCP connection: the options of its socket that a `Connection` sets.
public struct TCPOptions: Sendable, Hashable {
    /// How a quiet peer is probed, so that one that has lost its power or its network is noticed: whoever reads gets an error.
    public struct KeepAlive: Sendable, Hashable {
        /// How long the connection is quiet before the first probe; whole seconds, at least one.
        public var idle: Duration
        /// From one probe to the next; whole seconds, at least one.
        public var interval: Duration
        /// After how many unanswered probes the connection fails, 1 to 127.
        public var probes: Int

        /// With these times a peer is given up after a minute.
        public init(idle: Duration = .seconds(30), interval: Duration = .seconds(10), probes: Int = 3) {
            self.idle = idle
            self.interval = interval
            self.probes = probes
        }
    }

    /// Sends small pieces when they are written, not when the peer has acknowledged the one before: TCP_NODELAY.
    public var noDelay: Bool
    /// Probes the peer; nil leaves that as it is, which is off but for sockets that have it from their listener.
    public var keepAlive: KeepAlive?

    /// Pieces go out at once and nobody is probed, unless something else is said.
    public init(noDelay: Bool = true, keepAlive: KeepAlive? = nil) {
        self.noDelay = noDelay
        self.keepAlive = keepAlive
    }

    /// Sets all of them on a TCP socket.
    func apply(to descriptor: CInt) throws(SystemError) {
        try SystemError.check(cl_tcp_no_delay(descriptor, noDelay ? 1 : 0), "TCP_NODELAY")
        guard let keepAlive else { return }
        try SystemError.check(
            cl_tcp_keep_alive(
                descriptor, Self.seconds(keepAlive.idle), Self.seconds(keepAlive.interval),
                CInt(clamping: keepAlive.probes)), "SO_KEEPALIVE")
    }

    private static func seconds(_ duration: Duration) -> CInt {
        CInt(clamping: max(1, (duration.milliseconds + 999) / 1000))
    }
}
