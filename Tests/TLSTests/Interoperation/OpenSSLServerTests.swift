import Runtime
import TLS
import TestSupport
import Testing

@Suite("our client and openssl s_server")
struct OpenSSLServerTests {
    /// s_server with one certificate; it prints what it gets, and sends the lines of its input.
    private struct Stage {
        let directory: TemporaryDirectory
        let server: Dialogue
        let address: SocketAddress

        init(_ identity: Identity = Certificates.server, _ arguments: String...) async throws {
            directory = try TemporaryDirectory("tls")
            try directory.write(Certificates.root.certificate.pem, to: "root.pem")
            try directory.write(Certificates.pem(identity), to: "chain.pem")
            try directory.write(identity.keyPEM, to: "key.pem")
            server = try await Dialogue(
                "openssl",
                [
                    "s_server", "-accept", "127.0.0.1:0", "-cert", directory.file("chain.pem"), "-cert_chain",
                    directory.file("chain.pem"), "-key", directory.file("key.pem"), "-CAfile",
                    directory.file("root.pem"),
                ] + arguments)
            let text = try await server.wait(for: "ACCEPT 127.0.0.1:")
            let line = try #require(text.firstMatch(of: /ACCEPT 127\.0\.0\.1:(\d+)/))
            address = .ipv4(host: "127.0.0.1", port: try #require(UInt16(line.1)))
        }
    }

    @Test("bytes go both ways, in either version", arguments: [(TLSVersion.tls12, "-tls1_2"), (.tls13, "-tls1_3")])
    func bothWays(_ version: TLSVersion, _ flag: String) async throws {
        guard try Requirement.need("openssl") else { return }
        try await bounded {
            let stage = try await Stage(Certificates.server, flag, "-alpn", "echo")
            let connection = try await connect(
                to: stage.address, try clientContext { $0.applicationProtocols = ["h2", "echo"] })
            #expect(connection.info.version == version && connection.info.applicationProtocol == "echo")
            try await connection.write("to the server\n")
            try await stage.server.wait(for: "to the server")
            try await stage.server.send("to the client\n")
            #expect(try await connection.read(exactly: 14) == Array("to the client\n".utf8))
            // It answers close_notify by an end of its own, and serves the next.
            try await connection.shutdownWrite()
            while try await connection.read() != nil {}
            let next = try await connect(to: stage.address, try clientContext { $0.applicationProtocols = ["echo"] })
            try await next.write("to the same server\n")
            try await stage.server.wait(for: "to the same server")
        }
    }

    @Test("a client certificate is sent where it is asked for")
    func clientCertificate() async throws {
        guard try Requirement.need("openssl") else { return }
        try await bounded {
            let stage = try await Stage(Certificates.server, "-Verify", "2", "-verify_return_error")
            let connection = try await connect(
                to: stage.address, try clientContext { $0.identity = Certificates.client })
            try await connection.write("with a certificate\n")
            try await stage.server.wait(for: "with a certificate")
            try await stage.server.wait(for: "CN = alice")
            connection.close()
            let refused = try await connect(to: stage.address, try clientContext())
            let error = await #expect(throws: TLSError.self) { try await refused.read() }
            #expect(error?.code == .refusedByPeer && error?.alert == 116)
        }
    }

    @Test("TLS 1.1 is not spoken")
    func oldVersion() async throws {
        guard try Requirement.need("openssl") else { return }
        try await bounded {
            let stage = try await Stage(Certificates.server, "-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0")
            let error = await #expect(throws: TLSError.self) {
                try await connect(to: stage.address, try clientContext())
            }
            #expect(error?.code == .refusedByPeer && error?.alert == 70, "\(String(describing: error))")
        }
    }

    @Test("a server that asks to renegotiate is declined, and the connection goes on or ends in order")
    func renegotiation() async throws {
        guard try Requirement.need("openssl") else { return }
        try await bounded {
            let stage = try await Stage(Certificates.server, "-tls1_2")
            let connection = try await connect(to: stage.address, try clientContext())
            try await connection.write("before\n")
            try await stage.server.wait(for: "before")
            try await stage.server.send("r\n")
            // It gives the connection up; what it must not get is a second handshake.
            await #expect(throws: (any Error).self) {
                while try await connection.read() != nil {}
                throw CancellationError()
            }
            let text = try await stage.server.wait(for: "no renegotiation")
            #expect(!text.contains("RENEGOTIATED"))
        }
    }

    @Test("key updates from the server are followed and answered")
    func keyUpdates() async throws {
        guard try Requirement.need("openssl") else { return }
        try await bounded {
            let stage = try await Stage(Certificates.server, "-tls1_3")
            let connection = try await connect(to: stage.address, try clientContext())
            try await connection.write("first\n")
            try await stage.server.wait(for: "first")
            try await stage.server.send("K\n")
            try await stage.server.wait(for: "SSL_do_handshake -> 1")
            try await stage.server.send("after the update\n")
            #expect(try await connection.read(exactly: 17) == Array("after the update\n".utf8))
            try await connection.write("second\n")
            try await stage.server.wait(for: "second")
        }
    }

    @Test("what is wrong with its certificate is told: expired, another name, self-signed, unknown authority")
    func certificates() async throws {
        guard try Requirement.need("openssl") else { return }
        for (identity, name, code) in [
            (Certificates.expired, "localhost", TLSError.Code.certificateExpired),
            (Certificates.server, "example.test", .nameMismatch),
            (Certificates.selfSigned, "localhost", .unknownIssuer), (Certificates.foreign, "localhost", .unknownIssuer),
        ] {
            try await bounded {
                let stage = try await Stage(identity)
                let error = await #expect(throws: TLSError.self) {
                    try await connect(to: stage.address, try clientContext(), name: name)
                }
                #expect(error?.code == code)
                #expect(error?.certificate == identity.certificate)
            }
        }
    }

    @Test("a server that is killed leaves no end that could be taken for one")
    func killed() async throws {
        guard try Requirement.need("openssl") else { return }
        try await bounded {
            let stage = try await Stage()
            let connection = try await connect(to: stage.address, try clientContext())
            try await connection.write("hello\n")
            try await stage.server.wait(for: "hello")
            stage.server.kill()
            let error = await #expect(throws: (any Error).self) {
                while try await connection.read() != nil {}
            }
            #expect((error as? TLSError)?.code == .truncated || (error as? UVError)?.isReset == true)
        }
    }

    @Test("its sessions are resumed")
    func resumption() async throws {
        guard try Requirement.need("openssl") else { return }
        try await bounded {
            let stage = try await Stage()
            let context = try clientContext()
            for expected in [false, true] {
                let connection = try await connect(to: stage.address, context)
                #expect(connection.info.isResumed == expected)
                try await stage.server.send("line\n")
                #expect(try await connection.read(exactly: 5) == Array("line\n".utf8))
                connection.close()
            }
        }
    }
}
