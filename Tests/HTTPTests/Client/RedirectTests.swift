import HTTP
import HTTPTypes
import Runtime
import TestSupport
import Testing

@Suite("redirects")
struct RedirectTests {
    /// Redirects as the query says (status and Location), and shows everything else as it came.
    private static let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { _, _ in
        .task { request in
            guard let status = request.queryValue("s").flatMap({ Int($0) }) else {
                let secret = request.fields[.authorization] ?? "-"
                let type = request.fields[.contentType] ?? "-"
                return .text("\(request.method) \(request.path) \(request.body.count) \(secret) \(type)")
            }
            var response = Response(status: status)
            response.fields[.location] = request.queryValue("l")
            return response
        }
    }

    private static func ask(
        _ address: SocketAddress, _ policy: RedirectPolicy?, _ status: Int, _ location: String, method: String = "GET",
        path: String = "/a/b"
    ) async throws -> String {
        var configuration = ClientConfiguration()
        configuration.redirects = policy
        let client = Client(address: address, configuration: configuration, pool: ClientPool(on: TestLoops.other))
        let target = "\(path)?s=\(status)&l=\(percentEncoded(location))"
        let fields: HTTPFields = [.authorization: "secret", .contentType: "text/x"]
        let body: [UInt8] = method == "GET" ? [] : [1, 2, 3]
        let response = try await client.send(ClientRequest(method: method, path: target, fields: fields, body: body))
        let text = String(decoding: try await response.body.collect(limit: 1000), as: UTF8.self)
        client.close()
        return "\(response.status) \(text)"
    }

    @Test("none is followed by default")
    func off() async throws {
        try await withServer(handler: Self.handler) { _, address in
            let seen = try await Self.ask(address, nil, 302, "/x")
            #expect(seen == "302 ")
        }
    }

    @Test(
        "methods and bodies change as the status says",
        arguments: [
            (301, "GET", "200 GET /x 0 secret text/x"), (302, "POST", "200 GET /x 0 secret -"),
            (301, "PUT", "301 "), (303, "PUT", "200 GET /x 0 secret -"), (307, "POST", "200 POST /x 3 secret text/x"),
            (308, "PUT", "200 PUT /x 3 secret text/x"), (304, "GET", "304 "), (300, "GET", "300 "),
        ])
    func methods(_ status: Int, _ method: String, _ expected: String) async throws {
        try await withServer(handler: Self.handler) { _, address in
            let seen = try await Self.ask(address, .sameOrigin(), status, "/x", method: method)
            #expect(seen == expected)
        }
    }

    @Test(
        "a Location is resolved against the request's target; what can't be followed is returned",
        arguments: [
            ("c", "200 GET /a/c"), ("../c", "200 GET /c"), ("./c/", "200 GET /a/c/"), ("/c/../d#part", "200 GET /d"),
            ("../../..", "200 GET /"), ("?x=1", "200 GET /a/b"), ("https://h/", "302 "), ("mailto:a@b", "302 "),
            ("/a b", "302 "), ("http://other/x", "302 "), ("//other/x", "302 "), ("http:///x", "302 "),
        ])
    func locations(_ location: String, _ expected: String) async throws {
        try await withServer(handler: Self.handler) { _, address in
            #expect(try await Self.ask(address, .sameOrigin(), 302, location).hasPrefix(expected))
            let own = try await Self.ask(address, .sameOrigin(), 302, "http://\(address)/own")
            #expect(own.hasPrefix("200 GET /own 0 secret"))
        }
    }

    @Test("another origin gets no credentials, and only where it is allowed; too many in a row are an error")
    func otherOrigin() async throws {
        try await withServer(handler: Self.handler) { _, address in
            let asked = Recorder<String>()
            let policy = RedirectPolicy.anyOrigin(limit: 3) { host, port in
                asked.add("\(host):\(port)")
                return host == "other" ? address : nil
            }
            let other = try await Self.ask(address, policy, 307, "http://other:81/x?y", method: "PUT")
            #expect(other == "200 PUT /x 3 - text/x")
            #expect(try await Self.ask(address, policy, 302, "http://[::1]/x") == "302 ")
            #expect(asked.values == ["other:81", "::1:80"])
            // Each leads to the next, one level of encoding less.
            var location = "/end"
            for _ in 0..<3 { location = "/a?s=302&l=\(percentEncoded(location))" }
            let error = await #expect(throws: ClientError.self) {
                _ = try await Self.ask(address, policy, 302, location)
            }
            #expect(error?.code == .tooManyRedirects)
            let fewer = "/a?s=302&l=\(percentEncoded("/end"))"
            #expect(try await Self.ask(address, policy, 302, fewer).hasPrefix("200 GET /end"))
        }
    }

    @Test("heads go over to swift-http-types and come back")
    func httpTypes() async throws {
        let seen = Recorder<HTTPRequest>()
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { _, _ in
            .task { request in
                seen.add(request.head)
                return Response(HTTPResponse(status: .accepted, headerFields: [.eTag: "x"]), body: .bytes([1]))
            }
        }
        try await withServer(handler: handler) { _, address in
            let client = Client(address: address, on: TestLoops.other)
            let head = HTTPRequest(
                method: .put, scheme: "http", authority: "example.org", path: "/a%20b?c=d&e",
                headerFields: [.accept: "*/*"])
            let response = try await client.send(ClientRequest(head, body: [7]))
            #expect(response.head == HTTPResponse(status: .accepted, headerFields: response.fields))
            #expect(response.fields[.eTag] == "x")
            let request = try #require(seen.values.first)
            #expect(request.method == .put && request.authority == "example.org" && request.path == "/a%20b?c=d&e")
            #expect(request.headerFields[.accept] == "*/*")
            client.close()
        }
    }

    @Test("the head has the authority of an absolute target, whatever Host says")
    func authority() async throws {
        let seen = Recorder<HTTPRequest>()
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { _, _ in
            .task { request in
                seen.add(request.head)
                return .text(request.authority ?? "none")
            }
        }
        try await withServer(handler: handler) { _, address in
            let fields = "HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n"
            let answer = try await exchange(address, "GET http://victim.example/x " + fields)
            #expect(answer.hasSuffix("\r\n\r\nvictim.example"))
            let head = try #require(seen.values.first)
            #expect(head.authority == "victim.example" && head.path == "/x")
            #expect(try await exchange(address, "GET /x " + fields).hasSuffix("\r\n\r\nother.example"))
        }
    }
}
