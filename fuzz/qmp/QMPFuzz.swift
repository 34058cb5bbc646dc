internal import FuzzDriver
internal import QemuMonitor

// QMP framing and decoding under libFuzzer. Beside "no crash": the lines must not depend on how the bytes were cut, and a
// line beyond the limit is refused, not held.

private let limit = 512

@main
enum Main {
    static func main() { runFuzzer(fuzz) }
}

/// One input: its first byte chooses the size of the pieces.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard let input = FuzzInput(start, count) else { return 0 }
    let (whole, wholeEnds) = lines(input.bytes, input.bytes.count)
    let (pieces, piecesEnd) = lines(input.bytes, input.piece)
    precondition(wholeEnds == piecesEnd, "cut in pieces the limit is judged otherwise")
    // A whole read that breaks the limit loses the lines before it; pieces have given them out by then.
    precondition(wholeEnds || whole == pieces, "cut in pieces the lines differ")
    for line in pieces {
        precondition(!line.isEmpty && line.count <= limit + 1 && !line.contains(UInt8(ascii: "\n")))
        _ = try? MonitorMessage(decoding: line)
    }
    return 0
}

/// The lines that came before the limit was broken, and whether it was.
private func lines(_ bytes: [UInt8], _ piece: Int) -> ([[UInt8]], Bool) {
    var framer = LineFramer(limit: limit)
    var found: [[UInt8]] = []
    var start = 0
    while start < bytes.count {
        let part = Array(bytes[start..<min(start + piece, bytes.count)])
        do {
            found += try framer.append(part.span)
        } catch {
            return (found, true)
        }
        precondition(framer.pendingBytes <= limit + 1)
        start += part.count
    }
    return (found, false)
}
