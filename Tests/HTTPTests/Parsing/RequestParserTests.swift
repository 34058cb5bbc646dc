import HTTP
import Testing

/// What the parser says of bytes that come in the given pieces.
func verdict(_ pieces: [[UInt8]], limits: ParserLimits = ParserLimits()) -> String {
    var parser = RequestParser()
    var bytes: [UInt8] = []
    for piece in pieces {
        bytes += piece
        switch parser.parse(bytes.span, limits: limits) {
        case .incomplete: continue
        case .failed(let code): return "\(code)"
        case .complete: return summary(RequestView(bytes.span, parser.head))
        }
    }
    return "incomplete"
}

private func summary(_ view: borrowing RequestView) -> String {
    func text(_ span: Span<UInt8>) -> String {
        String(decoding: span.withUnsafeBufferPointer { Array($0) }, as: UTF8.self)
    }
    var words: [String] = []
    let name = text(view.methodBytes)
    words.append(view.method == .other && name == name.lowercased() ? "other:" + name : name)
    words.append(text(view.path))
    if let query = view.query { words.append("?" + text(query)) }
    words.append(view.isHTTP10 ? "1.0" : "1.1")
    words.append(view.keepsAlive ? "keep" : "close")
    if let length = view.contentLength {
        if length > 0 { words.append("length=\(length)") }
    } else {
        words.append("chunked")
    }
    if view.expectsContinue { words.append("continue") }
    if view.wantsUpgrade { words.append("upgrade") }
    return words.joined(separator: " ")
}

@Suite("the request parser")
struct RequestParserTests {
    static let vectors =
        requestLineVectors + targetVectors + fieldVectors + hostVectors + framingVectors + connectionVectors

    @Test("there are enough vectors, and each has a name of its own")
    func vectorsAreMany() {
        #expect(Self.vectors.count >= 200)
        #expect(Set(Self.vectors.map(\.name)).count == Self.vectors.count)
    }

    @Test("every vector gets its verdict", arguments: vectors)
    func whole(_ vector: RequestVector) {
        #expect(verdict([Array(vector.raw.utf8)]) == vector.expected)
    }

    @Test("a cut at any byte changes no verdict", arguments: vectors)
    func splits(_ vector: RequestVector) {
        let raw = Array(vector.raw.utf8)
        for cut in 0...raw.count {
            #expect(verdict([Array(raw[..<cut]), Array(raw[cut...])]) == vector.expected, "cut at \(cut)")
        }
        #expect(verdict(raw.map { [$0] }) == vector.expected, "byte by byte")
    }

