internal import FuzzDriver
internal import HTTP

// An answer as the client reads it, under libFuzzer: interim heads, the final one, its body by whatever framing. Beside "no
// crash": what is read must not depend on how the bytes were cut.

@main
enum Main {
    static func main() { runFuzzer(fuzz) }
}

/// The variant is the answer to a HEAD.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard let input = FuzzInput(start, count) else { return 0 }
    // Ended, since the parser judges a line that is still open sooner or later, as it likes.
    let bytes = input.bytes + Array("\r\n\r\n".utf8)
    requireSame(bytes, cutInto: input.piece) { bytes, piece in
        var reader = ResponseReader(isHead: input.isVariant)
        for start in stride(from: 0, to: bytes.count, by: piece) {
            reader.take(bytes[start..<min(start + piece, bytes.count)])
        }
        return reader.seen.joined(separator: "\n") + " body \(reader.body), left \(reader.left)"
    }
    return 0
}

private struct ResponseReader {
    private enum Phase { case head, counted(Int64), chunked(ChunkedDecoder), untilClose, over, refused }

    let isHead: Bool
    private let limits = ParserLimits(maxHead: 256 * 1024, maxFields: 1000)
    private(set) var seen: [String] = []
    private(set) var body: [UInt8] = []
    private var phase = Phase.head
    private var parser = ResponseParser()
    private var buffer: [UInt8] = []

    init(isHead: Bool) { self.isHead = isHead }

    /// What follows the answer.
    var left: [UInt8] {
        if case .over = phase { return buffer }
        return []
    }

    mutating func take(_ bytes: ArraySlice<UInt8>) {
        buffer += bytes
        while !buffer.isEmpty {
            switch phase {
            case .head: guard takeHead() else { return }
            case .counted(let left):
                let count = min(buffer.count, Int(clamping: left))
                takeBody(count)
                phase = left == Int64(count) ? .over : .counted(left - Int64(count))
            case .chunked(var decoder): takeChunks(&decoder)
            case .untilClose: takeBody(buffer.count)
            case .over, .refused: return
            }
        }
    }

    /// False when the head isn't whole.
    private mutating func takeHead() -> Bool {
        let received = buffer
        switch parser.parse(received.span, limits: limits) {
        case .incomplete: return false
        case .failed(let code): refuse(code)
        case .complete:
            let head = parser.head
            precondition(head.end <= buffer.count && (100...999).contains(head.status))
            precondition(!head.isChunked || head.contentLength == nil, "two framings")
            seen.append("\(head)")
            buffer.removeFirst(head.end)
            parser = ResponseParser()
            if head.status < 200 && head.status != 101 { return true }
            switch head.framing(isHead: isHead) {
            case .none: phase = .over
            case .length(let length): phase = .counted(length)
            case .chunked: phase = .chunked(ChunkedDecoder())
            case .untilClose: phase = .untilClose
            }
        }
        return true
    }

    private mutating func takeBody(_ count: Int) {
        body += buffer[..<count]
        buffer.removeFirst(count)
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
                phase = .over
                return
            case .failed(let code): return refuse(code)
            }
        }
    }

    private mutating func refuse(_ code: MessageError.Code) {
        seen.append("refused: \(code)")
        phase = .refused
    }
}
