import HTTP
import Testing

@Suite("the chunked decoder")
struct ChunkedDecoderTests {
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
        .init("an empty body", "0\r\n\r\n", "body:|"),
        .init("one chunk", "5\r\nhello\r\n0\r\n\r\n", "body:hello|"),
        .init("two chunks", "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", "body:hello!|"),
        .init("digits of both cases", "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "body:01234567890123456789|"),
        .init("leading zeros", "0005\r\nhello\r\n0000\r\n\r\n", "body:hello|"),
        .init("data that looks like framing", "7\r\n0\r\n\r\n0\r\r\n0\r\n\r\n", "body:0\r\n\r\n0\r|"),
        .init("what follows is left alone", "0\r\n\r\nGET /", "body:|GET /"),
        .init("an extension", "5;a=b\r\nhello\r\n0;c\r\n\r\n", "body:hello|"),
        .init("a quoted extension", "5;a=\"b;c\"\r\nhello\r\n0\r\n\r\n", "body:hello|"),
        .init("trailers", "0\r\nA: b\r\nC:\td\r\n\r\n", "body:|"),
        .init("no size", "\r\nhello\r\n0\r\n\r\n", "badChunk"),
        .init("an extension without a size", ";a\r\n\r\n", "badChunk"),
        .init("a size in no hexadecimal", "g\r\n", "badChunk"),
        .init("a size with a prefix", "0x5\r\nhello\r\n0\r\n\r\n", "badChunk"),
        .init("a size with a plus", "+5\r\nhello\r\n0\r\n\r\n", "badChunk"),
        .init("a negative size", "-5\r\nhello\r\n0\r\n\r\n", "badChunk"),
        .init("a blank before the size", " 5\r\nhello\r\n0\r\n\r\n", "badChunk"),
        .init("a blank after the size", "5 \r\nhello\r\n0\r\n\r\n", "badChunk"),
        .init("a tab after the size", "5\t\r\nhello\r\n0\r\n\r\n", "badChunk"),
        .init("a blank before the extension", "5 ;a\r\nhello\r\n0\r\n\r\n", "badChunk"),
        .init("a size that wraps", "10000000000000005\r\nhello\r\n0\r\n\r\n", "badChunk"),
        .init("a size of sixteen digits", "ffffffffffffffff\r\n", "badChunk"),
        .init("a bare LF after the size", "5\nhello\r\n0\r\n\r\n", "badChunk"),
        .init("a bare CR after the size", "5\rhello\r\n0\r\n\r\n", "badChunk"),
        .init("CR CR LF after the size", "5\r\r\nhello\r\n0\r\n\r\n", "badChunk"),
        .init("a bare LF in an extension", "5;a\nhello\r\n0\r\n\r\n", "badChunk"),
        .init("a bare CR in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n", "badChunk"),
        .init("a quoted extension with an escape", "5;a=\"\\\"\";b\r\nhello\r\n0\r\n\r\n", "body:hello|"),
        .init("an extension without a name", "5;\r\nhello\r\n0\r\n\r\n", "badChunk"),
        .init("an extension without its value", "5;a=\r\nhello\r\n0\r\n\r\n", "badChunk"),
        .init("an extension with a blank", "5; a\r\nhello\r\n0\r\n\r\n", "badChunk"),
        .init("an extension whose quotation is open", "5;a=\"b\r\nhello\r\n0\r\n\r\n", "badChunk"),
        .init("text behind an extension's quotation", "5;a=\"b\"c\r\nhello\r\n0\r\n\r\n", "badChunk"),
        .init("NUL in an extension", "5;a\u{0}\r\nhello\r\n0\r\n\r\n", "badChunk"),
        .init("data longer than its size", "5\r\nhello!\r\n0\r\n\r\n", "badChunk"),
        .init("data shorter than its size", "6\r\nhello\r\n0\r\n\r\n", "badChunk"),
        .init("a bare LF after the data", "5\r\nhello\n0\r\n\r\n", "badChunk"),
        .init("a bare CR after the data", "5\r\nhello\r0\r\n\r\n", "badChunk"),
        .init("nothing after the data", "5\r\nhello0\r\n\r\n", "badChunk"),
        .init("a bare LF after the last size", "0\n\r\n", "badChunk"),
        .init("a bare LF at the end", "0\r\n\n", "badChunk"),
        .init("a bare CR at the end", "0\r\n\rX", "badChunk"),
        .init("a folded trailer", "0\r\nA: b\r\n c\r\n\r\n", "badChunk"),
        .init("a trailer with a blank before its colon", "0\r\nA : b\r\n\r\n", "badChunk"),
        .init("a trailer without a colon", "0\r\nA\r\n\r\n", "badChunk"),
        .init("a trailer without a name", "0\r\n: b\r\n\r\n", "badChunk"),
        .init("a trailer with NUL", "0\r\nA: \u{0}\r\n\r\n", "badChunk"),
        .init("a bare LF in a trailer", "0\r\nA: b\nC: d\r\n\r\n", "badChunk"),
        .init("an end without its last line", "0\r\n", "incomplete"),
        .init("a chunk without an end", "5\r\nhel", "incomplete"),
    ]

    private func decode(_ pieces: [[UInt8]], limits: ParserLimits = ParserLimits()) -> String {
        var decoder = ChunkedDecoder()
        var body: [UInt8] = []
        for (number, piece) in pieces.enumerated() {
            var position = 0
            step: while true {
                switch decoder.next(piece.span, at: &position, limits: limits) {
                case .incomplete: break step
                case .data(let range): body += piece[range]
                case .failed(let code): return "\(code)"
                case .end:
                    let rest = piece[position...] + pieces[(number + 1)...].joined()
                    return "body:" + String(decoding: body, as: UTF8.self) + "|" + String(decoding: rest, as: UTF8.self)
                }
            }
        }
        return "incomplete"
    }

    @Test("every vector gets its verdict, however it is cut", arguments: vectors)
    func verdicts(_ vector: Vector) {
        let raw = Array(vector.raw.utf8)
        #expect(decode([raw]) == vector.expected)
        #expect(decode(raw.map { [$0] }) == vector.expected)
        for cut in 0...raw.count { #expect(decode([Array(raw[..<cut]), Array(raw[cut...])]) == vector.expected) }
    }

    @Test("extensions are limited over the whole body, not a chunk")
    func extensionFlood() {
        let limits = ParserLimits(maxChunkExtensions: 100)
        let chunk = Array("1;abcdefghi\r\nx\r\n".utf8)
        let end = Array("0\r\n\r\n".utf8)
        #expect(decode([Array(repeating: chunk, count: 11).flatMap { $0 } + end], limits: limits).hasPrefix("body:"))
        #expect(decode([Array(repeating: chunk, count: 12).flatMap { $0 } + end], limits: limits) == "badChunk")
    }

    @Test("trailers are limited")
    func trailerFlood() {
        let limits = ParserLimits(maxTrailers: 50)
        let raw = Array("0\r\n".utf8) + Array(repeating: Array("A: bcdefg\r\n".utf8), count: 6).flatMap { $0 }
        #expect(decode([raw], limits: limits) == "headTooLarge")
    }
}
