/// What a server has done so far.
public struct ServerCounters: Sendable, Hashable {
    /// Connections accepted and admitted.
    public var accepted = 0
    /// Connections closed at once: not admitted, or reset over the limits.
    public var turnedAway = 0
    /// Connections open now.
    public var connections = 0
    /// Requests held now.
    public var held = 0
    /// Bytes of requests and answers in memory now.
    public var bytesInFlight = 0
    /// Requests answered 503 because a limit of the server was reached.
    public var overloaded = 0
    /// Requests whose head was valid.
    public var requests = 0
    /// Requests refused by the protocol: 400 and its like.
    public var refused = 0
    /// Tasks started for requests that wait.
    public var tasks = 0
    /// Connections closed because the peer was too slow, in whatever it was doing.
    public var timeouts = 0
}
