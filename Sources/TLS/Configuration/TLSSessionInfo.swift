/// What the two sides agreed upon.
public struct TLSSessionInfo: Sendable, Hashable {
    /// The version.
    public var version: TLSVersion
    /// The cipher, by its standard name: "TLS_AES_256_GCM_SHA384".
    public var cipher: String
    /// The application protocol (ALPN), if one was agreed upon.
    public var applicationProtocol: String?
    /// The name that the client asked for (SNI), if it did.
    public var serverName: String?
    /// The peer's certificate, verified, and on a fresh session what it sent with it. Empty where the peer sent none.
    public var peerCertificates: [Certificate]
    /// Whether an earlier session was resumed.
    public var isResumed: Bool
}
