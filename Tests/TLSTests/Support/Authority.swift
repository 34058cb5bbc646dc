import TLS

/// Certificates for the tests, made once for the process.
enum Certificates {
    static let root = make("Test Root") { $0.isAuthority = true }
    static let intermediate = make("Test Intermediate") {
        $0.isAuthority = true
        $0.issuer = root
    }
    static let otherRoot = make("Another Root") { $0.isAuthority = true }

    static let server = make("localhost", names: ["localhost", "127.0.0.1", "::1"]) { $0.issuer = intermediate }
    static let expired = make("localhost", names: ["localhost", "127.0.0.1"]) {
        $0.issuer = root
        $0.validity = -20 * 86_400 ... -10 * 86_400
    }
    static let early = make("localhost", names: ["localhost", "127.0.0.1"]) {
        $0.issuer = root
        $0.validity = 86_400...10 * 86_400
    }
    static let selfSigned = make("localhost", names: ["localhost", "127.0.0.1"])
    static let foreign = make("localhost", names: ["localhost", "127.0.0.1"]) { $0.issuer = otherRoot }
    static let onlyClient = make("localhost", names: ["localhost", "127.0.0.1"]) {
        $0.issuer = root
        $0.usage = "clientAuth"
    }
    static let wildcard = make("wildcard", names: ["*.example.test"]) { $0.issuer = root }
    static let exact = make("exact", names: ["api.example.test", "other.test"]) { $0.issuer = root }
    /// A name in the subject alone, as certificates had it long ago.
    static let subjectOnly = make("localhost") { $0.issuer = root }

    static let client = make("alice") {
        $0.issuer = root
        $0.usage = "clientAuth"
    }
    static let foreignClient = make("mallory") { $0.issuer = otherRoot }
    static let expiredClient = make("alice") {
        $0.issuer = root
        $0.validity = -20 * 86_400 ... -10 * 86_400
    }

    static let roots = TrustRoots([root.certificate])

    private static func make(
        _ subject: String, names: [String] = [], _ configure: (inout CertificateBuilder) -> Void = { _ in }
    ) -> Identity {
        var builder = CertificateBuilder(subject: subject, names: names)
        builder.validity = -3600...86_400
        configure(&builder)
        do {
            return try builder.make()
        } catch {
            fatalError("no certificate for \(subject): \(error)")
        }
    }

    static func pem(_ identity: Identity) -> String { identity.chain.map(\.pem).joined() }
}

func serverContext(
    _ identities: [Identity] = [Certificates.server], _ configure: (inout TLSServerConfiguration) -> Void = { _ in }
) throws -> TLSServerContext {
    var configuration = TLSServerConfiguration(identities: identities)
    configure(&configuration)
    return try TLSServerContext(configuration)
}

func clientContext(
    _ roots: TrustRoots = Certificates.roots, _ configure: (inout TLSClientConfiguration) -> Void = { _ in }
) throws -> TLSClientContext {
    var configuration = TLSClientConfiguration(trust: roots)
    configure(&configuration)
    return try TLSClientContext(configuration)
}
