/// An IPv6 address, without a zone.
package struct IPv6Address: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The first 64 bits.
    package let high: UInt64
    /// The last 64 bits.
    package let low: UInt64

    /// Makes an address of its halves.
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Makes an address of 16 bytes in network order; nil for another number of bytes.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 16 else { return nil }
        high = bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        low = bytes.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Parses every text form of RFC 4291 section 2.2, also with an IPv4 tail; nil for anything else. A zone
    /// (`%eth0`) is refused: it means nothing beyond one host.
    package init?(_ text: some StringProtocol) {
        guard let groups = Self.groups(of: Array(text.utf8)) else { return nil }
        high = groups[0..<4].reduce(0) { $0 << 16 | UInt64($1) }
        low = groups[4..<8].reduce(0) { $0 << 16 | UInt64($1) }
    }

    /// The 16 bytes in network order.
    package var bytes: [UInt8] {
        [high, low].flatMap { half in
            (0..<8).map { UInt8(truncatingIfNeeded: half >> (56 - 8 * UInt64($0))) }
        }
    }

    /// The eight groups of 16 bits.
    package var groups: [UInt16] {
        [high, low].flatMap { half in
            (0..<4).map { UInt16(truncatingIfNeeded: half >> (48 - 16 * UInt64($0))) }
        }
    }

    /// `::`
    package static let unspecified = IPv6Address(high: 0, low: 0)
    /// `::1`
    package static let loopback = IPv6Address(high: 0, low: 1)

    /// Within fe80::/10.
    package var isLinkLocal: Bool { high >> 54 == 0xfe80 >> 6 }
    /// Within ff00::/8.
    package var isMulticast: Bool { high >> 56 == 0xff }
    /// Within fc00::/7.
    package var isUniqueLocal: Bool { high >> 57 == 0xfc >> 1 }
    /// Within 2000::/3.
    package var isGlobalUnicast: Bool { high >> 61 == 1 }
    /// Within ::ffff:0:0/96.
    package var isIPv4Mapped: Bool { high == 0 && low >> 32 == 0xffff }

    /// RFC 5952: lower-case, no leading zeros, the first longest run of two or more zero groups as `::`; an
    /// IPv4-mapped address ends in dotted decimal.
    package var description: String {
        if isIPv4Mapped { return "::ffff:\(IPv4Address(UInt32(truncatingIfNeeded: low)))" }
        let groups = groups
        var run = 0..<0
        var start: Int?
        for index in 0...8 {
            if index < 8, groups[index] == 0 {
                start = start ?? index
            } else if let begin = start {
                if index - begin > run.count { run = begin..<index }
                start = nil
            }
        }
        let hex = { (part: ArraySlice<UInt16>) in part.map { String($0, radix: 16) }.joined(separator: ":") }
        guard run.count >= 2 else { return hex(groups[...]) }
        return hex(groups[..<run.lowerBound]) + "::" + hex(groups[run.upperBound...])
    }

    package static func < (left: IPv6Address, right: IPv6Address) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}

extension IPv6Address: TextCodable {
    package static var textKind: String { "an IPv6 address" }
    package init?(text: String) { self.init(text) }
}

extension IPv6Address {
    private static func groups(of text: [UInt8]) -> [UInt16]? {
        guard text.count >= 2, text.count <= 45 else { return nil }
        var head: [UInt16] = []
        var tail: [UInt16] = []
        var compressed = false
        var index = 0
        if text[0] == UInt8(ascii: ":") {
            guard text[1] == UInt8(ascii: ":") else { return nil }
            compressed = true
            index = 2
        }
        while index < text.count {
            let end = text[index...].firstIndex(of: UInt8(ascii: ":")) ?? text.count
            let part = text[index..<end]
            guard let numbers = part.contains(UInt8(ascii: ".")) ? dotted(part, last: end == text.count) : group(part)
            else { return nil }
            if compressed { tail += numbers } else { head += numbers }
            guard end < text.count else { break }
            index = end + 1
            guard index < text.count else { return nil }
            if text[index] == UInt8(ascii: ":") {
                guard !compressed else { return nil }
                compressed = true
                index += 1
            }
        }
        let count = head.count + tail.count
        guard compressed ? count <= 7 : count == 8 else { return nil }
        return head + Array(repeating: 0, count: 8 - count) + tail
    }

    private static func group(_ part: ArraySlice<UInt8>) -> [UInt16]? {
        guard (1...4).contains(part.count) else { return nil }
        var value: UInt16 = 0
        for byte in part {
            guard let digit = hexDigit(byte) else { return nil }
            value = value << 4 | UInt16(digit)
        }
        return [value]
    }

    private static func dotted(_ part: ArraySlice<UInt8>, last: Bool) -> [UInt16]? {
        guard last, let address = IPv4Address(String(decoding: part, as: UTF8.self)) else { return nil }
        return [UInt16(address.rawValue >> 16), UInt16(truncatingIfNeeded: address.rawValue)]
    }
}
