/// Reads a request's head from bytes that may arrive in pieces: RFC 9112, without its permitted leniencies.
///
/// Pure: no I/O, no clock, no allocation. It is given all bytes of the message received so far, each time from the
/// message's first byte on, and goes on where it stopped, so that a head that comes byte by byte costs no more than a
/// small multiple of its length. What it says does not depend on how the bytes were cut.
package struct RequestParser: Sendable {
    package enum Outcome: Equatable {
        /// The head is not complete; call again with more bytes.
        case incomplete
        /// `head` is whole and valid.
        case complete
        case failed(MessageError.Code)
    }

    private enum Phase: UInt8 { case requestLine, fields }

    package private(set) var head = RequestHead()
    private var phase = Phase.requestLine
    /// The first byte of the line being read.
    private var lineStart = 0
    /// How far an incomplete line was searched for its end.
    private var searched = 0

    package init() {}

    /// Reads on. Allocates nothing; runs in time linear in the bytes that are new.
    @inline(__always)
    package mutating func parse(_ bytes: Span<UInt8>, limits: ParserLimits) -> Outcome {
        if searched > 0 {
            // Only a control character can end the line or make it wrong in a way that is worth an early answer.
            let control = bytes.firstControl(from: searched)
            if control == bytes.count { return wait(bytes, limits) }
        }
        if phase == .requestLine {
            switch parseRequestLine(bytes, limits) {
            case .complete: phase = .fields
            case .incomplete: return wait(bytes, limits)
            case .failed(let code): return .failed(code)
            }
        }
        return parseFields(bytes, limits)
    }

    private mutating func wait(_ bytes: Span<UInt8>, _ limits: ParserLimits) -> Outcome {
        searched = bytes.searchedForLineEnd
        return overLimit(bytes.count, limits).map { .failed($0) } ?? .incomplete
    }

    /// The limit that a message whose head is not complete after `count` bytes has broken.
    private func overLimit(_ count: Int, _ limits: ParserLimits) -> MessageError.Code? {
        if phase == .requestLine { return count - lineStart >= limits.maxRequestLine ? .requestLineTooLong : nil }
        return count >= limits.maxHead ? .headTooLarge : nil
    }

    // MARK: - The request line

    @inline(__always)
    private mutating func parseRequestLine(
        _ bytes: Span<UInt8>, _ limits: ParserLimits
    ) -> Outcome {
        let count = bytes.count
        if lineStart == 0, count > 0, bytes[0] <= Byte.carriageReturn {
            // One empty line before the request is to be ignored: RFC 9112, section 2.2.
            switch FieldLine.lineEnd(bytes, at: 0) {
            case .whole: lineStart = 2
            case .incomplete: return .incomplete
            case .bare: return .failed(.bareLineEnd)
            case .none: return .failed(.badRequestLine)
            }
        }
        var index = lineStart
        while index < count, ByteClass.token.contains(bytes[index]) { index &+= 1 }
        if index &- lineStart > 32 { return .failed(.unsupportedMethod) }
        guard index < count else { return .incomplete }
        guard bytes[index] == Byte.space, index > lineStart else { return .failed(.badRequestLine) }
        let method = lineStart..<index
        let targetStart = index &+ 1
        index = targetStart
        var question = -1
        var percent = false
        while index < count, ByteClass.target.contains(bytes[index]) {
            let byte = bytes[index]
            if byte == Byte.question, question < 0 { question = index }
            if byte == Byte.percent { percent = true }
            index &+= 1
        }
        // The longest line that still fits has eleven bytes after its target.
        if index &+ 11 &- lineStart > limits.maxRequestLine { return .failed(.requestLineTooLong) }
        guard index < count else { return .incomplete }
        guard bytes[index] == Byte.space, index > targetStart else { return .failed(.badRequestLine) }
        let versionStart = index &+ 1
        let version = parseVersion(bytes, at: versionStart)
        guard version == .complete else { return version }
        head.method = RequestMethod.of(bytes, method)
        head.methodStart = Int32(truncatingIfNeeded: method.lowerBound)
        head.methodEnd = Int32(truncatingIfNeeded: method.upperBound)
        lineStart = versionStart &+ 10
        head.fieldsStart = Int32(truncatingIfNeeded: lineStart)
        if percent { head.flags.insert(.percent) }
        return finishTarget(bytes, targetStart..<index, question: question)
    }

    /// `HTTP/1.x CR LF`; sets the HTTP/1.0 flag.
    @inline(__always)
    private mutating func parseVersion(_ bytes: Span<UInt8>, at start: Int) -> Outcome {
        if bytes.count &- start >= 10, bytes.matches(start..<(start &+ 7), "HTTP/1.") {
            let minor = bytes[start &+ 7]
            guard Byte.isDigit(minor) else { return .failed(.badRequestLine) }
            if minor == 0x30 { head.flags.insert(.http10) }
            switch FieldLine.lineEnd(bytes, at: start &+ 8) {
            case .whole: return .complete
            case .incomplete: return .incomplete
            case .bare: return .failed(.bareLineEnd)
            case .none: return .failed(.badRequestLine)
            }
        }
        return Self.unusualVersion(bytes, at: start)
    }

    /// A version that is incomplete, another major one, or none at all.
    private static func unusualVersion(_ bytes: Span<UInt8>, at start: Int) -> Outcome {
        let pattern: StaticString = "HTTP/#.#"
        // SAFETY: a StaticString's bytes live as long as the program, and the index stays below their count.
        let expected = pattern.utf8Start
        var otherMajor = false
        for index in 0..<8 {
            guard start + index < bytes.count else { return .incomplete }
            let byte = bytes[start + index]
            if expected[index] == 0x23 {
                guard Byte.isDigit(byte) else { return .failed(.badRequestLine) }
                if index == 5, byte != 0x31 { otherMajor = true }
            } else if byte != expected[index] {
                return .failed(.badRequestLine)
            }
        }
        guard start + 8 < bytes.count else { return .incomplete }
        switch FieldLine.lineEnd(bytes, at: start + 8) {
        case .whole: return otherMajor ? .failed(.unsupportedVersion) : .complete
        case .incomplete: return .incomplete
        case .bare: return .failed(.bareLineEnd)
        case .none: return .failed(.badRequestLine)
        }
    }

    @inline(__always)
    private mutating func finishTarget(
        _ bytes: Span<UInt8>, _ target: Range<Int>, question: Int
    ) -> Outcome {
        head.targetEnd = Int32(truncatingIfNeeded: target.upperBound)
        head.pathStart = Int32(truncatingIfNeeded: target.lowerBound)
        head.pathEnd = Int32(truncatingIfNeeded: question < 0 ? target.upperBound : question)
        if question >= 0 {
            head.flags.insert(.query)
            head.queryStart = Int32(truncatingIfNeeded: question &+ 1)
        }
        if bytes[target.lowerBound] != Byte.slash {
            if let code = head.readUnusualTarget(bytes, target) { return .failed(code) }
        } else if head.method == .other, bytes.matches(head.methodRange, "CONNECT") {
            return .failed(.unsupportedMethod)
        }
        if head.flags.contains(.percent), !Self.validPercents(bytes, head.path) {
            return .failed(.badPercentEncoding)
        }
        return .complete
    }

    private static func validPercents(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        var index = range.lowerBound
        while index < range.upperBound {
            if bytes[index] == Byte.percent {
                guard index + 2 < range.upperBound, let high = Byte.hexadecimal(bytes[index + 1]),
                    let low = Byte.hexadecimal(bytes[index + 2]), high | low != 0
                else { return false }
            }
            index += 1
        }
        return true
    }

    // MARK: - The fields

    @inline(__always)
    private mutating func parseFields(_ bytes: Span<UInt8>, _ limits: ParserLimits) -> Outcome {
        while true {
            switch FieldLine.parse(bytes, at: lineStart) {
            case .field(let line, let next):
                head.fieldCount &+= 1
                if next > limits.maxHead || Int(head.fieldCount) > limits.maxFields { return .failed(.headTooLarge) }
                if let code = head.note(line, in: bytes) { return .failed(code) }
                lineStart = next
            case .end(let next):
                if next > limits.maxHead { return .failed(.headTooLarge) }
                head.end = Int32(truncatingIfNeeded: next)
                if let code = head.finish() { return .failed(code) }
                return .complete
            case .incomplete: return wait(bytes, limits)
            case .failed(let code):
                return .failed(code)
            }
        }
    }
}
