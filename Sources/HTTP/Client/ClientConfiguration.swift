public import Runtime

/// How a client behaves.
public struct ClientConfiguration: Sendable {
    /// How long a connect may take.
    public var connectTimeout: Duration = .seconds(10)
    /// From the end of the request to the end of the answer's head; nil for ever.
    public var headTimeout: Duration?
    /// How long the peer may send nothing of a body that is being read, and take nothing of one that is being streamed; nil for
    /// ever.
    public var bodyIdleTimeout: Duration?
    /// From `send` to the end of the answer's body, waiting for a connection and redirects included; nil for ever.
    public var wholeTimeout: Duration?
    /// Which redirects are followed; none by default: the answer is returned as it is.
    public var redirects: RedirectPolicy?

    /// The defaults.
    public init() {}
}

/// Which redirects a client follows: RFC 9110, section 15.4.
///
/// 301 and 302 of GET, HEAD and POST, which becomes GET; 303, which becomes GET; 307 and 308 of a request whose body is not
/// streamed. Any other is returned as it came, as is one without a usable Location, to another scheme than `http`, or to
/// another origin unless that is allowed. A request to another origin carries neither Authorization, Cookie nor
/// Proxy-Authorization.
public struct RedirectPolicy: Sendable {
    /// How many in a row; one more throws `ClientError` (`tooManyRedirects`).
    public var limit: Int
    let resolve: (@Sendable (_ host: String, _ port: UInt16) async throws -> SocketAddress?)?

    /// Follows redirects to the same host and port only.
    public static func sameOrigin(limit: Int = 5) -> RedirectPolicy { RedirectPolicy(limit: limit, resolve: nil) }

    /// Follows redirects to other hosts too.
    ///
    /// - Parameters:
    ///   - limit: how many in a row.
    ///   - resolve: finds a host's address; nil does not follow. It is the place to refuse addresses that a foreign server must
    ///     not make this client ask. What it throws, `send` throws.
    /// - Returns: the policy.
    public static func anyOrigin(
        limit: Int = 5, resolve: @escaping @Sendable (_ host: String, _ port: UInt16) async throws -> SocketAddress?
    ) -> RedirectPolicy { RedirectPolicy(limit: limit, resolve: resolve) }
}
