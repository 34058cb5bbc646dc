internal import COpenSSL
internal import Glibc

/// A certificate (X.509). Immutable; for any thread.
public final class Certificate: @unchecked Sendable, Hashable, CustomStringConvertible {
    // SAFETY: `raw` is owned from init to deinit and never changed after it; OpenSSL locks what it caches in it.

    let raw: OpaquePointer

    /// Takes over one reference.
    init(owning raw: OpaquePointer) { self.raw = raw }

    /// Takes a reference of its own.
    convenience init(sharing raw: OpaquePointer) {
        X509_up_ref(raw)
        self.init(owning: raw)
    }

    deinit { X509_free(raw) }

    /// The certificates of a PEM text, in its order; what is between them is passed over.
    ///
    /// - Parameter pem: the text.
    /// - Returns: at least one certificate.
    /// - Throws: `TLSError` (`badConfiguration`) if there is none, or one that can't be read.
    public static func list(pem: String) throws(TLSError) -> [Certificate] {
        try PEM.reading(pem) { bio throws(TLSError) in
            var found: [Certificate] = []
            // A trusted certificate's extra data is no part of what a peer gets.
            while let raw = PEM_read_bio_X509(bio, nil, nil, nil) { found.append(Certificate(owning: raw)) }
            let failure = OpenSSLFailure.take()
            let isEnd = failure.library == ERR_LIB_PEM && failure.reason == PEM_R_NO_START_LINE
            guard isEnd else { throw TLSError(.badConfiguration, "a certificate can't be read: \(failure.text)") }
            guard !found.isEmpty else { throw TLSError(.badConfiguration, "there is no certificate in the text") }
            return found
        }
    }

    /// Its text form.
    public var pem: String { PEM.writing { PEM_write_bio_X509($0, raw) } }

    /// Its encoded form (DER).
    public var der: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(max(i2d_X509(raw, nil), 0)))
        bytes.withUnsafeMutableBufferPointer { buffer in
            var start = buffer.baseAddress
            _ = i2d_X509(raw, &start)
        }
        return bytes
    }

    /// SHA-256 of the encoded form, in lower-case hexadecimal: what one pins or logs.
    public var fingerprint: String {
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        X509_digest(raw, EVP_sha256(), &digest, &count)
        let digits = Array("0123456789abcdef")
        return String(digest[..<Int(count)].flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }

    /// Whom it is for: a distinguished name as RFC 2253 writes it; may be empty.
    public var subject: String { Self.text(X509_get_subject_name(raw)) }
    /// Who issued it, in the same form.
    public var issuer: String { Self.text(X509_get_issuer_name(raw)) }
    /// The first second that it is valid, in seconds since 1970.
    public var notBefore: Int64 { Timestamp.seconds(X509_get0_notBefore(raw)) }
    /// The last second that it is valid, in seconds since 1970.
    public var notAfter: Int64 { Timestamp.seconds(X509_get0_notAfter(raw)) }
    /// The DNS names that it is for, wildcards as they stand there.
    public var dnsNames: [String] {
        alternativeNames.compactMap { $0.type == GEN_DNS ? String(decoding: $0.bytes, as: UTF8.self) : nil }
    }
    /// The IP addresses that it is for.
    public var addresses: [String] {
        alternativeNames.compactMap { $0.type == GEN_IPADD ? Self.address($0.bytes) : nil }
    }

    /// "CN=example.org, valid until 2027-01-31 12:00:00 UTC".
    public var description: String { "\(subjectText), valid until \(Timestamp.text(notAfter))" }

    /// Equal are certificates of the same bytes.
    public static func == (one: Certificate, other: Certificate) -> Bool { X509_cmp(one.raw, other.raw) == 0 }

    /// The fingerprint decides.
    public func hash(into hasher: inout Hasher) { hasher.combine(fingerprint) }

    var subjectText: String { subject.isEmpty ? "without a subject" : subject }
    var issuerText: String { issuer.isEmpty ? "a nameless authority" : issuer }

    private static func text(_ name: OpaquePointer?) -> String {
        guard let name else { return "" }
        return PEM.writing { cossl_print_name($0, name) }
    }

    private var alternativeNames: [(type: Int32, bytes: [UInt8])] {
        guard let names = cossl_alternative_names(raw) else { return [] }
        defer { cossl_names_free(names) }
        return (0..<cossl_names_count(names)).compactMap { index in
            var count: Int32 = 0
            guard let start = cossl_names_bytes(names, index, &count), count >= 0 else { return nil }
            return (cossl_names_type(names, index), Array(UnsafeBufferPointer(start: start, count: Int(count))))
        }
    }

    private static func address(_ bytes: [UInt8]) -> String? {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(bytes.count == 4 ? AF_INET : AF_INET6, bytes, &text, socklen_t(text.count)) != nil else {
            return nil
        }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
