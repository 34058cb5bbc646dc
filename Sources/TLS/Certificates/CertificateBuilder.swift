internal import COpenSSL
internal import Glibc

/// Makes certificates, for `Identity.selfSigned` and for tests.
package struct CertificateBuilder {
    /// The common name.
    package var subject: String
    /// DNS names and IP addresses.
    package var names: [String]
    /// From when to when, in seconds from now.
    package var validity = 0...86_400
    /// Whether it may issue others.
    package var isAuthority = false
    /// Extended key usage, as OpenSSL names it; nil leaves it out.
    package var usage: String?
    /// Who signs; nil for itself.
    package var issuer: Identity?

    /// With the defaults for all else.
    package init(subject: String, names: [String] = []) {
        self.subject = subject
        self.names = names
    }

    /// Makes a key and the certificate.
    ///
    /// - Returns: the identity; its chain has the issuer's, but for a self-signed authority's.
    /// - Throws: `TLSError` (`badConfiguration`).
    package func make() throws(TLSError) -> Identity {
        ERR_clear_error()
        let key = try Self.freshKey()
        guard let raw = X509_new() else { throw Self.failure() }
        let certificate = Certificate(owning: raw)
        do throws(TLSError) {
            try fill(raw, key)
        } catch {
            EVP_PKEY_free(key)
            throw error
        }
        let above = issuer.map { $0.chain.filter { $0.subject != $0.issuer } } ?? []
        return try Identity(chain: [certificate] + above, owning: key)
    }

    private func fill(_ raw: OpaquePointer, _ key: OpaquePointer) throws(TLSError) {
        X509_set_version(raw, 2)
        var serial: UInt64 = 0
        withUnsafeMutableBytes(of: &serial) { _ = RAND_bytes($0.baseAddress, 8) }
        ASN1_INTEGER_set_uint64(X509_get_serialNumber(raw), serial >> 1)
        X509_gmtime_adj(X509_getm_notBefore(raw), validity.lowerBound)
        X509_gmtime_adj(X509_getm_notAfter(raw), validity.upperBound)
        X509_set_pubkey(raw, key)
        let name = Array(subject.utf8)
        X509_NAME_add_entry_by_txt(
            X509_get_subject_name(raw), "CN", MBSTRING_UTF8, name, Int32(name.count), -1, 0)
        X509_set_issuer_name(
            raw, issuer.map { X509_get_subject_name($0.certificate.raw) } ?? X509_get_subject_name(raw))
        try add(NID_basic_constraints, isAuthority ? "critical,CA:TRUE" : "critical,CA:FALSE", to: raw)
        try add(NID_key_usage, isAuthority ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature", to: raw)
        if let usage { try add(NID_ext_key_usage, usage, to: raw) }
        if !names.isEmpty {
            let list = try names.map { name throws(TLSError) in try Self.alternativeName(name) }
            try add(NID_subject_alt_name, list.joined(separator: ","), to: raw)
        }
        guard X509_sign(raw, issuer?.key ?? key, EVP_sha256()) > 0 else { throw Self.failure() }
    }

    private func add(_ kind: Int32, _ value: String, to raw: OpaquePointer) throws(TLSError) {
        guard let added = X509V3_EXT_conf_nid(nil, nil, kind, value) else { throw Self.failure() }
        X509_add_ext(raw, added, -1)
        X509_EXTENSION_free(added)
    }

    /// In OpenSSL's notation, in which a comma would begin another name.
    private static func alternativeName(_ name: String) throws(TLSError) -> String {
        if ServerName.isAddress(name) { return "IP:\(name)" }
        guard ServerName.isHostName(name.hasPrefix("*.") ? String(name.dropFirst(2)) : name) else {
            throw TLSError(.badConfiguration, "\(name.debugDescription) is no DNS name and no IP address")
        }
        return "DNS:\(name)"
    }

    private static func freshKey() throws(TLSError) -> OpaquePointer {
        guard let context = EVP_PKEY_CTX_new_from_name(nil, "EC", nil) else { throw failure() }
        defer { EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        guard EVP_PKEY_keygen_init(context) == 1, EVP_PKEY_CTX_set_group_name(context, "P-256") == 1,
            EVP_PKEY_generate(context, &key) == 1, let key
        else { throw failure() }
        return key
    }

    private static func failure() -> TLSError {
        TLSError(.badConfiguration, "the certificate can't be made: \(OpenSSLFailure.take().text)")
    }
}
