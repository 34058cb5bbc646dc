import HTTP
import Testing

@Suite("the response parser")
struct ResponseParserTests {
    struct Vector: Sendable, CustomTestStringConvertible {
        var name: String
        var raw: String
        var expected: String
        init(_ name: String, _ raw: String, _ expected: String) {
            self.name = name
            self.raw = raw
            self.expected = expected
        }
        var testDescription: String { name }
    }

    static let vectors: [Vector] = [
        .init("the least answer", "HTTP/1.1 200 OK\r\n\r\n", "200 keep untilClose"),
        .init("no reason", "HTTP/1.1 200 \r\n\r\n", "200 keep untilClose"),
        .init("no reason and no blank", "HTTP/1.1 200\r\n\r\n", "200 keep untilClose"),
        .init("a reason of several words", "HTTP/1.1 404 Not \tFound ä\r\n\r\n", "404 keep untilClose"),
        .init("a length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "200 keep length(5)"),
        .init("a length of nought", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200 keep none"),
        .init("chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n", "200 keep chunked"),
        .init("close", "HTTP/1.1 200 OK\r\nConnection: x, close\r\n\r\n", "200 close untilClose"),
        .init("HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\n", "200 close untilClose"),
        .init(
            "HTTP/1.0 kept", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n",
            "200 keep length(1)"),
        .init("204 has no body", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", "204 keep none"),
        .init("304 has no body", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "304 keep none"),
        .init("100", "HTTP/1.1 100 Continue\r\n\r\n", "100 keep none"),
        .init("another version", "HTTP/2.0 200 OK\r\n\r\n", "badStatusLine"),
        .init("no version", "200 OK\r\n\r\n", "badStatusLine"),
        .init("a status of two digits", "HTTP/1.1 99 X\r\n\r\n", "badStatusLine"),
        .init("a status of four digits", "HTTP/1.1 2000 X\r\n\r\n", "badStatusLine"),
        .init("a status below 100", "HTTP/1.1 099 X\r\n\r\n", "badStatusLine"),
        .init("a status in letters", "HTTP/1.1 abc X\r\n\r\n", "badStatusLine"),
        .init("a control in the reason", "HTTP/1.1 200 O\u{1}K\r\n\r\n", "badStatusLine"),
        .init("a bare LF", "HTTP/1.1 200 OK\n\n", "bareLineEnd"),
        .init("two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", "badContentLength"),
        .init("a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "badContentLength"),
        .init("another coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "badTransferEncoding"),
        .init(
            "chunked twice", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            "badTransferEncoding"),
        .init(
            "chunked and a length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            "ambiguousLength"),
        .init("a folded field", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", "folded"),
        .init("a blank before the colon", "HTTP/1.1 200 OK\r\nX : a\r\n\r\n", "badField"),
    ]

    private func verdict(_ pieces: [[UInt8]], isHead: Bool = false, limits: ParserLimits = ParserLimits()) -> String {
        var parser = ResponseParser()
        var bytes: [UInt8] = []
        for piece in pieces {
            bytes += piece
            switch parser.parse(bytes.span, limits: limits) {
            case .incomplete: continue
            case .failed(let code): return "\(code)"
            case .complete:
                let head = parser.head
                return "\(head.status) \(head.keepsAlive ? "keep" : "close") \(head.framing(isHead: isHead))"
            }
        }
        return "incomplete"
    }

    @Test("every vector gets its verdict, however it is cut", arguments: vectors)
    func verdicts(_ vector: Vector) {
        let raw = Array(vector.raw.utf8)
        #expect(verdict([raw]) == vector.expected)
        #expect(verdict(raw.map { [$0] }) == vector.expected)
        for cut in 0...raw.count { #expect(verdict([Array(raw[..<cut]), Array(raw[cut...])]) == vector.expected) }
    }

    @Test("the answer to HEAD has no body whatever its fields say")
    func head() {
        let raw = Array("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n".utf8)
        #expect(verdict([raw], isHead: true) == "200 keep none")
    }

    @Test("a head without end is refused")
    func endless() {
        let raw = Array("HTTP/1.1 200 OK\r\n".utf8) + Array(repeating: Array("A: b\r\n".utf8), count: 50).flatMap { $0 }
        #expect(verdict([raw], limits: ParserLimits(maxHead: 200)) == "headTooLarge")
        #expect(verdict([raw], limits: ParserLimits(maxFields: 20)) == "headTooLarge")
    }
}
