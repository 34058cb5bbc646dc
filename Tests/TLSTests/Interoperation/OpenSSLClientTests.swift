import Runtime
import TLS
import TestSupport
import Testing

@Suite("our server and openssl s_client")
struct OpenSSLClientTests {
    /// Certificates as files, and a server of ours.
    private struct Stage {
        let directory: TemporaryDirectory
        let server: EchoServer

        init(
            _ identities: [Identity] = [Certificates.server],
            _ configure: (inout TLSServerConfiguration) -> Void = { _ in }
        ) async throws {
            directory = try TemporaryDirectory("tls")
            try directory.write(Certificates.root.certificate.pem, to: "root.pem")
            try directory.write(Certificates.pem(Certificates.client), to: "client.pem")
            try directory.write(Certificates.client.keyPEM, to: "client.key")
            server = try await EchoServer(try serverContext(identities, configure))
        }

        func client(_ arguments: String...) async throws -> Dialogue {
            try await Dialogue(
                "openssl",
                ["s_client", "-connect", "\(server.address)", "-CAfile", directory.file("root.pem")] + arguments)
        }
    }

    @Test("it verifies us, agrees on a protocol, and gets its bytes back", arguments: ["-tls1_2", "-tls1_3"])
    func echo(_ version: String) async throws {
        guard try Requirement.need("openssl") else { return }
        try await bounded {
            let stage = try await Stage { $0.applicationProtocols = ["http/1.1", "echo"] }
            let client = try await stage.client(
                version, "-verify_return_error", "-verify_hostname", "localhost", "-servername", "localhost", "-alpn",
                "echo,other")
            try await client.wait(for: "Verify return code: 0 (ok)")
            try await client.wait(for: "ALPN protocol: echo")
            try await client.send("over the wire\n")
            try await client.wait(for: "over the wire")
            client.endInput()
            let (status, text) = try await client.end()
            #expect(status.isSuccess, "\(text)")
            let info = try #require(try await stage.server.agreed.wait(for: 1).first)
            #expect(info.version == (version == "-tls1_2" ? .tls12 : .tls13))
            #expect(info.serverName == "localhost" && info.applicationProtocol == "echo")
            #expect(try await stage.server.ends.wait(for: 1)[0] == nil)
        }
    }

    @Test("TLS 1.1 is refused with an alert that says so")
    func oldVersion() async throws {
        guard try Requirement.need("openssl") else { return }
        try await bounded {
            let stage = try await Stage()
            let client = try await stage.client("-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0")
            let (status, text) = try await client.end()
            #expect(!status.isSuccess && text.contains("alert protocol version"), "\(text)")
            let error = try await stage.server.ends.wait(for: 1)[0] as? TLSError
            #expect(error?.code == .noCommonVersion && error?.message.contains("TLS 1.2 is the oldest") == true)
        }
    }

    @Test("TLS 1.2 is refused where 1.3 is the minimum")
    func minimum() async throws {
        guard try Requirement.need("openssl") else { return }
        try await bounded {
            let stage = try await Stage { $0.minimumVersion = .tls13 }
            let (status, text) = try await stage.client("-tls1_2").end()
            #expect(!status.isSuccess && text.contains("alert protocol version"), "\(text)")
            #expect((try await stage.server.ends.wait(for: 1)[0] as? TLSError)?.code == .noCommonVersion)
        }
    }

    @Test(
        "weak ciphers and static key exchange are refused",
        arguments: ["AES128-SHA", "AES256-GCM-SHA384", "ECDHE-RSA-AES128-SHA"])
    func weakCiphers(_ cipher: String) async throws {
        guard try Requirement.need("openssl") else { return }
        try await bounded {
            let stage = try await Stage()
            let (status, text) = try await stage.client("-tls1_2", "-cipher", cipher).end()
            #expect(!status.isSuccess && text.contains("handshake failure"), "\(text)")
            #expect((try await stage.server.ends.wait(for: 1)[0] as? TLSError)?.code == .noCommonCipher)
        }
    }

    @Test("an attempt to renegotiate is declined")
    func renegotiation() async throws {
        guard try Requirement.need("openssl") else { return }
        try await bounded {
            let stage = try await Stage()
            let client = try await stage.client("-tls1_2")
            try await client.wait(for: "Verify return code: 0 (ok)")
            try await client.send("before\n")
            try await client.wait(for: "before")
            try await client.send("R\n")
            try await client.wait(for: "RENEGOTIATING")
            let (status, text) = try await client.end()
            #expect(text.contains("no renegotiation") && !status.isSuccess, "\(text)")
            #expect(stage.server.agreed.values.count == 1)
        }
    }

