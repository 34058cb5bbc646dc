internal import FuzzDriver
internal import HTTP

// A connection's requests under libFuzzer: heads and bodies, one behind the other, as the server reads them. Beside "no
// crash": what is read must not depend on how the bytes were cut.

@main
enum Main {
    static func main() { runFuzzer(fuzz) }
}

/// The variant has limits that short inputs reach; what breaks two rules at once may then be refused by either of them.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard let input = FuzzInput(start, count) else { return 0 }
    // Ended, since the parsers judge a line that is still open sooner or later, as they like.
    let bytes = input.bytes + Array("\r\n\r\n".utf8)
    let limits =
        input.isVariant
        ? ParserLimits(maxRequestLine: 64, maxHead: 256, maxFields: 5, maxChunkExtensions: 16, maxTrailers: 32)
        : ParserLimits()
    requireSame(bytes, cutInto: input.piece) { bytes, piece in
        var reader = RequestReader(limits: limits, namesErrors: !input.isVariant)
        for start in stride(from: 0, to: bytes.count, by: piece) {
            reader.take(bytes[start..<min(start + piece, bytes.count)])
        }
        return reader.seen.joined(separator: "\n")
    }
    return 0
}

/// What a connection does with its bytes, without the connection.
private struct RequestReader {
    private enum Phase { case head, counted(Int64), chunked(ChunkedDecoder), over }

    let limits: ParserLimits
    /// Whether a refusal is told with its reason.
    let namesErrors: Bool
    private(set) var seen: [String] = []
    private var phase = Phase.head
    private var parser = RequestParser()
    private var buffer: [UInt8] = []
    private var body: [UInt8] = []

    init(limits: ParserLimits, namesErrors: Bool) {
        self.limits = limits
        self.namesErrors = namesErrors
    }

    mutating func take(_ bytes: ArraySlice<UInt8>) {
        buffer += bytes
        while !buffer.isEmpty {
            let before = buffer.count
            switch phase {
            case .head: guard takeHead() else { return }
            case .counted(let left): takeCounted(left)
            case .chunked(var decoder): takeChunks(&decoder)
            case .over: return
            }
            precondition(buffer.count <= before)
        }
    }

    /// False when the head isn't whole.
    private mutating func takeHead() -> Bool {
        let received = buffer
        switch parser.parse(received.span, limits: limits) {
        case .incomplete:
            precondition(buffer.count < limits.maxHead + limits.maxRequestLine)
            return false
        case .failed(let code): refuse(code)
        case .complete:
            let head = parser.head
            precondition(head.end <= buffer.count && head.fieldsStart <= head.end && head.pathStart <= head.pathEnd)
            precondition(Int(head.end) <= limits.maxHead && head.methodStart < head.methodEnd)
            precondition(head.contentLength >= 0 && (head.contentLength == 0 || !head.flags.contains(.chunked)))
            seen.append("\(head)\n\(look(RequestView(received.span, head)))")
            buffer.removeFirst(Int(head.end))
            parser = RequestParser()
            phase = head.flags.contains(.chunked) ? .chunked(ChunkedDecoder()) : .counted(head.contentLength)
            if !head.hasBody { phase = head.keepsAlive ? .head : .over }
        }
        return true
    }

    private mutating func takeCounted(_ left: Int64) {
        let count = min(buffer.count, Int(clamping: left))
        body += buffer[..<count]
        buffer.removeFirst(count)
        phase = .counted(left - Int64(count))
        if left == Int64(count) { endBody() }
    }

    private mutating func takeChunks(_ decoder: inout ChunkedDecoder) {
        let received = buffer
        var position = 0
        while true {
            switch decoder.next(received.span, at: &position, limits: limits) {
            case .data(let range): body += buffer[range]
            case .incomplete:
                buffer = []
                phase = .chunked(decoder)
                return
            case .end:
                buffer.removeFirst(position)
                return endBody()
            case .failed(let code): return refuse(code)
            }
        }
    }

    private mutating func endBody() {
        seen.append("body \(body)")
        body = []
        phase = .head
    }

    private mutating func refuse(_ code: MessageError.Code) {
        seen.append(namesErrors ? "refused: \(code)" : "refused")
        phase = .over
    }
}

/// What a handler may ask of a head, all of it.
private func look(_ view: borrowing RequestView) -> String {
    var fields = 0
    view.forEachField { name, value in
        precondition(!name.isEmpty && value.count < 4096)
        fields += 1
        return true
    }
    precondition(fields == view.fieldCount)
    precondition(view.path.count > 0 && (view.path[0] == 0x2f || view.isAsterisk))
    let path = view.path.withUnsafeBufferPointer { Array($0) }
    let segments = Percent.segments(path)
    precondition(segments.count == (path.count < 2 ? 0 : path.filter { $0 == 0x2f }.count))
    let query = (view.query?.withUnsafeBufferPointer { Array($0) }).map(Percent.pairs) ?? []
    return "\(view.method) \(view.keepsAlive) \(view.fieldText("host") ?? "-") \(segments) \(query)"
}
