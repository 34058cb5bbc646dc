/// One header or trailer field as ranges of the bytes it was read from.
struct FieldLine {
    var name: Range<Int>
    var value: Range<Int>

    /// What the parser found at the start of a line.
    enum Step {
        /// A whole field; `next` is the start of the following line.
        case field(FieldLine, next: Int)
        /// The empty line that ends the section; `next` is the first byte after it.
        case end(next: Int)
        /// The line isn't complete yet, and nothing in it is wrong so far.
        case incomplete
        case failed(MessageError.Code)
    }

    /// Reads the line that starts at `start`: RFC 9112, section 5.
    ///
    /// A name is a token followed at once by a colon; a value holds no control character but the tab; a line ends in
    /// CR LF and in nothing else.
    @inline(__always)
    static func parse(_ bytes: Span<UInt8>, at start: Int) -> Step {
        let count = bytes.count
        guard start < count else { return .incomplete }
        var index = start
        while index < count, ByteClass.token.contains(bytes[index]) { index &+= 1 }
        guard index < count else { return .incomplete }
        if index == start { return withoutName(bytes, at: start) }
        guard bytes[index] == Byte.colon else { return .failed(.badField) }
        let valueStart = index &+ 1
        let valueEnd = bytes.firstControl(from: valueStart)
        guard valueEnd < count else { return .incomplete }
        switch lineEnd(bytes, at: valueEnd) {
        case .whole:
            let line = FieldLine(name: start..<index, value: bytes.trimmingBlanks(valueStart..<valueEnd))
            return .field(line, next: valueEnd &+ 2)
        case .incomplete: return .incomplete
        case .bare: return .failed(.bareLineEnd)
        case .none: return .failed(.badField)
        }
    }

    private static func withoutName(_ bytes: Span<UInt8>, at start: Int) -> Step {
        if Byte.isBlank(bytes[start]) { return .failed(.folded) }
        switch lineEnd(bytes, at: start) {
        case .whole: return .end(next: start + 2)
        case .incomplete: return .incomplete
        case .bare: return .failed(.bareLineEnd)
        case .none: return .failed(.badField)
        }
    }

    enum LineEnd { case whole, incomplete, bare, none }

    /// What line end stands at an offset, which must lie inside the span.
    @inline(__always)
    static func lineEnd(_ bytes: Span<UInt8>, at index: Int) -> LineEnd {
        if bytes[index] == Byte.carriageReturn {
            guard index &+ 1 < bytes.count else { return .incomplete }
            return bytes[index &+ 1] == Byte.lineFeed ? .whole : .bare
        }
        return bytes[index] == Byte.lineFeed ? .bare : .none
    }
}
