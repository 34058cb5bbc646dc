internal import FuzzDriver
internal import HTTP

// Targets, hosts and percent encoding under libFuzzer. Beside "no crash": decoding takes back what encoding did, a second
// implementation decodes alike, and a target or host that is accepted keeps what its grammar promises.

@main
enum Main {
    static func main() { runFuzzer(fuzz) }
}

/// One input: text to be encoded, and with a NUL in it a target and a host.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard let input = FuzzInput(start, count) else { return 0 }
    let text = String(decoding: input.bytes, as: UTF8.self)
    let encoded = percentEncoded(text)
    precondition(encoded.utf8.allSatisfy { unreserved.contains($0) || $0 == UInt8(ascii: "%") })
    precondition(Percent.segments(Array("/\(encoded)".utf8)) == (text.isEmpty ? [] : [text]))
    if !text.isEmpty {
        let pairs = Percent.pairs(Array("\(encoded)=\(encoded)&\(encoded)".utf8))
        precondition(pairs.count == 2 && pairs[0] == (text, text) && pairs[1] == (text, ""))
    }
    decode(input.bytes)
    let halves = input.bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false).map(Array.init)
    parse(target: halves[0], host: halves.count > 1 ? halves[1] : [0x61])
    return 0
}

/// Path and query against the plain way.
private func decode(_ bytes: [UInt8]) {
    let segments = Percent.segments([0x2f] + bytes)
    let pieces = bytes.split(separator: 0x2f, omittingEmptySubsequences: false).map(Array.init)
    precondition(segments == (bytes.isEmpty ? [] : pieces.map { plain($0, plusIsSpace: false) }))
    let pairs = Percent.pairs(bytes)
    let expected = bytes.split(separator: 0x26).map(Array.init).map { pair in
        let parts = pair.split(separator: 0x3d, maxSplits: 1, omittingEmptySubsequences: false).map(Array.init)
        return (plain(parts[0], plusIsSpace: true), parts.count > 1 ? plain(parts[1], plusIsSpace: true) : "")
    }
    precondition(pairs.count == expected.count && zip(pairs, expected).allSatisfy { $0 == $1 })
}

/// Percent decoding by the first character that is left.
private func plain(_ bytes: [UInt8], plusIsSpace: Bool) -> String {
    var left = bytes[...]
    var result: [UInt8] = []
    while let first = left.popFirst() {
        let digits = left.prefix(2)
        let isCode = first == UInt8(ascii: "%") && digits.count == 2 && digits.allSatisfy { hexadecimal.contains($0) }
        if isCode, let code = UInt8(String(decoding: digits, as: UTF8.self), radix: 16) {
            result.append(code)
            left = left.dropFirst(2)
        } else {
            result.append(plusIsSpace && first == UInt8(ascii: "+") ? UInt8(ascii: " ") : first)
        }
    }
    return String(decoding: result, as: UTF8.self)
}

/// What the parser makes of a target and a host.
private func parse(target: [UInt8], host: [UInt8]) {
    let head = Array("OPTIONS ".utf8) + target + Array(" HTTP/1.1\r\nHost: ".utf8) + host + Array("\r\n\r\n".utf8)
    var parser = RequestParser()
    guard parser.parse(head.span, limits: ParserLimits()) == .complete, Int(parser.head.end) == head.count else {
        return
    }
    let view = RequestView(head.span, parser.head)
    let path = view.path.withUnsafeBufferPointer { Array($0) }
    precondition(target.allSatisfy { $0 > 0x20 && $0 < 0x7f }, "a byte that no target has")
    precondition(path.first == UInt8(ascii: "/") || view.isAsterisk && target == [0x2a])
    precondition(!path.contains(UInt8(ascii: "?")) && !target.contains(UInt8(ascii: "#")))
    let whole = Percent.segments(path).joined(separator: "/")
    precondition(!whole.utf8.contains(0), "a NUL in the path")
    precondition(target.first != UInt8(ascii: "/") || target.starts(with: path))
    let wanted = view.query?.withUnsafeBufferPointer { Array($0) }
    let queries = target.split(separator: UInt8(ascii: "?"), maxSplits: 1, omittingEmptySubsequences: false)
    precondition(wanted == (queries.count > 1 ? Array(queries[1]) : nil))
    let name = view.fieldText("host") ?? ""
    precondition(
        !name.utf8.contains { "/?#@\\ \t\"<>".utf8.contains($0) || $0 >= 0x7f }, "a host that is none: \(name)")
}

private let hexadecimal = Set("0123456789abcdefABCDEF".utf8)
private let unreserved = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~".utf8)
