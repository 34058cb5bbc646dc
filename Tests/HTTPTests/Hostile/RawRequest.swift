import Foundation

/// A request of `Tests/HTTPData/requests`: bytes under a name. What the files look like says the README beside them.
struct RawRequest: Sendable {
    var name: String
    var bytes: [UInt8] = []
    /// Where the text repeats itself, and the length of what is repeated.
    var repeats: [(range: Range<Int>, unit: Int)] = []

    /// The folder that has the requests and the answers.
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../HTTPData")
        .standardizedFileURL

    /// All of them, in the order of the files and of their lines.
    static func all() throws -> [RawRequest] {
        let requests = folder.appending(path: "requests")
        let files = try FileManager.default.contentsOfDirectory(atPath: requests.path).filter { $0.hasSuffix(".txt") }
        var found: [RawRequest] = []
        for file in files.sorted() {
            let text = try String(contentsOf: requests.appending(path: file), encoding: .utf8)
            for line in text.split(separator: "\n") { take(line, into: &found) }
        }
        return found
    }

    private static func take(_ line: Substring, into found: inout [RawRequest]) {
        let rest = line.dropFirst(2)
        switch line.first {
        case "=": found.append(RawRequest(name: rest.components(separatedBy: " | ")[0]))
        case ">": found[found.count - 1].append(rest.utf8)
        case "$":
            found[found.count - 1].append(#"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"#.utf8)
            found[found.count - 1].append(rest.utf8)
        default: break
        }
    }

    /// Adds an escaped text: `\r \n \t \0 \\ \xNN`, and `\{TEXT*COUNT}` for a repeated one.
    private mutating func append(_ text: some Collection<UInt8>) {
        var rest = Array(text)[...]
        while let byte = rest.popFirst() {
            guard byte == 0x5c, let letter = rest.popFirst() else {
                bytes.append(byte)
                continue
            }
            switch letter {
            case 0x72: bytes.append(0x0d)
            case 0x6e: bytes.append(0x0a)
            case 0x74: bytes.append(0x09)
            case 0x30: bytes.append(0)
            case 0x78:
                bytes.append(UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) ?? 0)
                rest = rest.dropFirst(2)
            case 0x7b: appendRepeated(&rest)
            default: bytes.append(letter)
            }
        }
    }

    private mutating func appendRepeated(_ rest: inout ArraySlice<UInt8>) {
        guard let star = rest.firstIndex(of: 0x2a), let end = rest[star...].firstIndex(of: 0x7d),
            let count = Int(String(decoding: rest[(star + 1)..<end], as: UTF8.self))
        else { return }
        let start = bytes.count
        for _ in 0..<count { append(rest[..<star]) }
        repeats.append((start..<bytes.count, (bytes.count - start) / max(1, count)))
        rest = rest[(end + 1)...]
    }

    /// Where the bytes are cut: everywhere, but in a long repetition at its ends, about the sizes that limits have, and now
    /// and then, since its other places are all alike.
    var cuts: [Int] {
        var all = Set(1..<bytes.count)
        for (range, unit) in repeats where range.count > 256 {
            all.subtract((range.lowerBound + 2 * unit)..<(range.upperBound - 2 * unit))
            for limit in [4096, 8192, 16384, 32768, 65536] { all.formUnion((limit - 3)...(limit + 3)) }
            all.formUnion(stride(from: range.lowerBound + 1, to: range.upperBound, by: max(257, range.count / 8 + 1)))
        }
        return all.filter { $0 < bytes.count }.sorted()
    }
}

/// One line of visible ASCII for any bytes.
func escaped(_ bytes: some Sequence<UInt8>) -> String {
    var text = ""
    for byte in bytes {
        switch byte {
        case 0x0d: text += #"\r"#
        case 0x0a: text += #"\n"#
        case 0x09: text += #"\t"#
        case 0x5c: text += #"\\"#
        case 0x22: text += #"\""#
        case 0x20..<0x7f: text.unicodeScalars.append(Unicode.Scalar(byte))
        default: text += byte < 16 ? #"\x0"# + String(byte, radix: 16) : #"\x"# + String(byte, radix: 16)
        }
    }
    return text
}

/// `escaped`, and of many bytes only the first and their number.
func shortened(_ bytes: [UInt8]) -> String {
    bytes.count <= 160 ? escaped(bytes) : "\(escaped(bytes.prefix(32)))...\(bytes.count)"
}
