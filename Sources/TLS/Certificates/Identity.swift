internal import COpenSSL

/// What a server or client proves itself by: its certificate, the intermediate ones, and the private key. Immutable; for any
/// thread. The key is never shown.
public final class Identity: @unchecked Sendable, CustomStringConvertible {
    // SAFETY: `key` is owned from init to deinit and never changed; OpenSSL's keys may be used by several threads at once.

    /// The certificate, then those that lead from it towards an authority; the authority's own is not needed.
    public let chain: [Certificate]
    /// The certificate that names whom this is.
    public let certificate: Certificate
    let key: OpaquePointer

    /// From texts in PEM.
    ///
    /// - Parameters:
    ///   - chain: the certificate, followed by intermediate ones.
    ///   - key: the private key, unencrypted.
    /// - Throws: `TLSError` (`badConfiguration`) when either can't be read, the key is encrypted, or the two don't belong
    ///   together.
    public convenience init(chainPEM chain: String, keyPEM key: String) throws(TLSError) {
        let certificates = try Certificate.list(pem: chain)
        let raw = try PEM.reading(key) { bio throws(TLSError) in
            // The callback keeps OpenSSL from asking on the terminal.
            let raw = PEM_read_bio_PrivateKey(bio, nil, { _, _, _, _ in 0 }, nil)
            let failure = OpenSSLFailure.take()
            guard let raw else { throw Self.keyError(failure) }
            return raw
        }
        try self.init(chain: certificates, owning: raw)
    }

    /// From files in PEM, which may be the same. Reads files: not on a loop, but at start or on an executor for blocking work.
    ///
    /// - Parameters:
    ///   - chainFile: the certificate, followed by intermediate ones.
    ///   - keyFile: the private key, unencrypted.
    /// - Throws: `TLSError` (`badConfiguration`) that names the file.
    public convenience init(chainFile: String, keyFile: String) throws(TLSError) {
        let (chain, key) = (try PEM.file(chainFile), try PEM.file(keyFile))
        do throws(TLSError) {
            try self.init(chainPEM: chain, keyPEM: key)
        } catch {
            throw TLSError(.badConfiguration, "\(chainFile), \(keyFile): \(error.message)")
        }
    }

    /// Takes over the key.
    init(chain: [Certificate], owning key: OpaquePointer) throws(TLSError) {
        self.chain = chain
        self.key = key
        certificate = chain[0]
        guard X509_check_private_key(certificate.raw, key) == 1 else {
            ERR_clear_error()
            let subject = certificate.subjectText
            throw TLSError(
                .badConfiguration, "the private key is not the one of the first certificate, \(subject)",
                certificate: certificate)
        }
    }

    deinit { EVP_PKEY_free(key) }

    /// A certificate that vouches for itself, with a fresh key (ECDSA, P-256): for tests, and for a first start. Clients have
    /// to be given it as trust root.
    ///
    /// - Parameters:
    ///   - names: the DNS names and IP addresses that it is for; the first is its subject.
    ///   - days: how long it is valid, from now on; at least 1.
    /// - Returns: the identity.
    /// - Throws: `TLSError` (`badConfiguration`) for a name that can't be one.
    public static func selfSigned(for names: [String], days: Int = 30) throws(TLSError) -> Identity {
        guard let first = names.first, (1...36_500).contains(days) else {
            throw TLSError(.badConfiguration, "a certificate needs a name, and at least a day and at most a century")
        }
        var builder = CertificateBuilder(subject: first, names: names)
        // A client's clock may be a little behind.
        builder.validity = -300...days * 86_400
        return try builder.make()
    }

    /// The certificate; never the key.
    public var description: String { certificate.description }

    /// The private key in PEM, to keep what `selfSigned` made. A secret: a file of mode 0600 is its place.
    public var keyPEM: String { PEM.writing { PEM_write_bio_PrivateKey($0, key, nil, nil, 0, nil, nil) } }

    /// Calls the body with the intermediate certificates as OpenSSL wants them; nil for none.
    func withIntermediates<T>(_ body: (OpaquePointer?) -> T) -> T {
        guard chain.count > 1, let stack = cossl_chain_new() else { return body(nil) }
        defer { cossl_chain_free(stack) }
        for certificate in chain.dropFirst() { _ = cossl_chain_push(stack, certificate.raw) }
        return body(stack)
    }

    private static func keyError(_ failure: OpenSSLFailure) -> TLSError {
        if failure.library == ERR_LIB_PEM, [PEM_R_BAD_PASSWORD_READ, PEM_R_BAD_DECRYPT].contains(failure.reason) {
            return TLSError(.badConfiguration, "the private key is encrypted; decrypt it with `openssl pkey`")
        }
        return TLSError(
            .badConfiguration, "there is no private key in the text, or none that can be read (\(failure.text))")
    }
}
