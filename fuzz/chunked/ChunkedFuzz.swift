internal import FuzzDriver
internal import HTTP

// The chunked decoder under libFuzzer. Beside "no crash": what it says must not depend on how the bytes were cut, and a
// second implementation, which has all bytes at once and no limits, must say the same.

@main
enum Main {
    static func main() { runFuzzer(fuzz) }
}

/// The variant has limits that short inputs reach; the second implementation is left out then.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard let input = FuzzInput(start, count) else { return 0 }
    let limits = input.isVariant ? ParserLimits(maxChunkExtensions: 16, maxTrailers: 32) : ParserLimits()
    requireSame(input.bytes, cutInto: input.piece) { bytes, piece in decode(bytes, piece, limits) }
    guard !input.isVariant, input.bytes.count < limits.maxChunkExtensions else { return 0 }
    let plain = PlainDecoder.decode(input.bytes)
    let clever = decode(input.bytes, max(1, input.bytes.count), limits)
    precondition(plain == clever, "clever: \(clever), plain: \(plain)")
    return 0
}

private func decode(_ bytes: [UInt8], _ piece: Int, _ limits: ParserLimits) -> String {
    var decoder = ChunkedDecoder()
    var body: [UInt8] = []
    var start = 0
    while start < bytes.count {
        let part = Array(bytes[start..<min(start + piece, bytes.count)])
        var position = 0
        reading: while true {
            let before = position
            switch decoder.next(part.span, at: &position, limits: limits) {
            case .incomplete:
                precondition(position == part.count && !decoder.isOver && decoder.announced >= 0)
                break reading
            case .data(let range):
                precondition(range.lowerBound >= before && range.upperBound == position && !range.isEmpty)
                body += part[range]
            case .end:
                precondition(decoder.isOver)
                return "end at \(start + position): \(body)"
            case .failed(let code): return "failed \(code) after \(body)"
            }
        }
        start += part.count
    }
    return "incomplete after \(body)"
}

/// RFC 9112, section 7.1, read from left to right with the grammar in hand: slow, and simple enough to be believed.
private struct PlainDecoder {
    private enum Failure: Error { case incomplete, malformed }

    private var rest: ArraySlice<UInt8>
    private var body: [UInt8] = []

    static func decode(_ bytes: [UInt8]) -> String {
        var decoder = PlainDecoder(rest: bytes[...])
        do {
            try decoder.chunks()
            try decoder.trailers()
            return "end at \(bytes.count - decoder.rest.count): \(decoder.body)"
        } catch Failure.incomplete {
            return "incomplete after \(decoder.body)"
        } catch {
            return "failed badChunk after \(decoder.body)"
        }
    }

    private mutating func next() throws -> UInt8 {
        guard let byte = rest.popFirst() else { throw Failure.incomplete }
        return byte
    }

    private mutating func expect(_ text: String) throws {
        for byte in text.utf8 where try next() != byte { throw Failure.malformed }
    }

    /// What stands before the next byte that isn't of the kind; there must be a next byte.
    private mutating func run(_ isMember: (UInt8) -> Bool) throws -> [UInt8] {
        let found = rest.prefix(while: isMember)
        rest = rest.dropFirst(found.count)
        return Array(found)
    }

    private mutating func chunks() throws {
        while true {
            let digits = try run { Self.hexadecimal.contains($0) }
            if digits.count > 15 { throw Failure.malformed }
            if rest.isEmpty { throw Failure.incomplete }
            guard let size = Int(String(decoding: digits, as: UTF8.self), radix: 16) else { throw Failure.malformed }
            try extensions()
            try expect("\r\n")
            if size == 0 { return }
            body += rest.prefix(size)
            if rest.count < size { throw Failure.incomplete }
            rest = rest.dropFirst(size)
            try expect("\r\n")
        }
    }

    private mutating func extensions() throws {
        while rest.first == UInt8(ascii: ";") {
            rest = rest.dropFirst()
            try token()
            guard rest.first == UInt8(ascii: "=") else { continue }
            rest = rest.dropFirst()
            if rest.first == UInt8(ascii: "\"") { try quoted() } else { try token() }
        }
    }

    private mutating func token() throws {
        let name = try run { Self.token.contains($0) }
        if rest.isEmpty { throw Failure.incomplete }
        if name.isEmpty { throw Failure.malformed }
    }

    private mutating func quoted() throws {
        rest = rest.dropFirst()
        while true {
            let byte = try next()
            if byte == UInt8(ascii: "\"") { return }
            let shown = byte == UInt8(ascii: "\\") ? try next() : byte
            if Self.isControl(shown) { throw Failure.malformed }
        }
    }

    private mutating func trailers() throws {
        while true {
            if rest.isEmpty { throw Failure.incomplete }
            if rest.first == 0x0d { return try expect("\r\n") }
            try token()
            try expect(":")
            _ = try run { !Self.isControl($0) }
            try expect("\r\n")
        }
    }

    private static func isControl(_ byte: UInt8) -> Bool { byte < 0x20 && byte != 9 || byte == 0x7f }
    private static let hexadecimal = Set("0123456789abcdefABCDEF".utf8)
    private static let token = Set(
        "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
}