    @Test("key updates are answered, however many")
    func keyUpdates() async throws {
        guard try Requirement.need("openssl") else { return }
        try await bounded {
            let stage = try await Stage()
            let client = try await stage.client("-tls1_3")
            try await client.wait(for: "Verify return code: 0 (ok)")
            for round in 0..<5 {
                try await client.send("K\n")
                try await client.wait(for: "KEYUPDATE", times: round + 1)
                try await client.send("round \(round)\n")
                try await client.wait(for: "round \(round)")
            }
            client.endInput()
            _ = try await client.end()
            #expect(try await stage.server.ends.wait(for: 1)[0] == nil)
        }
    }

    @Test("other application protocols alone are refused")
    func wrongProtocol() async throws {
        guard try Requirement.need("openssl") else { return }
        try await bounded {
            let stage = try await Stage { $0.applicationProtocols = ["h2"] }
            let (status, text) = try await stage.client("-alpn", "spdy/1").end()
            #expect(!status.isSuccess && text.contains("no application protocol"), "\(text)")
        }
    }

    @Test(
        "its client certificate is seen; without one it is refused where one is required",
        arguments: ["-tls1_2", "-tls1_3"])
    func clientCertificate(_ version: String) async throws {
        guard try Requirement.need("openssl") else { return }
        try await bounded {
            let stage = try await Stage { $0.clientCertificates = .required(Certificates.roots) }
            let good = try await stage.client(
                version, "-cert", stage.directory.file("client.pem"), "-key", stage.directory.file("client.key"))
            try await good.wait(for: "Acceptable client certificate CA names\nCN = Test Root")
            try await good.send("it is me\n")
            try await good.wait(for: "it is me")
            good.kill()
            #expect(stage.server.agreed.values[0].peerCertificates.first?.subject == "CN=alice")
            let (status, text) = try await stage.client(version).end()
            let alert = version == "-tls1_2" ? "alert handshake failure" : "alert certificate required"
            #expect(!status.isSuccess && text.contains(alert), "\(text)")
        }
    }

    @Test("the certificate is chosen by the name it asks for")
    func serverName() async throws {
        guard try Requirement.need("openssl") else { return }
        try await bounded {
            let stage = try await Stage([Certificates.server, Certificates.wildcard, Certificates.exact])
            for (name, subject) in [("x.example.test", "wildcard"), ("other.test", "exact"), ("no.such", "localhost")] {
                let client = try await stage.client("-servername", name)
                try await client.wait(for: "subject=CN = \(subject)\n")
                client.kill()
            }
        }
    }

    @Test("of two certificates for one name each client gets one with a key that it understands")
    func keyKinds() async throws {
        guard try Requirement.need("openssl") else { return }
        try await bounded {
            let directory = try TemporaryDirectory("tls")
            let (key, certificate) = (directory.file("key.pem"), directory.file("cert.pem"))
            try await openssl(
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=an RSA key", "-days", "2", "-keyout",
                key,
                "-out", certificate, "-addext", "subjectAltName=DNS:localhost")
            let rsa = try Identity(chainFile: certificate, keyFile: key)
            let stage = try await Stage([Certificates.server, Certificates.exact, rsa])
            for (name, cipher, subject) in [
                ("localhost", "ECDHE-RSA-AES128-GCM-SHA256", "an RSA key"),
                ("localhost", "ECDHE-ECDSA-AES128-GCM-SHA256", "localhost"),
                ("unknown.test", "ECDHE-RSA-AES128-GCM-SHA256", "an RSA key"),
                ("other.test", "ECDHE-ECDSA-AES128-GCM-SHA256", "exact"),
            ] {
                let client = try await stage.client("-tls1_2", "-servername", name, "-cipher", cipher)
                try await client.wait(for: "subject=CN = \(subject)\n")
                client.kill()
            }
            // The other name has no RSA key: its certificate, or none.
            let none = try await stage.client(
                "-tls1_2", "-servername", "other.test", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256")
            #expect(try await none.end().text.contains("handshake failure"))
        }
    }

    @Test("it resumes a session that it kept in a file", arguments: ["-tls1_2", "-tls1_3"])
    func resumption(_ version: String) async throws {
        guard try Requirement.need("openssl") else { return }
        try await bounded {
            let stage = try await Stage()
            let file = stage.directory.file("session")
            let first = try await stage.client(version, "-sess_out", file)
            try await first.send("number one\n")
            try await first.wait(for: "number one")
            first.endInput()
            _ = try await first.end()
            let second = try await stage.client(version, "-sess_in", file)
            try await second.wait(for: "Reused, ")
            try await second.send("number two\n")
            try await second.wait(for: "number two")
            second.kill()
            #expect(try await stage.server.agreed.wait(for: 2).map(\.isResumed) == [false, true])
        }
    }
}
