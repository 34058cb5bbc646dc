/// How a server speaks TLS.
public struct TLSServerConfiguration: Sendable {
    /// What is asked of clients.
    public enum ClientCertificates: Sendable, Hashable {
        /// They are not asked for a certificate.
        case none
        /// They are asked and may decline; what they send must lead to these roots.
        case optional(TrustRoots)
        /// They must send one that leads to these roots.
        case required(TrustRoots)
    }

    /// What the server proves itself by. The one whose certificate has the name that the client asks for (SNI) is used, an
    /// exact name before a wildcard; without such the first. Several for the same names may have keys of different kinds.
    public var identities: [Identity]
    /// What is asked of clients.
    public var clientCertificates = ClientCertificates.none
    /// The application protocols spoken (ALPN, RFC 7301), the preferred first; a client that asks for others alone is
    /// refused. Empty: none is agreed upon, whatever clients ask for.
    public var applicationProtocols: [String] = []
    /// Whether a client that does not ask for any of `applicationProtocols` is refused too.
    public var requiresApplicationProtocol = false
    /// Whether a client that asks for a name which no certificate has is refused (unrecognized_name), instead of getting the
    /// first identity's certificate. One that asks for no name gets that in any case.
    public var refusesUnknownNames = false
    /// The oldest version that is spoken.
    public var minimumVersion = TLSVersion.tls12
    /// How long a session may be resumed, in seconds; 0 for never. A resumed session spares the signature; its client's
    /// certificate is not looked at again.
    public var sessionLifetime = 7200

    /// The defaults, with these identities, at least one.
    public init(identities: [Identity]) { self.identities = identities }

    var trust: (roots: TrustRoots, isRequired: Bool)? {
        switch clientCertificates {
        case .none: nil
        case .optional(let roots): (roots, false)
        case .required(let roots): (roots, true)
        }
    }
}
