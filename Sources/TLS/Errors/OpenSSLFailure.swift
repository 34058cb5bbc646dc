internal import COpenSSL

/// What OpenSSL's error queue of this thread says: its oldest entry is the cause.
struct OpenSSLFailure {
    /// The library within OpenSSL, and the reason's number there; 0 when the queue was empty.
    var library: Int32 = 0
    var reason: Int32 = 0
    var text = "no reason given"

    /// Takes, and empties, the queue. On the thread of the call that failed.
    static func take() -> OpenSSLFailure {
        var failure = OpenSSLFailure()
        var data: UnsafePointer<CChar>?
        var flags: Int32 = 0
        let code = ERR_get_error_all(nil, nil, nil, &data, &flags)
        if code != 0 {
            failure.library = ERR_GET_LIB(code)
            failure.reason = ERR_GET_REASON(code)
            // SAFETY: constant text, and the entry's data, which lives until this thread's next error.
            failure.text = ERR_reason_error_string(code).map { String(cString: $0) } ?? "error \(code)"
            if let data, flags & ERR_TXT_STRING != 0, data.pointee != 0 {
                failure.text += " (\(String(cString: data)))"
            }
        }
        ERR_clear_error()
        return failure
    }

    /// The alert of the peer's that it stands for: OpenSSL numbers these reasons from 1000 on (SSL_AD_REASON_OFFSET).
    var alert: UInt8? {
        guard library == ERR_LIB_SSL, (1000..<1256).contains(reason) else { return nil }
        return UInt8(reason - 1000)
    }

    /// As an error of the connection.
    func error(isServer: Bool) -> TLSError {
        if let alert { return Self.refusal(alert, isServer: isServer) }
        guard library == ERR_LIB_SSL, let (code, words) = Self.known[reason] else {
            return TLSError(.protocolViolation, text)
        }
        return TLSError(code, "\(words) (\(text))")
    }

    private static let known: [Int32: (TLSError.Code, String)] = [
        SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: (
            .certificateMissing, "the client sent no certificate; give it one that this server's trust roots issued"
        ),
        SSL_R_UNSUPPORTED_PROTOCOL: (
            .noCommonVersion, "the peer offers no version of TLS that is allowed here; TLS 1.2 is the oldest"
        ),
        SSL_R_VERSION_TOO_LOW: (.noCommonVersion, "the peer's version of TLS is too old; TLS 1.2 is the oldest"),
        SSL_R_NO_PROTOCOLS_AVAILABLE: (.noCommonVersion, "no version of TLS is left to offer"),
        SSL_R_NO_SHARED_CIPHER: (
            .noCommonCipher, "the peer offers no cipher that is allowed here and fits the certificate's key"
        ),
        SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM: (
            .noCommonCipher, "the peer accepts no signature that the certificate's key can make"
        ),
        SSL_R_NO_APPLICATION_PROTOCOL: (
            .noCommonProtocol, "the client asks for application protocols (ALPN) that this server does not speak"
        ),
        SSL_R_HTTP_REQUEST: (.notTLS, "the peer sent a plain HTTP request; it should ask for https"),
        SSL_R_HTTPS_PROXY_REQUEST: (.notTLS, "the peer sent a plain proxy request"),
        SSL_R_WRONG_VERSION_NUMBER: (.notTLS, "what the peer sent is no TLS; is this the right port?"),
        SSL_R_PACKET_LENGTH_TOO_LONG: (.notTLS, "what the peer sent is no TLS record"),
        SSL_R_BAD_RECORD_TYPE: (.brokenRecord, "a record has an unknown type"),
        SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC: (.brokenRecord, "a record does not decrypt"),
        SSL_R_SSLV3_ALERT_BAD_RECORD_MAC: (.brokenRecord, "a record does not decrypt"),
        SSL_R_ENCRYPTED_LENGTH_TOO_LONG: (.brokenRecord, "a record is too long"),
        SSL_R_DATA_LENGTH_TOO_LONG: (.brokenRecord, "a record is too long"),
        SSL_R_LENGTH_TOO_SHORT: (.brokenRecord, "a record is too short"),
    ]

    private static func refusal(_ alert: UInt8, isServer: Bool) -> TLSError {
        let ours = isServer ? "the server's certificate" : "the client's certificate"
        let (name, words) = alerts[alert] ?? ("alert \(alert)", "the peer refused the connection")
        let message = words.replacing("OURS", with: ours)
        return TLSError(.refusedByPeer, "\(message) (the peer's alert: \(name))", alert: alert)
    }

    /// RFC 8446, section 6.2.
    private static let alerts: [UInt8: (name: String, words: String)] = [
        10: ("unexpected_message", "the peer did not expect our message"),
        20: ("bad_record_mac", "the peer could not decrypt our record"),
        40: ("handshake_failure", "the peer finds nothing in common: versions, ciphers or certificates"),
        42: ("bad_certificate", "the peer does not accept OURS"),
        43: ("unsupported_certificate", "the peer does not support the kind of OURS"),
        44: ("certificate_revoked", "the peer says that OURS is revoked"),
        45: ("certificate_expired", "the peer says that OURS has expired; renew it"),
        46: ("certificate_unknown", "the peer does not accept OURS"),
        48: ("unknown_ca", "the peer does not know who issued OURS: add the authority to its trust roots"),
        49: ("access_denied", "the peer knows us and denies access"),
        50: ("decode_error", "the peer could not read our message"),
        51: ("decrypt_error", "the peer could not verify our signature"),
        70: ("protocol_version", "the peer supports no version of TLS that is allowed here; TLS 1.2 is the oldest"),
        71: ("insufficient_security", "the peer asks for stronger ciphers"),
        80: ("internal_error", "the peer failed for a reason of its own"),
        90: ("user_canceled", "the peer's user cancelled the connection"),
        100: ("no_renegotiation", "the peer does not renegotiate"),
        112: ("unrecognized_name", "the peer has no certificate for the name asked for"),
        116: ("certificate_required", "the server requires a client certificate, and none was sent"),
        120: ("no_application_protocol", "the server speaks none of the application protocols (ALPN) asked for"),
    ]
}
