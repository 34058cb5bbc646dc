/// The name of a thing of the operator's: 1 to 63 of `a-z`, `0-9` and hyphens, with a letter or digit at both ends. A
/// name can stand in a URL, a store key and a DNS label without quoting.
package struct Name: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The text.
    package let text: String

    /// The longest name.
    package static let maximumLength = 63

    /// Takes the text if it is a name; see `NameError` for why not.
    package init?(_ text: String) {
        guard Self.defect(of: text) == nil else { return nil }
        self.text = text
    }

    /// The text.
    package var description: String { text }

    package static func < (left: Name, right: Name) -> Bool { left.text < right.text }

    /// What is wrong with a text as a name, as the end of a sentence that begins with the text; nil for a name.
    package static func defect(of text: String) -> String? {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, let last = bytes.last else { return "is empty" }
        guard bytes.count <= maximumLength else { return "has \(bytes.count) characters, at most 63 are allowed" }
        for character in text.unicodeScalars {
            switch character {
            case "a"..."z", "0"..."9", "-": continue
            case "A"..."Z": return "has the upper-case letter \"\(character)\""
            default: return "has the character \"\(printable(String(character)))\""
            }
        }
        if first == UInt8(ascii: "-") { return "begins with a hyphen" }
        if last == UInt8(ascii: "-") { return "ends with a hyphen" }
        return nil
    }

    /// The name nearest to a text that is none, for suggestions; nil when nothing is left of it.
    package static func nearest(to text: String) -> Name? {
        var kept: [UInt8] = []
        for byte in text.lowercased().utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): kept.append(byte)
            default: if kept.last != UInt8(ascii: "-"), !kept.isEmpty { kept.append(UInt8(ascii: "-")) }
            }
        }
        kept = Array(kept.prefix(maximumLength))
        while kept.last == UInt8(ascii: "-") { kept.removeLast() }
        return Name(String(decoding: kept, as: UTF8.self))
    }

    /// Why a text is refused as a name, and what to write; nil for a name.
    package static func error(for text: String, field: String, pointer: String) -> FieldError? {
        guard let defect = defect(of: text) else { return nil }
        let hint = nearest(to: text).map { ", for example \"\($0)\"" } ?? ""
        return FieldError(
            pointer: pointer, code: "name", message: "\(field) \(quoted(text)) \(defect)",
            fix: "use 1 to 63 of a-z, 0-9 and hyphens, with a letter or digit at both ends\(hint)")
    }
}

extension Name: TextCodable {
    package static var textKind: String { "a name" }
    package init?(text: String) { self.init(text) }
}
