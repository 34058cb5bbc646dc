import TLS
import TestSupport
import Testing

@Suite("certificates and keys")
struct CertificateTests {
    @Test("a certificate tells its names, its time and its fingerprint, and survives its text form")
    func properties() throws {
        let certificate = Certificates.server.certificate
        #expect(certificate.subject == "CN=localhost" && certificate.issuer == "CN=Test Intermediate")
        #expect(certificate.dnsNames == ["localhost"] && certificate.addresses == ["127.0.0.1", "::1"])
        #expect(certificate.notAfter - certificate.notBefore == 90_000)
        #expect(certificate.fingerprint.count == 64)
        let again = try Certificate.list(pem: "a comment\n" + certificate.pem + "\nand another\n")
        #expect(again == [certificate] && Set(again + [certificate]).count == 1)
        #expect(again[0].der == certificate.der && !certificate.der.isEmpty)
        #expect(certificate != Certificates.client.certificate)
    }

    @Test("texts that hold no certificate, or a broken one, are refused")
    func broken() throws {
        for text in ["", "nothing", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let error = #expect(throws: TLSError.self) { try Certificate.list(pem: text) }
            #expect(error?.code == .badConfiguration)
        }
        let cut = String(Certificates.server.certificate.pem.dropLast(60))
        #expect(throws: TLSError.self) { try Certificate.list(pem: cut) }
    }

    @Test("an identity comes from files, and a key of another certificate, an encrypted or missing one is told")
    func identities() async throws {
        let directory = try TemporaryDirectory("tls")
        let chain = try directory.write(Certificates.pem(Certificates.server), to: "chain.pem")
        let key = try directory.write(Certificates.server.keyPEM, to: "key.pem")
        let identity = try Identity(chainFile: chain, keyFile: key)
        #expect(identity.chain == Certificates.server.chain && identity.chain.count == 2)
        #expect(!identity.description.contains("PRIVATE"))
        let other = try directory.write(Certificates.client.keyPEM, to: "other.pem")
        let mismatch = #expect(throws: TLSError.self) { try Identity(chainFile: chain, keyFile: other) }
        #expect(mismatch?.message.contains("not the one of the first certificate, CN=localhost") == true)
        #expect(mismatch?.message.contains(other) == true)
        let keyless = #expect(throws: TLSError.self) { try Identity(chainFile: chain, keyFile: chain) }
        #expect(keyless?.message.contains("no private key") == true)
        let missing = #expect(throws: TLSError.self) { try Identity(chainFile: chain, keyFile: directory.file("none")) }
        #expect(missing?.message.contains("none: No such file") == true)
        guard try Requirement.need("openssl") else { return }
        let encrypted = directory.file("encrypted.pem")
        try await openssl("pkey", "-in", key, "-aes256", "-passout", "pass:secret", "-out", encrypted)
        let locked = #expect(throws: TLSError.self) { try Identity(chainFile: chain, keyFile: encrypted) }
        #expect(locked?.message.contains("encrypted") == true)
    }

    @Test("what openssl makes is read: RSA with its chain, and a trust root from a file")
    func foreign() async throws {
        guard try Requirement.need("openssl") else { return }
        let directory = try TemporaryDirectory("tls")
        try await openssl(
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=made by openssl", "-days", "2", "-keyout",
            directory.file("key.pem"), "-out", directory.file("cert.pem"), "-addext",
            "subjectAltName=DNS:made.test,IP:192.0.2.1")
        let identity = try Identity(chainFile: directory.file("cert.pem"), keyFile: directory.file("key.pem"))
        #expect(identity.certificate.dnsNames == ["made.test"] && identity.certificate.addresses == ["192.0.2.1"])
        let roots = try TrustRoots(file: directory.file("cert.pem"))
        let wire = try Wire(try clientContext(roots), try serverContext([identity]), name: "made.test")
        wire.run()
        #expect(wire.client.isOpen)
        #expect(throws: TLSError.self) { try TrustRoots(file: directory.file("key.pem")) }
    }

    @Test("names are DNS names or addresses, nothing else")
    func names() throws {
        #expect(try ServerName("Example.TEST.").text == "example.test")
        #expect(try ServerName("127.0.0.1").isAddress && ServerName("fe80::1").isAddress)
        for text in ["", ".", "a..b", "a b", "a/b", "[::1]", "*.example.test", "a\u{0}b", "é.test"] {
            #expect(throws: TLSError.self, "\(text.debugDescription)") { try ServerName(text) }
        }
        #expect(throws: TLSError.self) { try Identity.selfSigned(for: ["a,DNS:evil.test"]) }
        #expect(throws: TLSError.self) { try Identity.selfSigned(for: []) }
        #expect(throws: TLSError.self) { try Identity.selfSigned(for: ["a.test"], days: 0) }
    }

    @Test("a self-signed identity serves those who trust it, and its key can be kept")
    func selfSigned() throws {
        let made = try Identity.selfSigned(for: ["node.test", "127.0.0.1"])
        let identity = try Identity(chainPEM: made.certificate.pem, keyPEM: made.keyPEM)
        let roots = TrustRoots([identity.certificate])
        for name in ["node.test", "127.0.0.1"] {
            let wire = try Wire(try clientContext(roots), try serverContext([identity]), name: name)
            wire.run()
            #expect(wire.client.isOpen && wire.server.isOpen)
        }
    }

    @Test("a client may trust the system's roots, and then knows nothing of ours")
    func system() throws {
        let wire = try Wire(try clientContext(.system), try serverContext())
        wire.run()
        #expect(wire.client.failure?.code == .unknownIssuer)
        let both = TrustRoots([Certificates.root.certificate], includesSystem: true)
        let second = try Wire(try clientContext(both), try serverContext())
        second.run()
        #expect(second.client.isOpen)
    }

    @Test("settings that can't be are refused")
    func settings() throws {
        #expect(throws: TLSError.self) { try serverContext([]) }
        #expect(throws: TLSError.self) { try serverContext { $0.applicationProtocols = [""] } }
        let long = String(repeating: "x", count: 256)
        #expect(throws: TLSError.self) { try clientContext { $0.applicationProtocols = [long] } }
    }
}