    @Test("no head is complete, and no good head refused, before its last byte", arguments: vectors)
    func prefixes(_ vector: RequestVector) {
        let accepted = MessageError.Code.allCases.allSatisfy { "\($0)" != vector.expected }
        guard accepted else { return }
        let raw = Array(vector.raw.utf8)
        for cut in 0..<raw.count { #expect(verdict([Array(raw[..<cut])]) == "incomplete") }
    }

    @Test("what follows the head is left alone")
    func pipelined() {
        let one = Array("GET /one HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        let bytes = one + Array("GARBAGE".utf8)
        var parser = RequestParser()
        #expect(parser.parse(bytes.span, limits: ParserLimits()) == .complete)
        #expect(Int(parser.head.end) == one.count)
    }

    @Test("every byte stands exactly where its class allows it")
    func everyByte() {
        let token = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
        for byte in UInt8.min...UInt8.max {
            let character = UInt8(byte)
            let name = verdict([Array("GET / HTTP/1.1\r\nHost: a\r\nX".utf8) + [character] + Array("Y: b\r\n\r\n".utf8)]
            )
            #expect((name == "GET / 1.1 keep") == (token.utf8.contains(byte) || byte == 0x3a), "name \(byte)")
            let value = verdict([Array("GET / HTTP/1.1\r\nHost: a\r\nX: ".utf8) + [character] + Array("b\r\n\r\n".utf8)]
            )
            #expect((value == "GET / 1.1 keep") == (byte >= 0x20 && byte != 0x7f || byte == 9), "value \(byte)")
            let target = verdict([Array("GET /".utf8) + [character] + Array("20 HTTP/1.1\r\nHost: a\r\n\r\n".utf8)])
            let allowed = (0x21...0x7e).contains(byte) && !"\"#<>".utf8.contains(byte)
            #expect(target.hasPrefix("GET ") == allowed, "target \(byte)")
        }
    }

    @Test("a control is found at every place of a word, whatever follows it")
    func controlSearch() {
        for length in 0..<40 {
            for place in 0..<max(length, 1) where place < length {
                var bytes = [UInt8](repeating: 0xff, count: length)
                bytes[place] = 0x7f
                if place + 1 < length { bytes[place + 1] = 0x20 }
                let head = Array("GET / HTTP/1.1\r\nHost: a\r\nX:".utf8) + bytes + Array("\r\n\r\n".utf8)
                #expect(verdict([head]) == "badField")
                bytes[place] = 9
                let good = Array("GET / HTTP/1.1\r\nHost: a\r\nX:".utf8) + bytes + Array("\r\n\r\n".utf8)
                #expect(verdict([good]) == "GET / 1.1 keep")
            }
        }
    }
}

@Suite("the limits of a request's head")
struct RequestLimitTests {
    let limits = ParserLimits(maxRequestLine: 64, maxHead: 256, maxFields: 4)

    private func line(_ length: Int) -> [UInt8] {
        Array("GET /".utf8) + Array(repeating: 0x61, count: length - 16) + Array(" HTTP/1.1\r\n".utf8)
    }

    @Test("a request line of the limit passes, a byte more does not, however it is cut")
    func requestLine() {
        let rest = Array("Host: a\r\n\r\n".utf8)
        for (length, good) in [(63, true), (64, true), (65, false), (300, false)] {
            let raw = line(length) + rest
            for cut in 0...raw.count {
                let result = verdict([Array(raw[..<cut]), Array(raw[cut...])], limits: limits)
                #expect(good ? result.hasPrefix("GET ") : result == "requestLineTooLong", "\(length) cut at \(cut)")
            }
            let bytewise = verdict(raw.map { [$0] }, limits: limits)
            #expect(good ? bytewise.hasPrefix("GET ") : bytewise == "requestLineTooLong")
        }
    }

    @Test("an endless request line is refused at the limit, not later")
    func endlessLine() {
        let bytes = Array("GET /".utf8) + Array(repeating: UInt8(0x61), count: 64)
        #expect(verdict(bytes.map { [$0] }, limits: limits) == "requestLineTooLong")
        #expect(verdict([Array(bytes[..<40])], limits: limits) == "incomplete")
    }

    @Test("a head of the limit passes, a byte more does not, however it is cut")
    func head() {
        for (length, good) in [(255, true), (256, true), (257, false), (400, false)] {
            let start = Array("GET / HTTP/1.1\r\nHost: a\r\nX: ".utf8)
            let raw = start + Array(repeating: 0x62, count: length - start.count - 4) + Array("\r\n\r\n".utf8)
            for cut in 0...raw.count {
                let result = verdict([Array(raw[..<cut]), Array(raw[cut...])], limits: limits)
                #expect(result == (good ? "GET / 1.1 keep" : "headTooLarge"), "\(length) cut at \(cut)")
            }
        }
    }

    @Test("one field too many is refused")
    func fields() {
        func raw(_ count: Int) -> [UInt8] {
            Array("GET / HTTP/1.0\r\n".utf8) + (0..<count).flatMap { Array("X\($0): a\r\n".utf8) } + Array("\r\n".utf8)
        }
        #expect(verdict([raw(4)], limits: limits) == "GET / 1.0 close")
        #expect(verdict([raw(5)], limits: limits) == "headTooLarge")
    }
}
