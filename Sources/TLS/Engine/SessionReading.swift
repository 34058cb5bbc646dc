internal import COpenSSL

/// What OpenSSL knows of a connection after its handshake.
// SAFETY: on the thread of the engine that owns `ssl`; strings are constant or copied at once.
enum SessionReading {
    static func info(of ssl: OpaquePointer, isServer: Bool) -> TLSSessionInfo {
        TLSSessionInfo(
            version: TLSVersion(number: SSL_version(ssl)) ?? .tls12,
            cipher: SSL_CIPHER_standard_name(SSL_get_current_cipher(ssl)).map { String(cString: $0) } ?? "",
            applicationProtocol: applicationProtocol(of: ssl),
            serverName: SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name).map { String(cString: $0) },
            peerCertificates: certificates(of: ssl, isServer: isServer),
            isResumed: SSL_session_reused(ssl) == 1)
    }

    private static func applicationProtocol(of ssl: OpaquePointer) -> String? {
        var start: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &start, &count)
        guard let start, count > 0 else { return nil }
        return String(decoding: UnsafeBufferPointer(start: start, count: Int(count)), as: UTF8.self)
    }

    /// The peer's own certificate first. A server's list of what the client sent lacks that, a client's has it.
    private static func certificates(of ssl: OpaquePointer, isServer: Bool) -> [Certificate] {
        guard let own = SSL_get1_peer_certificate(ssl) else { return [] }
        var found = [Certificate(owning: own)]
        guard let chain = SSL_get_peer_cert_chain(ssl) else { return found }
        for index in (isServer ? 0 : 1)..<max(cossl_chain_count(chain), isServer ? 0 : 1) {
            if let raw = cossl_chain_at(chain, index) { found.append(Certificate(sharing: raw)) }
        }
        return found
    }
}
