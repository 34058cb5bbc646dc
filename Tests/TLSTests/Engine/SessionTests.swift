import TLS
import Testing

@Suite("sessions")
struct SessionTests {
    private func connect(
        _ client: TLSClientContext, _ server: TLSServerContext, name: String = "localhost"
    ) throws -> (isResumed: Bool, info: TLSSessionInfo) {
        let wire = try Wire(client, server, name: name)
        wire.run()
        // Neither side says goodbye: a session has to be good for all that.
        try wire.server.write("x")
        wire.run()
        let info = try #require(wire.server.engine.info)
        #expect(wire.client.engine.info?.isResumed == info.isResumed)
        return (info.isResumed, info)
    }

    @Test("the second connection resumes the first, and the third too")
    func resumed() throws {
        let (client, server) = (try clientContext(), try serverContext())
        #expect(try !connect(client, server).isResumed)
        #expect(try connect(client, server).isResumed)
        #expect(try connect(client, server).isResumed)
        #expect(try !connect(try clientContext(), server).isResumed)
    }

    @Test("a resumed session still knows the client's certificate, and the server's name is the one asked for")
    func certificates() throws {
        let client = try clientContext { $0.identity = Certificates.client }
        let server = try serverContext { $0.clientCertificates = .required(Certificates.roots) }
        _ = try connect(client, server)
        let second = try connect(client, server)
        #expect(second.isResumed && second.info.peerCertificates.first?.subject == "CN=alice")
        #expect(try !connect(client, server, name: "127.0.0.1").isResumed)
    }

    @Test("sessions survive a reload of certificates; not fresh ticket keys, nor other demands on clients")
    func reloaded() throws {
        let (client, server) = (try clientContext(), try serverContext())
        _ = try connect(client, server)
        try server.reload(TLSServerConfiguration(identities: [Certificates.selfSigned]))
        #expect(try connect(client, server).isResumed)
        try server.reload(TLSServerConfiguration(identities: [Certificates.server]), keepsTickets: false)
        #expect(try !connect(client, server).isResumed)
        var demanding = TLSServerConfiguration(identities: [Certificates.server])
        demanding.clientCertificates = .optional(Certificates.roots)
        try server.reload(demanding)
        #expect(try !connect(client, server).isResumed)
        #expect(try connect(client, server).isResumed)
    }

    @Test("none is kept where that is off, on either side")
    func off() throws {
        let keepless = try clientContext { $0.maxSessions = 0 }
        let server = try serverContext()
        _ = try connect(keepless, server)
        #expect(try !connect(keepless, server).isResumed)
        let client = try clientContext()
        let ticketless = try serverContext { $0.sessionLifetime = 0 }
        _ = try connect(client, ticketless)
        #expect(try !connect(client, ticketless).isResumed)
    }

    @Test("the number of servers whose sessions are kept is bounded: the oldest goes")
    func bounded() throws {
        let client = try clientContext { $0.maxSessions = 2 }
        let server = try serverContext([Certificates.exact, Certificates.wildcard])
        let names = ["api.example.test", "a.example.test", "b.example.test"]
        for name in names { _ = try connect(client, server, name: name) }
        #expect(try connect(client, server, name: names[2]).isResumed)
        #expect(try connect(client, server, name: names[1]).isResumed)
        #expect(try !connect(client, server, name: names[0]).isResumed)
    }

    @Test("a reload leaves the connections that there are alone, and new ones get the new certificate")
    func reload() throws {
        let server = try serverContext([Certificates.server])
        let before = try Wire(try clientContext(), server)
        before.run()
        let renewed = TLSServerConfiguration(identities: [Certificates.exact])
        try server.reload(renewed)
        try before.client.write("still there")
        before.run()
        #expect(before.server.text == "still there")
        let after = try Wire(try clientContext(), server, name: "other.test")
        after.run()
        #expect(after.client.engine.info?.peerCertificates.first == Certificates.exact.certificate)
        #expect(throws: TLSError.self) { try server.reload(TLSServerConfiguration(identities: [])) }
        #expect(server.configuration.identities.map(\.certificate) == [Certificates.exact.certificate])
    }
}
