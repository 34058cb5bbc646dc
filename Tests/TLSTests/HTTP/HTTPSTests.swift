import HTTP
import Runtime
import TLS
import TestSupport
import Testing

/// Answers with who asks, and how.
private struct Teller: RequestHandler {
    func handle(
        _ request: borrowing RequestView, from context: ConnectionContext, isolation: isolated LoopActor
    ) -> Answer {
        let info = (context.filter as? TLSStream)?.info
        if request.pathIs("/large") {
            return .task { _ in .bytes([UInt8](repeating: 0x61, count: 3_000_000), type: "text/plain") }
        }
        if request.pathIs("/cut") {
            return .task { _ in
                Response(
                    status: 200,
                    body: .stream { writer in
                        try await writer.write("a part")
                        throw CancellationError()
                    })
            }
        }
        if request.method == .post {
            return .task { request in .text("\(request.body.count) bytes") }
        }
        let subject = info?.peerCertificates.first?.subject ?? "nobody"
        return .respond(.text("\(info.map { "\($0.version)" } ?? "plain") \(subject)"))
    }
}

@Suite("HTTP over TLS")
struct HTTPSTests {
    private func withServer(
        _ context: TLSServerContext, _ body: @escaping @Sendable (Server, SocketAddress) async throws -> Void
    ) async throws {
        let server = Server(loop: TestLoops.loop, handler: Teller())
        let address = try await server.listen(on: .ipv4(host: "127.0.0.1", port: 0), security: context)
        do {
            try await bounded(on: TestLoops.other) { try await body(server, address) }
        } catch {
            await server.stop(within: .zero)
            throw error
        }
        await server.stop(within: .seconds(5).patient)
        #expect(await server.counters.connections == 0)
    }

    private func client(
        _ address: SocketAddress, name: String = "localhost",
        _ configure: (inout TLSClientConfiguration) -> Void = { _ in }
    ) throws -> Client {
        Client(
            address: address, on: TestLoops.other, connectTimeout: .seconds(30).patient,
            connector: try clientContext(Certificates.roots, configure).connector(serverName: name))
    }

    private func text(_ response: ClientResponse) async throws -> String {
        String(decoding: try await response.body.collect(limit: 10_000_000), as: UTF8.self)
    }

