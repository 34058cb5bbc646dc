internal import Glibc

/// How a server behaves. Limits are for each connection unless they say otherwise.
public struct ServerConfiguration: Sendable {
    /// How large the parts of a head may grow: 414, 431.
    public var limits = ParserLimits()
    /// Bytes of a request's body that is collected; beyond it 413.
    public var maxBody = 8 * 1024 * 1024
    /// Bytes of a request's body that is read in pieces (`Answer.streaming`); beyond it 413.
    public var maxStreamedBody = Int.max
    /// From a request's first byte, or the connection's begin, to the end of its head; then 408.
    public var headTimeout: Duration = .seconds(10)
    /// From the end of the head to the end of the body; then 408. For a body that is read in pieces: how long its reader waits
    /// for the next bytes.
    public var bodyTimeout: Duration = .seconds(60)
    /// How long a connection may be kept alive between requests; then it is closed without a word.
    public var idleTimeout: Duration = .seconds(60)
    /// How long the peer may take no byte of an answer that waits to be sent; then the connection is cut. It has taken what it
    /// acknowledged (TCP) or read (a unix socket): that its kernel takes some before it stops can give it this time once more.
    /// Also how long a streamed answer may send nothing to a peer that has closed its sending half.
    public var writeTimeout: Duration = .seconds(30)
    /// How long a request whose peer has closed its sending half waits for its answer; then the peer is taken for gone and the
    /// handler's task is cancelled. Peers that close early and still listen are rare, peers that went away are not, and
    /// TCP can't tell one from the other. An answer that has begun is sent to its end, under `writeTimeout`.
    public var halfCloseGrace: Duration = .seconds(1)
    /// How long a TCP peer may give no sign of life, not even to the kernel's keep-alive probes, before its connection is
    /// closed and whatever answers it is cancelled; in whole seconds, at least 4. It is what ends a held request or a quiet
    /// stream whose peer lost power or its network; RFC 1122, section 4.2.3.6.
    public var deadPeerTimeout: Duration = .seconds(60)
    /// How long a stopping server waits for the first request of a connection that has sent none.
    public var drainGrace: Duration = .milliseconds(500)
    /// Connections of the server at a time; what is beyond it is answered with `onOverload`.
    public var maxConnections = 16_384
    /// Connections at a time of those for which `peerKey` gives the same; what is beyond it is answered with `onOverload`.
    public var maxConnectionsPerPeer = Int.max
    /// From how many connections of the server on they are counted by peer, until there are half as many: where this is more than
    /// 0, `maxConnectionsPerPeer` costs nothing as long as there is room for all, and keeps one peer from taking it all.
    public var peerCountThreshold = 0
    /// Who is at the other end, for `maxConnectionsPerPeer`: as a rule the context's token, which `admit` made of the socket's
    /// mark or, by `addressKey`, its address. Called when a connection begins and when it ends, on the loop, and must say the same
    /// both times; nil counts nobody.
    public var peerKey: (@Sendable (ConnectionContext) -> UInt64?)?
    /// Connections beyond the limits that are kept until their first request to be told so (503), for `drainGrace` at most;
    /// what is beyond these too is reset at once.
    public var overloadReserve = 64
    /// Requests of the server that may be held at a time; beyond it `.hold` is answered with `onOverload`.
    public var maxHeld = 16_384
    /// Bytes of requests and answers of the whole server that may be in memory: received and not yet used, collected for
    /// tasks, unsent. Beyond it new requests, and those whose head or body is being collected, are answered with `onOverload`, and
    /// connections that wait for an answer, or for their peer to take one, are not read until an eighth of it is free again.
    public var maxBytesInFlight = 1 << 30
    /// The answer to a request for which there is no room. Made once.
    public var onOverload = PreparedResponse(
        status: 503, text: "the server is busy\n", fields: [("Retry-After", "1")])
    /// Bytes of later requests that are read while one waits for its answer; beyond it the socket is not read.
    public var maxPipelined = 64 * 1024
    /// Bytes of a streamed body that may wait for the peer before the writer has to.
    public var maxUnsent = 256 * 1024
    /// Whether answers carry Date, as RFC 9110, section 6.6.1, asks of a server with a clock.
    public var sendsDate = true
    /// The value of the Server field; nil leaves it out.
    public var serverName: String?
    /// Looks at an accepted socket before a byte is read: nil hangs up, a value becomes the context's token. Runs on
    /// the loop and must not block; the descriptor stays the server's.
    public var admit: (@Sendable (_ descriptor: CInt) -> UInt64?)?

    /// The answer to a request that is refused before a handler sees it; made once for each code.
    public var onRefusal: @Sendable (MessageError) -> PreparedResponse = { error in
        PreparedResponse(status: error.status, text: error.message + "\n")
    }

    /// The answer to a request whose task threw.
    public var onError: @Sendable (any Error) -> Response = { _ in .text("internal server error\n", status: 500) }

    /// The defaults.
    public init() {}

    /// The address of a socket's peer as a number, for `admit` where peers are told apart by address: IPv4 as it is, of IPv6 the
    /// first 64 bits, since a host has as many addresses as it likes below them.
    ///
    /// - Parameter descriptor: a connected socket.
    /// - Returns: the number; nil if the socket is of another family or its peer is gone.
    public static func addressKey(of descriptor: CInt) -> UInt64? {
        var address = [UInt64](repeating: 0, count: 16)
        var length = socklen_t(address.count * 8)
        // SAFETY: getpeername writes at most `length` bytes to the local array, which is as aligned as any address.
        return address.withUnsafeMutableBytes { bytes in
            guard getpeername(descriptor, bytes.assumingMemoryBound(to: sockaddr.self).baseAddress, &length) == 0 else {
                return nil
            }
            // Both forms begin with family and port; IPv4 has its address at 4, IPv6 at 8.
            return switch CInt(bytes.load(as: UInt16.self)) {
            case AF_INET: UInt64(UInt32(bigEndian: bytes.load(fromByteOffset: 4, as: UInt32.self)))
            case AF_INET6: UInt64(bigEndian: bytes.load(fromByteOffset: 8, as: UInt64.self))
            default: nil
            }
        }
    }
}
