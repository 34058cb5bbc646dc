internal import Model

/// What a console script waits for: a text, or a regular expression between slashes. Pure.
package struct ConsolePattern: Sendable {
    private enum Kind: Sendable {
        case text([UInt8])
        case expression(String)
    }

    /// The end of the output that is still looked at.
    static let window = 64 * 1024

    private let kind: Kind
    private var seen: [UInt8] = []

    /// - Throws: what names `--until`, where the expression can't be read.
    package init(_ text: String) throws(CommandFailure) {
        guard text.count > 2, text.hasPrefix("/"), text.hasSuffix("/") else {
            guard !text.isEmpty else {
                throw CommandFailure(.usage, "is empty", field: "--until", fix: "give a text, or /regex/")
            }
            kind = .text(Array(text.utf8))
            return
        }
        let expression = String(text.dropFirst().dropLast())
        guard (try? Regex(expression)) != nil else {
            throw CommandFailure(
                .usage, "\(quoted(text)) is no regular expression", field: "--until",
                fix: "give a plain text, or mend it")
        }
        kind = .expression(expression)
    }

    /// Takes the next output; true once what was waited for has been seen, wherever its bytes were parted.
    package mutating func take(_ bytes: [UInt8]) -> Bool {
        seen += bytes
        if seen.count > Self.window { seen.removeFirst(seen.count - Self.window) }
        switch kind {
        case .text(let wanted): return Self.contains(seen, wanted)
        case .expression(let expression):
            guard let regex = try? Regex(expression) else { return false }
            return String(decoding: seen, as: UTF8.self).firstMatch(of: regex) != nil
        }
    }

    private static func contains(_ bytes: [UInt8], _ wanted: [UInt8]) -> Bool {
        guard bytes.count >= wanted.count, let first = wanted.first else { return false }
        for start in 0...(bytes.count - wanted.count) where bytes[start] == first {
            if bytes[start..<start + wanted.count].elementsEqual(wanted) { return true }
        }
        return false
    }
}
