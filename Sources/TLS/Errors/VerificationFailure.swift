internal import COpenSSL

/// Why a chain of certificates was not believed, as OpenSSL's verification tells it.
struct VerificationFailure {
    /// One of X509_V_ERR_*.
    var code: Int32
    /// The certificate's place in the chain: 0 is the peer's own.
    var depth: Int32
    var certificate: Certificate?

    /// As an error of the connection.
    ///
    /// - Parameters:
    ///   - expected: the name or address asked for, on a client.
    ///   - isServer: whether the chain is a client's.
    /// - Returns: the error.
    func error(expected: String?, isServer: Bool) -> TLSError {
        let owner = isServer ? "the client's" : "the server's"
        let place = depth == 0 ? "\(owner) certificate" : "certificate \(depth) of \(owner) chain"
        let which = certificate.map { "\(place) (\($0.subjectText), issued by \($0.issuerText))" } ?? place
        let (code, words) = verdict(expected: expected)
        return TLSError(code, "\(which) \(words)", certificate: certificate)
    }

    private func verdict(expected: String?) -> (TLSError.Code, String) {
        switch code {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            let end = certificate.map { " on \(Timestamp.text($0.notAfter))" } ?? ""
            return (.certificateExpired, "expired\(end); it has to be renewed")
        case X509_V_ERR_CERT_NOT_YET_VALID:
            let begin = certificate.map { " before \(Timestamp.text($0.notBefore))" } ?? ""
            return (.certificateNotYetValid, "is not valid\(begin); check the clocks of both machines")
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
            let names = certificate.map { $0.dnsNames + $0.addresses } ?? []
            let list = names.isEmpty ? "no name at all" : names.joined(separator: ", ")
            return (.nameMismatch, "is for \(list), not for \(expected ?? "the name asked for")")
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
            return (.unknownIssuer, "is self-signed and not among the trust roots; add it there if it is the right one")
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
            return (.unknownIssuer, "is an authority that is not among the trust roots; add it there if it is trusted")
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            let advice = "add the issuer to them, or have the peer send its intermediate certificates"
            return (.unknownIssuer, "leads to none of the trust roots; \(advice)")
        case X509_V_ERR_INVALID_PURPOSE:
            return (.badCertificate, "is not meant for this purpose (extended key usage)")
        default:
            // SAFETY: constant text.
            return (.badCertificate, "is not accepted: \(String(cString: X509_verify_cert_error_string(Int(code))))")
        }
    }
}
