import TLS
import Testing

@Suite("the engine's handshake")
struct HandshakeTests {
    @Test("both sides agree, and bytes go both ways", arguments: [TLSVersion.tls12, .tls13])
    func agree(_ version: TLSVersion) throws {
        let protocols = ["h2", "http/1.1"]
        let wire = try Wire(
            try clientContext { $0.applicationProtocols = protocols.reversed() },
            try serverContext {
                $0.applicationProtocols = protocols
                $0.minimumVersion = version
            })
        wire.run()
        let (client, server) = (try #require(wire.client.engine.info), try #require(wire.server.engine.info))
        #expect(client.version == .tls13 && server.version == .tls13)
        #expect(client.cipher == server.cipher && client.cipher.hasPrefix("TLS_"))
        #expect(client.applicationProtocol == "h2" && server.applicationProtocol == "h2")
        #expect(server.serverName == "localhost")
        #expect(client.peerCertificates == Certificates.server.chain)
        #expect(server.peerCertificates.isEmpty && !client.isResumed)
        try wire.client.write("from the client")
        try wire.server.write("from the server")
        wire.run()
        #expect(wire.server.text == "from the client" && wire.client.text == "from the server")
    }

    @Test("however a flight is cut in two, the handshake succeeds")
    func everySplit() throws {
        let (client, server) = (try clientContext(), try serverContext())
        var longest = 2
        var position = 1
        while position < longest {
            let wire = try Wire(client, server)
            wire.run { flight in
                longest = max(longest, flight.count)
                return [Array(flight.prefix(position)), Array(flight.dropFirst(position))]
            }
            #expect(wire.client.isOpen && wire.server.isOpen, "cut at \(position)")
            position += 1
        }
        #expect(longest > 500)
    }

    @Test("byte by byte the handshake, the data and the end arrive")
    func bytewise() throws {
        let wire = try Wire(
            try clientContext(), try serverContext { $0.clientCertificates = .optional(Certificates.roots) })
        wire.run(cut: pieces(of: 1))
        #expect(wire.client.isOpen && wire.server.isOpen)
        try wire.client.write("one byte at a time")
        wire.client.engine.close()
        wire.run(cut: pieces(of: 1))
        #expect(wire.server.text == "one byte at a time")
        #expect(wire.server.isEnded && !wire.client.isEnded)
        try wire.server.write("still here")
        wire.server.engine.close()
        wire.run(cut: pieces(of: 1))
        #expect(wire.client.text == "still here" && wire.client.isEnded)
        #expect(wire.client.engine.endOfInput() == nil && wire.server.engine.endOfInput() == nil)
    }

    @Test("what neither side may do before the handshake is refused")
    func tooEarly() throws {
        let wire = try Wire(try clientContext(), try serverContext())
        #expect(throws: TLSError.self) { try wire.client.write("early") }
        wire.client.engine.close()
        #expect(wire.client.engine.takeOutput().isEmpty)
        wire.run()
        #expect(wire.client.isOpen)
        wire.client.engine.close()
        let error = #expect(throws: TLSError.self) { try wire.client.write("late") }
        #expect(error?.code == .closed)
    }

    @Test("no application protocol in common: refused by the server, and the client learns why")
    func wrongProtocol() throws {
        let wire = try Wire(
            try clientContext { $0.applicationProtocols = ["spdy/3"] },
            try serverContext { $0.applicationProtocols = ["h2", "http/1.1"] })
        wire.run()
        #expect(wire.server.failure?.code == .noCommonProtocol)
        #expect(wire.client.failure?.code == .refusedByPeer && wire.client.failure?.alert == 120)
    }

    @Test("a required application protocol that the peer leaves out is a failure on either side")
    func requiredProtocol() throws {
        let first = try Wire(
            try clientContext {
                $0.applicationProtocols = ["h2"]
                $0.requiresApplicationProtocol = true
            }, try serverContext())
        first.run()
        #expect(first.client.failure?.code == .noCommonProtocol)
        let second = try Wire(
            try clientContext(),
            try serverContext {
                $0.applicationProtocols = ["h2"]
                $0.requiresApplicationProtocol = true
            })
        second.run()
        #expect(second.server.failure?.code == .noCommonProtocol)
    }

    @Test("the name asked for chooses the certificate: exact before wildcard, one label a wildcard, else the first")
    func serverNames() throws {
        let server = try serverContext([Certificates.server, Certificates.wildcard, Certificates.exact])
        for (name, subject) in [
            ("api.example.test", "CN=exact"), ("API.Example.Test", "CN=exact"), ("www.example.test", "CN=wildcard"),
            ("other.test", "CN=exact"), ("localhost", "CN=localhost"),
        ] {
            let wire = try Wire(try clientContext(), server, name: name)
            wire.run()
            #expect(wire.client.engine.info?.peerCertificates.first?.subject == subject, "\(name)")
        }
        for name in ["a.b.example.test", "example.test", "unknown.test"] {
            let wire = try Wire(try clientContext(), server, name: name)
            wire.run()
            #expect(wire.client.failure?.code == .nameMismatch, "\(name)")
        }
    }

    @Test("a name that no certificate has is refused where that is wanted, but not its absence")
    func unknownName() throws {
        let server = try serverContext { $0.refusesUnknownNames = true }
        let wire = try Wire(try clientContext(), server, name: "unknown.test")
        wire.run()
        #expect(wire.server.failure?.code == .unknownName)
        #expect(wire.server.failure?.message.contains("unknown.test") == true)
        #expect(wire.client.failure?.alert == 112)
        let byAddress = try Wire(try clientContext(), server, name: "127.0.0.1")
        byAddress.run()
        #expect(byAddress.client.isOpen && byAddress.server.engine.info?.serverName == nil)
    }

    @Test("large writes arrive whole, in records of at most 16 KiB")
    func large() throws {
        let wire = try Wire(try clientContext(), try serverContext())
        wire.run()
        let bytes = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try wire.server.write(bytes)
        wire.run(cut: pieces(of: 777))
        #expect(wire.client.received == bytes)
        try wire.client.write([])
        #expect(wire.client.engine.takeOutput().isEmpty)
    }
}
