/// What a response's head says about itself, as offsets and facts.
package struct ResponseHead: Sendable {
    package var status = 0
    package var isHTTP10 = false
    package var isChunked = false
    package var contentLength: Int64?
    package var closes = false
    package var keepsAliveExplicitly = false
    package var fieldCount = 0
    package var fieldsStart = 0
    /// The first byte after the head.
    package var end = 0

    /// Whether the connection may carry another request after this response.
    package var keepsAlive: Bool { !closes && (!isHTTP10 || keepsAliveExplicitly) }

    /// How the end of the body is found: RFC 9112, section 6.3.
    package enum Framing: Equatable, Sendable { case none, length(Int64), chunked, untilClose }

    /// The framing of the answer to a request of this method.
    package func framing(isHead: Bool) -> Framing {
        if isHead || status < 200 || status == 204 || status == 304 { return .none }
        if isChunked { return .chunked }
        if let contentLength { return contentLength == 0 ? .none : .length(contentLength) }
        return .untilClose
    }
}

/// Reads a response's head from bytes that may arrive in pieces. Pure; as strict as the request's parser, but for an
/// absent reason phrase, which many servers send without its space.
package struct ResponseParser: Sendable {
    package enum Outcome: Equatable {
        case incomplete, complete
        case failed(MessageError.Code)
    }

    package private(set) var head = ResponseHead()
    private var hasStatus = false
    private var lineStart = 0
    private var searched = 0

    package init() {}

    /// Reads on; `bytes` begins with the response's first byte each time.
    package mutating func parse(_ bytes: Span<UInt8>, limits: ParserLimits) -> Outcome {
        if searched > 0 {
            let control = bytes.firstControl(from: searched)
            if control == bytes.count { return wait(bytes, limits) }
        }
        if !hasStatus {
            let outcome = parseStatusLine(bytes)
            if outcome == .incomplete { return wait(bytes, limits) }
            guard outcome == .complete else { return outcome }
            hasStatus = true
        }
        while true {
            switch FieldLine.parse(bytes, at: lineStart) {
            case .field(let line, let next):
                head.fieldCount += 1
                if next > limits.maxHead || head.fieldCount > limits.maxFields { return .failed(.headTooLarge) }
                if let code = note(line, in: bytes) { return .failed(code) }
                lineStart = next
            case .end(let next):
                head.end = next
                if head.isChunked, head.contentLength != nil { return .failed(.ambiguousLength) }
                return .complete
            case .incomplete: return wait(bytes, limits)
            case .failed(let code): return .failed(code)
            }
        }
    }

    private mutating func wait(_ bytes: Span<UInt8>, _ limits: ParserLimits) -> Outcome {
        searched = bytes.searchedForLineEnd
        return bytes.count >= limits.maxHead ? .failed(.headTooLarge) : .incomplete
    }

    private mutating func parseStatusLine(_ bytes: Span<UInt8>) -> Outcome {
        let end = bytes.firstControl(from: 0)
        guard end < bytes.count else { return .incomplete }
        switch FieldLine.lineEnd(bytes, at: end) {
        case .incomplete: return .incomplete
        case .bare: return .failed(.bareLineEnd)
        case .none: return .failed(.badStatusLine)
        case .whole: break
        }
        guard end >= 12, bytes.matches(0..<7, "HTTP/1."), Byte.isDigit(bytes[7]), bytes[8] == Byte.space,
            let status = decimal(bytes, 9..<12), status >= 100, end == 12 || bytes[12] == Byte.space
        else { return .failed(.badStatusLine) }
        head.isHTTP10 = bytes[7] == 0x30
        head.status = Int(status)
        lineStart = end + 2
        head.fieldsStart = lineStart
        return .complete
    }

    private mutating func note(_ line: FieldLine, in bytes: Span<UInt8>) -> MessageError.Code? {
        if bytes.matches(line.name, ignoringCase: "content-length") {
            guard head.contentLength == nil, let length = decimal(bytes, line.value) else { return .badContentLength }
            head.contentLength = length
        } else if bytes.matches(line.name, ignoringCase: "transfer-encoding") {
            guard !head.isChunked, bytes.matches(line.value, ignoringCase: "chunked") else {
                return .badTransferEncoding
            }
            head.isChunked = true
        } else if bytes.matches(line.name, ignoringCase: "connection") {
            var start = line.value.lowerBound
            while let element = nextListElement(bytes, line.value, from: &start) {
                if bytes.matches(element, ignoringCase: "close") { head.closes = true }
                if bytes.matches(element, ignoringCase: "keep-alive") { head.keepsAliveExplicitly = true }
            }
        }
        return nil
    }
}
