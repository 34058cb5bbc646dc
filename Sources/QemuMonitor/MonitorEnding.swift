/// Why QEMU stops, by its SHUTDOWN event.
public struct MonitorShutdown: Sendable, Hashable {
    /// Whether the guest asked for it.
    public var guest: Bool
    /// `guest-shutdown`, `guest-panic`, `host-qmp-quit`, `host-signal`, ...
    public var reason: String

    /// A shutdown.
    public init(guest: Bool, reason: String) {
        self.guest = guest
        self.reason = reason
    }
}

/// What a monitor session has done so far.
public struct MonitorCounters: Sendable, Hashable {
    /// Commands sent.
    public var commands = 0
    /// Events received.
    public var events = 0
    /// Events that the reader of `events` was too slow for.
    public var lostEvents = 0
    /// Messages left out: answers nobody waits for, errors without an id, unknown kinds.
    public var dropped = 0
    /// Bytes received.
    public var bytes = 0

    /// Nothing yet.
    public init() {}
}

/// How a session ended.
public struct MonitorEnding: Sendable, Hashable {
    /// Why the session is over: `closed`, `too-large`, `malformed`, ...
    public var reason: MonitorError
    /// Whether this side ended it by `close`.
    public var byUs: Bool
    /// The SHUTDOWN event of the session, if there was one. Without one, and not ended by us, QEMU crashed or was killed;
    /// only the process itself can prove it.
    public var shutdown: MonitorShutdown?
}
