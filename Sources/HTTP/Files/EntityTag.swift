/// What tells one state of a resource from another: RFC 9110, section 8.8.3.
public struct EntityTag: Sendable, Hashable, CustomStringConvertible {
    /// The text between the quotes.
    public let value: String
    /// Whether equal tags promise only equivalent content, not the same bytes.
    public let isWeak: Bool

    /// A tag; ends the process if the value holds a quote, a blank or a control character, which no tag can.
    public init(_ value: String, isWeak: Bool = false) {
        precondition(value.utf8.allSatisfy(Self.isAllowed), "an entity tag's characters")
        self.value = value
        self.isWeak = isWeak
    }

    /// A strong tag made of the bytes themselves: their number and a hash of 64 bits. Not for content that somebody may choose
    /// in order to collide.
    public init(of bytes: [UInt8]) {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        self.init(String(bytes.count, radix: 16) + "-" + String(hash, radix: 16))
    }

    /// As a field's value: `"x"` or `W/"x"`.
    public var description: String { (isWeak ? "W/\"" : "\"") + value + "\"" }

    private static func isAllowed(_ byte: UInt8) -> Bool { byte > 0x20 && byte != 0x22 && byte != 0x7f }

    /// Whether a field's value, `*` or a list of tags, names a tag of this value; by the weak comparison, in which the mark for
    /// weakness makes no difference, or by the strong one, in which no weak tag equals any.
    ///
    /// - Parameters:
    ///   - bytes: the field's value.
    ///   - isStrong: which comparison.
    /// - Returns: whether it is named. A list that is no list of tags names those before the mistake.
    func isNamed(in bytes: Span<UInt8>, isStrong: Bool) -> Bool {
        if bytes.count == 1, bytes[0] == 0x2a { return true }
        var index = 0
        while index < bytes.count {
            while index < bytes.count, Byte.isBlank(bytes[index]) || bytes[index] == Byte.comma { index += 1 }
            let isWeak = index + 1 < bytes.count && bytes[index] == 0x57 && bytes[index + 1] == Byte.slash
            if isWeak { index += 2 }
            guard index < bytes.count, bytes[index] == 0x22 else { return false }
            let start = index + 1
            index = start
            while index < bytes.count, bytes[index] != 0x22 { index += 1 }
            guard index < bytes.count else { return false }
            if !(isStrong && (isWeak || self.isWeak)), equals(bytes, start..<index) { return true }
            index += 1
        }
        return false
    }

    private func equals(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        var index = range.lowerBound
        for byte in value.utf8 {
            guard index < range.upperBound, bytes[index] == byte else { return false }
            index += 1
        }
        return index == range.upperBound
    }
}
