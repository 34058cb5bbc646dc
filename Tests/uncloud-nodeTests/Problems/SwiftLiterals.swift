/// The string literals of a Swift source, as far as a search for words needs them.
struct SwiftLiterals {
    struct Literal: Equatable {
        /// The text, each interpolation as a word: `KIND` where it begins with that word in small letters, else `x`.
        var text: String
        /// Whether it stands behind `fix:`, or is one of the two that a condition there chooses from.
        var isFix: Bool
    }

    private let source: [Character]
    private var index = 0
    private(set) var found: [Literal] = []

    init(_ text: String) {
        source = Array(text)
        scan()
    }

    private func sees(_ text: String) -> Bool { source[index...].starts(with: Array(text)) }

    private mutating func scan() {
        var code = ""
        while index < source.count {
            if sees("//") {
                while index < source.count, source[index] != "\n" { index += 1 }
            } else if source[index] == "\"" || sees("#\"") {
                // What stood since the last comma or bracket, blanks left out, tells what the literal is for.
                let isFix = code.hasSuffix("fix:") || code.split(separator: ",").last?.contains("fix:") == true
                found.append(Literal(text: literal(), isFix: isFix))
                code += "x"
            } else {
                if !source[index].isWhitespace { code.append(source[index]) }
                index += 1
            }
        }
    }

    /// The literal that begins here; moves behind it.
    private mutating func literal() -> String {
        let isRaw = sees("#")
        if isRaw { index += 1 }
        let quotes = sees("\"\"\"") ? "\"\"\"" : "\""
        let end = quotes + (isRaw ? "#" : "")
        index += quotes.count
        var text = ""
        while index < source.count, !sees(end) {
            if !isRaw, sees("\\(") {
                index += 1
                text += interpolation().hasPrefix("kind") ? "KIND" : "x"
            } else if !isRaw, source[index] == "\\", index + 1 < source.count {
                if source[index + 1] != "\n" { text.append(source[index + 1] == "n" ? "\n" : source[index + 1]) }
                index += 2
            } else {
                text.append(source[index])
                index += 1
            }
        }
        index += end.count
        return text
    }

    /// What stands between the brackets that begin here; moves behind them.
    private mutating func interpolation() -> String {
        var text = ""
        var depth = 0
        while index < source.count {
            if source[index] == "\"" {
                text += literal()
                continue
            }
            if source[index] == "(" { depth += 1 }
            if source[index] == ")" { depth -= 1 }
            text.append(source[index])
            index += 1
            if depth == 0 { break }
        }
        return String(text.dropFirst().dropLast())
    }
}