    @Test("client and server speak it: requests, bodies both ways, one connection kept alive")
    func clientAndServer() async throws {
        try await withServer(try serverContext()) { server, address in
            let client = try client(address)
            #expect(try await text(try await client.send(ClientRequest(path: "/"))) == "tls13 nobody")
            let posted = try await client.send(
                ClientRequest(method: "PUT", path: "/", body: [UInt8](repeating: 1, count: 100)))
            #expect(try await text(posted) == "tls13 nobody")
            let large = try await client.send(ClientRequest(path: "/large"))
            #expect(try await text(large).utf8.count == 3_000_000)
            #expect(await server.counters.accepted == 1)
            let body = [UInt8](repeating: 7, count: 2_000_000)
            #expect(
                try await text(try await client.send(ClientRequest(method: "POST", path: "/", body: body)))
                    == "2000000 bytes")
            client.close()
        }
    }

    @Test("the handler sees the client's certificate")
    func clientCertificate() async throws {
        try await withServer(try serverContext { $0.clientCertificates = .optional(Certificates.roots) }) {
            _, address in
            let known = try client(address) { $0.identity = Certificates.client }
            #expect(try await text(try await known.send(ClientRequest(path: "/"))) == "tls13 CN=alice")
            let unknown = try client(address)
            #expect(try await text(try await unknown.send(ClientRequest(path: "/"))) == "tls13 nobody")
            known.close()
            unknown.close()
        }
    }

    @Test("a server that is not the one asked for gets no request; the error says why")
    func wrongServer() async throws {
        try await withServer(try serverContext()) { server, address in
            let client = try client(address, name: "example.test")
            let error = await #expect(throws: ClientError.self) { try await client.send(ClientRequest(path: "/")) }
            #expect(error?.code == .unreachable && (error?.cause as? TLSError)?.code == .nameMismatch)
            #expect(error.map { "\($0)" }?.contains("not for example.test") == true)
            #expect(await server.counters.requests == 0)
        }
    }

    @Test("a required certificate that is missing is told as the cause")
    func missingCertificate() async throws {
        try await withServer(try serverContext { $0.clientCertificates = .required(Certificates.roots) }) {
            _, address in
            let client = try client(address)
            let error = await #expect(throws: ClientError.self) { try await client.send(ClientRequest(path: "/")) }
            #expect(error?.code == .interrupted)
            #expect(error.map { "\($0)" }?.contains("requires a client certificate") == true)
        }
    }

    @Test("a plain request to a TLS port gets nothing, and the server goes on")
    func plain() async throws {
        try await withServer(try serverContext()) { server, address in
            let plain = Client(address: address, on: TestLoops.other)
            await #expect(throws: ClientError.self) { try await plain.send(ClientRequest(path: "/")) }
            let client = try client(address)
            #expect(try await text(try await client.send(ClientRequest(path: "/"))) == "tls13 nobody")
            #expect(await server.counters.requests == 1)
            client.close()
        }
    }

    @Test("a stream that is cut ends without close_notify: no part passes for the whole")
    func cut() async throws {
        try await withServer(try serverContext()) { _, address in
            let connection = try await connect(to: address, try clientContext())
            // For HTTP/1.0 the end of the connection is the end of the body.
            try await connection.write("GET /cut HTTP/1.0\r\nHost: a\r\n\r\n")
            let error = await #expect(throws: TLSError.self) { try await connection.readToEnd() }
            #expect(error?.code == .truncated)
            let whole = try await connect(to: address, try clientContext())
            try await whole.write("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
            #expect(try await whole.readToEnd().hasSuffix("tls13 nobody"))
        }
    }

    @Test("one server listens with TLS and without")
    func both() async throws {
        try await withServer(try serverContext()) { server, address in
            let plain = try await server.listen(on: .ipv4(host: "127.0.0.1", port: 0))
            let first = Client(address: plain, on: TestLoops.other)
            #expect(try await text(try await first.send(ClientRequest(path: "/"))) == "plain nobody")
            let second = try client(address)
            #expect(try await text(try await second.send(ClientRequest(path: "/"))) == "tls13 nobody")
            first.close()
            second.close()
        }
    }

    @Test("curl verifies us, sends a body, resumes nothing it should not, and shows its certificate")
    func curl() async throws {
        guard try Requirement.need("curl") else { return }
        let directory = try TemporaryDirectory("tls")
        let root = try directory.write(Certificates.root.certificate.pem, to: "root.pem")
        let certificate = try directory.write(Certificates.pem(Certificates.client), to: "client.pem")
        let key = try directory.write(Certificates.client.keyPEM, to: "client.key")
        try await withServer(
            try serverContext {
                $0.clientCertificates = .optional(Certificates.roots)
                $0.applicationProtocols = ["http/1.1"]
            }
        ) { server, address in
            let url = "https://localhost:\(address.port ?? 0)/"
            func curl(_ arguments: String...) async throws -> ProcessOutput {
                let fixed = ["-sS", "--max-time", "20", "--resolve", "localhost:\(address.port ?? 0):127.0.0.1"]
                return try await runProcess(
                    ProcessSpec(executable: "curl", arguments: fixed + arguments), on: TestLoops.other)
            }
            #expect(try await curl("--cacert", root, url).text == "tls13 nobody")
            #expect(try await curl("--cacert", root, "--tls-max", "1.2", url).text == "tls12 nobody")
            #expect(try await curl("--cacert", root, "--cert", certificate, "--key", key, url).text == "tls13 CN=alice")
            #expect(try await curl("--cacert", root, "-d", "12345", url).text == "5 bytes")
            let before = await server.counters.accepted
            #expect(try await curl("--cacert", root, url, url).text == "tls13 nobodytls13 nobody")
            #expect(await server.counters.accepted == before + 1)
            let untrusting = try await curl(url)
            #expect(untrusting.status == .exited(60) && untrusting.text.isEmpty)
        }
    }
}
