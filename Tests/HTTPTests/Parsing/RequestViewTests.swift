import HTTP
import Testing

@Suite("the view of a request's head")
struct RequestViewTests {
    private func withView<T>(_ raw: String, _ body: (borrowing RequestView) -> T) throws -> T {
        let bytes = Array(raw.utf8)
        var parser = RequestParser()
        try #require(parser.parse(bytes.span, limits: ParserLimits()) == .complete)
        return body(RequestView(bytes.span, parser.head))
    }

    private func text(_ view: borrowing RequestView, _ name: StaticString) -> String? { view.fieldText(name) }

    private func text(_ span: Span<UInt8>) -> String {
        String(decoding: span.withUnsafeBufferPointer { Array($0) }, as: UTF8.self)
    }

    @Test("finds a field whatever its case, the first of several, without its blanks")
    func field() throws {
        let raw = "GET /x HTTP/1.1\r\nhOsT: a\r\nX-One:  first \r\nx-one: second\r\nEmpty:\r\n\r\n"
        try withView(raw) { view in
            #expect(text(view, "x-one") == "first")
            #expect(text(view, "host") == "a")
            #expect(text(view, "empty") == "")
            #expect(text(view, "x-on") == nil)
            #expect(view.fieldCount == 4)
        }
    }

    @Test(
        "an absolute target says whom the request is for, whatever Host says",
        arguments: [
            ("GET http://victim.example:81/x?y HTTP/1.1\r\nHost: other.example\r\n\r\n", "victim.example:81"),
            ("GET HTTPS://[fd00::1] HTTP/1.1\r\nHost: other.example\r\n\r\n", "[fd00::1]"),
            ("\r\nOPTIONS http://a?b=//c HTTP/1.1\r\nHost:\r\n\r\n", "a"),
            ("GET http://a/ HTTP/1.0\r\n\r\n", "a"),
            ("GET /http://a/ HTTP/1.1\r\nHost: other.example\r\n\r\n", "other.example"),
            ("OPTIONS * HTTP/1.1\r\nHost: other.example\r\n\r\n", "other.example"),
            ("GET / HTTP/1.1\r\nHost:\r\n\r\n", ""),
            ("GET / HTTP/1.0\r\n\r\n", nil),
        ] as [(String, String?)])
    func authority(_ raw: String, _ expected: String?) throws {
        try withView(raw) { view in
            #expect(view.authorityText == expected)
        }
    }

    @Test("compares the path by its bytes")
    func path() throws {
        try withView("HEAD /ssh-keys?a HTTP/1.0\r\n\r\n") { view in
            let same = [view.pathIs("/ssh-keys"), view.pathIs("/ssh-key"), view.pathIs("/ssh-keyz")]
            #expect(same == [true, false, false])
            #expect(view.isHead == true)
            #expect(view.method == .head)
            #expect(view.queryText == "a")
        }
    }

    @Test("lists the fields in their order until told to stop")
    func enumeration() throws {
        try withView("GET / HTTP/1.1\r\nHost: a\r\nB: 2\r\nC: 3\r\n\r\n") { view in
            var seen: [String] = []
            view.forEachField { name, value in
                seen.append(text(name) + "=" + text(value))
                return seen.count < 2
            }
            #expect(seen == ["Host=a", "B=2"])
        }
    }
}
