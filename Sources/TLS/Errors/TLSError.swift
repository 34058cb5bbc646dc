/// Why a secure connection could not be made, or ended.
public struct TLSError: Error, Sendable, CustomStringConvertible {
    /// What went wrong.
    public enum Code: Sendable, Hashable {
        /// A certificate of the peer's chain is past its end.
        case certificateExpired
        /// A certificate of the peer's chain is not valid yet; as a rule one of the two clocks is wrong.
        case certificateNotYetValid
        /// The certificate is for other names than the one asked for.
        case nameMismatch
        /// The chain ends at an authority that is not among the trust roots, self-signed certificates included.
        case unknownIssuer
        /// The certificate is bad for another reason: its signature, its purpose, its key.
        case badCertificate
        /// The client sent no certificate where one is required.
        case certificateMissing
        /// The two have no version of TLS in common.
        case noCommonVersion
        /// The two have no cipher in common.
        case noCommonCipher
        /// The two have no application protocol (ALPN) in common, or the peer chose none where one is required.
        case noCommonProtocol
        /// The server has no certificate for the name that the client asked for.
        case unknownName
        /// The peer refused, by an alert of its own: `alert` has its number.
        case refusedByPeer
        /// The peer speaks something else than TLS.
        case notTLS
        /// A record was changed, cut or made up on its way.
        case brokenRecord
        /// The peer broke another rule of the protocol.
        case protocolViolation
        /// The connection ended without the peer's saying so (close_notify): what was received may not be all.
        case truncated
        /// The peer makes us send protocol messages and takes none of them.
        case flooded
        /// The connection was closed on this side.
        case closed
        /// A certificate, key, list or name in the configuration cannot be used.
        case badConfiguration
    }

    /// What went wrong.
    public var code: Code
    /// In words: what, which certificate, and what can be done about it.
    public var message: String
    /// The number of the alert that the peer sent: RFC 8446, section 6.
    public var alert: UInt8?
    /// The certificate that is at fault, where one is.
    public var certificate: Certificate?

    /// An error of its parts.
    public init(_ code: Code, _ message: String, alert: UInt8? = nil, certificate: Certificate? = nil) {
        self.code = code
        self.message = message
        self.alert = alert
        self.certificate = certificate
    }

    /// "TLS: " and the message.
    public var description: String { "TLS: \(message)" }
}
