/// How a client speaks TLS. The server's certificate is always verified; where that is a private one, it, or the authority that
/// issued it, belongs among the trust roots.
public struct TLSClientConfiguration: Sendable {
    /// What the server's certificate must lead to.
    public var trust: TrustRoots
    /// What the client proves itself by where the server asks for that.
    public var identity: Identity?
    /// The application protocols to ask for (ALPN), the preferred first.
    public var applicationProtocols: [String] = []
    /// Whether a server that chooses none of `applicationProtocols` is left.
    public var requiresApplicationProtocol = false
    /// The oldest version that is spoken.
    public var minimumVersion = TLSVersion.tls12
    /// For how many servers sessions are kept to be resumed; 0 for none.
    public var maxSessions = 256

    /// The defaults, with these roots.
    public init(trust: TrustRoots = .system) { self.trust = trust }
}
