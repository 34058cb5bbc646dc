import HTTP
import HTTPTypes
import Runtime
import TestSupport
import Testing

@Suite("the router")
struct RouterTests {
    /// A route whose answer names it and its parameters.
    private static func named(_ method: String, _ pattern: String) -> Route {
        Route(method, pattern) { request, parameters, _, _ in
            let texts = (0..<parameters.count).map { parameters.text($0, of: request) }
            return .respond(.text(([method, pattern] + texts).joined(separator: " ")))
        }
    }

    private static let router = Router(
        [
            ("GET", "/"), ("GET", "/vms"), ("POST", "/vms"), ("GET", "/vms/{id}"), ("DELETE", "/vms/{id}"),
            ("GET", "/vms/all"), ("GET", "/vms/{id}/keys/{key}"), ("GET", "/vms/{id}/{part}/first"),
            ("PURGE", "/cache"), ("HEAD", "/heads"), ("GET", "/heads"), ("OPTIONS", "/options"), ("GET", "/files/*"),
            ("GET", "/files/deep/*"), ("GET", "/files/index"), ("GET", "/a%2Fb"),
        ].map { named($0.0, $0.1) })

    private static func answer(_ method: String, _ target: String) async throws -> (Int, String, allow: String?) {
        let answered = Recorder<(Int, String, String?)>()
        try await withServer(
            handler: { request, context in
                context.loop.assumeIsolated { router.handle(request, from: context, isolation: $0) }
            },
            { _, address in
                let client = Client(address: address, on: TestLoops.other)
                let response = try await client.send(ClientRequest(method: method, path: target))
                let body = String(decoding: try await response.body.collect(limit: 1000), as: UTF8.self)
                answered.add((response.status, body, response.fields[.allow]))
                client.close()
            })
        return try #require(answered.values.first)
    }

    @Test(
        "the most specific pattern wins, and gives its parameters decoded",
        arguments: [
            ("/", "GET /"), ("/vms", "GET /vms"), ("/vms?x=/y", "GET /vms"), ("/vms/all", "GET /vms/all"),
            ("/vms/a%20b", "GET /vms/{id} a b"), ("/vms/a%2Fb", "GET /vms/{id} a/b"),
            ("/vms/7/keys/first", "GET /vms/{id}/keys/{key} 7 first"),
            ("/vms/7/disks/first", "GET /vms/{id}/{part}/first 7 disks"), ("/files/x", "GET /files/* x"),
            ("/files/", "GET /files/* "), ("/files/deep/a/b", "GET /files/deep/* a/b"),
            ("/files/index", "GET /files/index"), ("/a%2Fb", "GET /a%2Fb"),
        ])
    func found(_ target: String, _ expected: String) async throws {
        let (status, body, _) = try await Self.answer("GET", target)
        #expect(status == 200)
        #expect(body == expected)
    }

    @Test(
        "what fits no pattern is 404: no trailing slash, empty segment or other spelling of a path is the path",
        arguments: ["/vms/", "/vms//keys/x", "/vms/7/keys", "/vms/7/keys/", "/files", "/%76ms", "/a/b", "/VMS", "//"])
    func notFound(_ target: String) async throws {
        #expect(try await Self.answer("GET", target).0 == 404)
    }

    @Test("a method without a route is 405 with Allow, OPTIONS lists them, and HEAD is GET without a body")
    func methods() async throws {
        let wrong = try await Self.answer("PUT", "/vms")
        #expect(wrong.0 == 405)
        #expect(wrong.allow == "GET, HEAD, OPTIONS, POST")
        let options = try await Self.answer("OPTIONS", "/vms/7")
        #expect(options.0 == 204)
        #expect(options.allow == "DELETE, GET, HEAD, OPTIONS")
        #expect(try await Self.answer("OPTIONS", "/options").1 == "OPTIONS /options")
        #expect(try await Self.answer("PURGE", "/cache").1 == "PURGE /cache")
        let purge = try await Self.answer("GET", "/cache")
        #expect(purge.0 == 405)
        #expect(purge.allow == "OPTIONS, PURGE")
        let head = try await Self.answer("HEAD", "/vms")
        #expect(head.0 == 200)
        #expect(head.1 == "")
        #expect(try await Self.answer("PURGE2", "/cache").0 == 405)
    }

    @Test("a number is a number, and nothing else is")
    func numbers() async throws {
        let seen = Recorder<Int64?>()
        let router = Router([
            .get("/{n}") { request, parameters, _, _ in
                seen.add(parameters.number(0, of: request))
                return .prepared(hello)
            }
        ])
        try await withServer(
            handler: { request, context in
                context.loop.assumeIsolated { router.handle(request, from: context, isolation: $0) }
            },
            { _, address in
                let peer = try await Peer(address)
                try await peer.send(["/17", "/-1", "/x", "/1234567890123456789"].map { get($0) }.joined())
                _ = try await peer.receive { $0.components("hello") == 4 }
            })
        #expect(seen.values == [17, nil, nil, nil])
    }
}
