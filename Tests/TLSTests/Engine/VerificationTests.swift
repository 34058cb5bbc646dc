import TLS
import Testing

@Suite("what a certificate must be")
struct VerificationTests {
    private func clientFailure(
        _ identity: Identity, name: String = "localhost", roots: TrustRoots = Certificates.roots
    ) throws -> (client: TLSError?, server: TLSError?) {
        let wire = try Wire(try clientContext(roots), try serverContext([identity]), name: name)
        wire.run()
        #expect(wire.client.isOpen == (wire.client.failure == nil))
        return (wire.client.failure, wire.server.failure)
    }

    @Test("names and addresses are verified")
    func names() throws {
        for name in ["localhost", "LOCALHOST", "localhost.", "127.0.0.1", "::1"] {
            #expect(try clientFailure(Certificates.server, name: name).client == nil, "\(name)")
        }
        for name in ["example.test", "127.0.0.2", "::2", "sub.localhost"] {
            let failure = try clientFailure(Certificates.server, name: name).client
            #expect(failure?.code == .nameMismatch, "\(name)")
            #expect(failure?.message.contains("is for localhost, 127.0.0.1, ::1, not for \(name)") == true)
        }
        let old = try clientFailure(Certificates.subjectOnly).client
        #expect(old?.code == .nameMismatch && old?.message.contains("no name at all") == true)
    }

    @Test("an expired one is refused, and the error says when it expired and whose it is")
    func expired() throws {
        let (client, server) = try clientFailure(Certificates.expired)
        #expect(client?.code == .certificateExpired)
        #expect(client?.certificate == Certificates.expired.certificate)
        let text = "\(try #require(client))"
        #expect(
            text.contains("CN=localhost") && text.contains("issued by CN=Test Root") && text.contains("expired on 20"))
        #expect(server?.code == .refusedByPeer && server?.alert == 45)
    }

    @Test("one that is not valid yet is refused")
    func early() throws { #expect(try clientFailure(Certificates.early).client?.code == .certificateNotYetValid) }

    @Test("a self-signed one is refused, unless it is a trust root itself")
    func selfSigned() throws {
        let (client, server) = try clientFailure(Certificates.selfSigned)
        #expect(client?.code == .unknownIssuer && client?.message.contains("self-signed") == true)
        #expect(server?.alert == 48)
        let trusted = TrustRoots([Certificates.selfSigned.certificate])
        #expect(try clientFailure(Certificates.selfSigned, roots: trusted).client == nil)
    }

    @Test("one of an unknown authority is refused")
    func unknownAuthority() throws {
        let (client, server) = try clientFailure(Certificates.foreign)
        #expect(client?.code == .unknownIssuer && client?.message.contains("trust roots") == true)
        #expect(server?.alert == 48)
    }

    @Test("one for other purposes is refused")
    func purpose() throws { #expect(try clientFailure(Certificates.onlyClient).client?.code == .badCertificate) }

    @Test("an intermediate certificate that the server does not send is missed")
    func missingIntermediate() throws {
        let alone = try Identity(
            chainPEM: Certificates.server.certificate.pem, keyPEM: Certificates.server.keyPEM)
        let failure = try clientFailure(alone).client
        #expect(failure?.code == .unknownIssuer && failure?.message.contains("intermediate") == true)
    }

    @Test("a required client certificate gets through; without, or with a bad one, the client is refused")
    func required() throws {
        let server = try serverContext { $0.clientCertificates = .required(Certificates.roots) }
        let good = try Wire(try clientContext { $0.identity = Certificates.client }, server)
        good.run()
        #expect(good.server.engine.info?.peerCertificates.map(\.subject) == ["CN=alice"])
        for (identity, code, alert) in [
            (nil, TLSError.Code.certificateMissing, 116), (Certificates.foreignClient, .unknownIssuer, 48),
            (Certificates.expiredClient, .certificateExpired, 45),
        ] as [(Identity?, TLSError.Code, UInt8)] {
            let wire = try Wire(try clientContext { $0.identity = identity }, server)
            wire.run()
            #expect(wire.server.failure?.code == code)
            // With TLS 1.3 the client has finished its handshake by then.
            #expect(wire.client.isOpen && wire.client.failure?.alert == alert)
            if identity != nil { #expect(wire.server.failure?.message.contains("client's certificate (CN=") == true) }
        }
    }

    @Test("an optional client certificate may be missing, but not bad")
    func optional() throws {
        let server = try serverContext { $0.clientCertificates = .optional(Certificates.roots) }
        let without = try Wire(try clientContext(), server)
        without.run()
        #expect(without.server.engine.info?.peerCertificates == [])
        let with = try Wire(try clientContext { $0.identity = Certificates.client }, server)
        with.run()
        #expect(with.server.engine.info?.peerCertificates.first?.subject == "CN=alice")
        let bad = try Wire(try clientContext { $0.identity = Certificates.foreignClient }, server)
        bad.run()
        #expect(bad.server.failure?.code == .unknownIssuer)
    }
}
