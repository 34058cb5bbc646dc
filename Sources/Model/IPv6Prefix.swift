/// An IPv6 prefix: a network address and the number of bits that count. The bits beyond them are zero.
package struct IPv6Prefix: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The network address.
    package let address: IPv6Address
    /// The number of bits, 0...128.
    package let length: Int

    /// Makes a prefix; nil for a length outside 0...128 and for an address with bits beyond the length.
    package init?(address: IPv6Address, length: Int) {
        guard (0...128).contains(length) else { return nil }
        let mask = Self.mask(length)
        guard address.high & ~mask.high == 0, address.low & ~mask.low == 0 else { return nil }
        self.address = address
        self.length = length
    }

    /// Parses `address/length`; nil for anything else, also for an address with bits beyond the length.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPv6Address(parts[0]) else { return nil }
        guard (1...3).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy({ (48...57).contains($0) }),
            parts[1] == "0" || !parts[1].hasPrefix("0"), let length = Int(parts[1])
        else { return nil }
        self.init(address: address, length: length)
    }

    /// The network that an address with host bits belongs to.
    package init?(containing address: IPv6Address, length: Int) {
        guard (0...128).contains(length) else { return nil }
        let mask = Self.mask(length)
        self.init(address: IPv6Address(high: address.high & mask.high, low: address.low & mask.low), length: length)
    }

    /// Whether the address lies within.
    package func contains(_ address: IPv6Address) -> Bool {
        let mask = Self.mask(length)
        return address.high & mask.high == self.address.high && address.low & mask.low == self.address.low
    }

    /// Whether any address lies in both.
    package func overlaps(_ other: IPv6Prefix) -> Bool {
        length <= other.length ? contains(other.address) : other.contains(address)
    }

    /// The address that a guest with this MAC makes for itself by EUI-64; meaningful for a /64.
    package func eui64(_ mac: MACAddress) -> IPv6Address {
        IPv6Address(high: address.high, low: address.low | mac.interfaceIdentifier)
    }

    /// The address with the given last 64 bits; meaningful for a /64.
    package func host(_ low: UInt64) -> IPv6Address { IPv6Address(high: address.high, low: address.low | low) }

    /// RFC 5952 address, slash, length.
    package var description: String { "\(address)/\(length)" }

    package static func < (left: IPv6Prefix, right: IPv6Prefix) -> Bool {
        (left.address, left.length) < (right.address, right.length)
    }

    private static func mask(_ length: Int) -> (high: UInt64, low: UInt64) {
        // Swift's smart shifts give 0 for 64 and more, which is what an empty half needs.
        let high: UInt64 = length >= 64 ? .max : ~(.max >> UInt64(length))
        let low: UInt64 = length <= 64 ? 0 : ~(.max >> UInt64(length - 64))
        return (high, low)
    }
}

extension IPv6Prefix: TextCodable {
    package static var textKind: String { "an IPv6 prefix" }
    package init?(text: String) { self.init(text) }
}
