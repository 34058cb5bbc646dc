/// An IPv4 address.
package struct IPv4Address: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The address as a number, first byte highest.
    package let rawValue: UInt32

    /// Makes an address of a number.
    package init(_ rawValue: UInt32) { self.rawValue = rawValue }

    /// Parses four decimal numbers without leading zeros; nil for anything else (`inet_aton`'s short and octal forms
    /// mean different things to different programs).
    package init?(_ text: some StringProtocol) {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.count), part.count == 1 || part.first != UInt8(ascii: "0") else { return nil }
            var number: UInt32 = 0
            for byte in part {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
                number = number * 10 + UInt32(byte - UInt8(ascii: "0"))
            }
            guard number <= 255 else { return nil }
            value = value << 8 | number
        }
        rawValue = value
    }

    /// The four bytes in network order.
    package var bytes: [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: rawValue >> UInt32($0)) } }

    /// Dotted decimal.
    package var description: String { bytes.map(String.init).joined(separator: ".") }

    package static func < (left: IPv4Address, right: IPv4Address) -> Bool { left.rawValue < right.rawValue }
}

extension IPv4Address: TextCodable {
    package static var textKind: String { "an IPv4 address" }
    package init?(text: String) { self.init(text) }
}
