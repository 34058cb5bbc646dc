/// RFC 6901 pointers, as text.
public enum JSONPointer {
    /// One reference token, escaped.
    public static func escape(_ token: String) -> String {
        guard token.utf8.contains(where: { $0 == UInt8(ascii: "~") || $0 == UInt8(ascii: "/") }) else { return token }
        var text = ""
        for character in token.unicodeScalars {
            switch character {
            case "~": text += "~0"
            case "/": text += "~1"
            default: text.unicodeScalars.append(character)
            }
        }
        return text
    }

    /// The pointer to a member or element of what the base points at.
    public static func appending(_ token: String, to base: String) -> String { base + "/" + escape(token) }
}

extension JSONValue {
    /// The value that an RFC 6901 pointer names; nil when there is none. The empty pointer is the value itself.
    public func value(at pointer: String) -> JSONValue? {
        if pointer.isEmpty { return self }
        guard pointer.utf8.first == UInt8(ascii: "/") else { return nil }
        var current = self
        for part in pointer.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            guard let token = Self.unescaped(part) else { return nil }
            let next: JSONValue? =
                switch current {
                case .object(let members): members[token]
                case .array: Self.arrayIndex(token).flatMap { current[$0] }
                default: nil
                }
            guard let next else { return nil }
            current = next
        }
        return current
    }

    private static func unescaped(_ part: Substring) -> String? {
        var text = String.UnicodeScalarView()
        var scalars = part.unicodeScalars.makeIterator()
        while let scalar = scalars.next() {
            guard scalar == "~" else {
                text.append(scalar)
                continue
            }
            switch scalars.next() {
            case "0": text.append("~")
            case "1": text.append("/")
            default: return nil
            }
        }
        return String(text)
    }

    private static func arrayIndex(_ token: String) -> Int? {
        guard token == "0" || token.utf8.first != UInt8(ascii: "0") else { return nil }
        guard token.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        return Int(token)
    }
}
