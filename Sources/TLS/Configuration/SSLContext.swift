internal import COpenSSL

/// OpenSSL's part that all connections of one configuration share. Set up by its owner, then never changed.
// SAFETY: `raw` is owned from init to deinit; after the set-up OpenSSL only reads it, and counts references with atomics.
final class SSLContext: @unchecked Sendable {
    let raw: OpaquePointer
    /// The application protocols in the form of the wire.
    private(set) var protocols: [UInt8] = []
    private(set) var table: IdentityTable?

    init(isServer: Bool, minimumVersion: TLSVersion) throws(TLSError) {
        ERR_clear_error()
        guard let raw = SSL_CTX_new(isServer ? TLS_server_method() : TLS_client_method()) else {
            throw TLSError(.badConfiguration, "OpenSSL: \(OpenSSLFailure.take().text)")
        }
        self.raw = raw
        SSL_CTX_set_security_level(raw, 2)
        cossl_set_safe_options(raw)
        // A buffer only while it is used: 34 KB less for each idle connection.
        _ = cossl_set_mode(raw, Int(SSL_MODE_RELEASE_BUFFERS) | Int(SSL_MODE_NO_AUTO_CHAIN))
        // For TLS 1.2: forward secrecy and authenticated encryption alone, as RFC 9325 recommends.
        guard cossl_set_min_version(raw, minimumVersion.number) == 1, cossl_set_max_version(raw, TLS1_3_VERSION) == 1,
            SSL_CTX_set_cipher_list(raw, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1
        else { throw failure("versions and ciphers") }
    }

    deinit { SSL_CTX_free(raw) }

    func failure(_ what: String) -> TLSError {
        TLSError(.badConfiguration, "\(what): \(OpenSSLFailure.take().text)")
    }

    // MARK: - Set-up

    func trust(_ roots: TrustRoots) throws(TLSError) {
        if roots.includesSystem, SSL_CTX_set_default_verify_paths(raw) != 1 {
            throw failure("the system's trust roots")
        }
        for root in roots.certificates where X509_STORE_add_cert(SSL_CTX_get_cert_store(raw), root.raw) != 1 {
            throw failure("trust root \(root.subjectText)")
        }
    }

    /// Has the peer's certificate verified; why one is not accepted is told to the engine.
    func verify(_ mode: Int32) {
        SSL_CTX_set_verify(raw, mode) { accepted, store in
            guard accepted == 0, let store, let engine = TLSEngine.of(cossl_ssl_of(store)) else { return accepted }
            engine.verificationFailed(
                VerificationFailure(
                    code: X509_STORE_CTX_get_error(store), depth: X509_STORE_CTX_get_error_depth(store),
                    certificate: X509_STORE_CTX_get_current_cert(store).map { Certificate(sharing: $0) }))
            return 0
        }
    }

    func use(_ identity: Identity) throws(TLSError) {
        let used = identity.withIntermediates {
            cossl_ctx_use_identity(raw, identity.certificate.raw, identity.key, $0)
        }
        guard used == 1 else { throw failure("certificate \(identity.certificate.subjectText)") }
    }

    func offer(_ protocols: [String]) throws(TLSError) {
        for name in protocols {
            guard (1...255).contains(name.utf8.count) else {
                throw TLSError(.badConfiguration, "\(name.debugDescription) is no name of an application protocol")
            }
            self.protocols.append(UInt8(name.utf8.count))
            self.protocols += Array(name.utf8)
        }
        guard self.protocols.count <= 65535 else { throw TLSError(.badConfiguration, "too many application protocols") }
    }

    /// Chooses, on a server, from what a client asks for.
    func chooseProtocols() {
        guard !protocols.isEmpty else { return }
        SSL_CTX_set_alpn_select_cb(
            raw,
            { ssl, chosen, count, offered, offeredCount, _ in
                guard let engine = TLSEngine.of(ssl), let offered, let chosen, let count else {
                    return SSL_TLSEXT_ERR_ALERT_FATAL
                }
                let list = UnsafeBufferPointer(start: offered, count: Int(offeredCount))
                guard let range = ApplicationProtocols.choose(engine.context.protocols, from: list) else {
                    return SSL_TLSEXT_ERR_ALERT_FATAL
                }
                // SAFETY: within the client's list, which OpenSSL keeps until it has copied this.
                chosen.pointee = offered + range.lowerBound
                count.pointee = UInt8(range.count)
                return SSL_TLSEXT_ERR_OK
            }, nil)
    }

    /// Chooses, on a server, the certificate by the name that a client asks for.
    func chooseIdentities(_ table: IdentityTable) {
        self.table = table
        cossl_set_server_name_callback(
            raw,
            { ssl, alert, _ in
                guard let ssl, let engine = TLSEngine.of(ssl) else { return SSL_TLSEXT_ERR_ALERT_FATAL }
                if engine.chooseIdentity() { return SSL_TLSEXT_ERR_OK }
                alert?.pointee = Int32(SSL_AD_UNRECOGNIZED_NAME)
                return SSL_TLSEXT_ERR_ALERT_FATAL
            }, nil)
    }
}
