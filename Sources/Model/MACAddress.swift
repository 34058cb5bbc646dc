/// A 48-bit Ethernet address.
///
/// The node's own addresses have the form `42:HH:HH:xx:xx:xx`: `0x42` is unicast and locally administered, `HH:HH` the
/// index of the host that made it (a hint, the store's key is the truth), the rest a suffix of 24 bits.
package struct MACAddress: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The address in the low 48 bits.
    package let rawValue: UInt64

    /// The first byte of the node's own addresses.
    package static let ownFirstByte: UInt64 = 0x42

    /// Makes an address of the low 48 bits; the others are dropped.
    package init(_ rawValue: UInt64) { self.rawValue = rawValue & 0xffff_ffff_ffff }

    /// Parses six pairs of hexadecimal digits joined by colons or by hyphens; nil for anything else.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 17, bytes[2] == UInt8(ascii: ":") || bytes[2] == UInt8(ascii: "-") else { return nil }
        var value: UInt64 = 0
        for (index, byte) in bytes.enumerated() {
            if index % 3 == 2 {
                guard byte == bytes[2] else { return nil }
            } else {
                guard let digit = hexDigit(byte) else { return nil }
                value = value << 4 | UInt64(digit)
            }
        }
        rawValue = value
    }

    /// Parses as `init?(_:)` does.
    ///
    /// - Throws: `FieldError` with code `mac`, naming the text.
    package init(parsing text: String) throws(FieldError) {
        guard let mac = MACAddress(text) else {
            throw FieldError(
                pointer: "", code: "mac", message: "\(quoted(text)) is not a MAC address",
                fix: "write six pairs of hexadecimal digits, for example \"42:00:00:12:34:56\"")
        }
        self = mac
    }

    /// The address of the scheme `42:HH:HH:xx:xx:xx`; of the suffix only the low 24 bits count.
    package static func fromHostIndex(_ index: UInt16, suffix: UInt32) -> MACAddress {
        MACAddress(ownFirstByte << 40 | UInt64(index) << 24 | UInt64(suffix & 0xff_ffff))
    }

    /// The host index, if the address has the node's own form.
    package var hostIndex: UInt16? { rawValue >> 40 == Self.ownFirstByte ? UInt16(rawValue >> 24 & 0xffff) : nil }

    /// The low 24 bits.
    package var suffix: UInt32 { UInt32(rawValue & 0xff_ffff) }

    /// The six bytes in network order.
    package var bytes: [UInt8] { (0..<6).map { UInt8(truncatingIfNeeded: rawValue >> (40 - 8 * UInt64($0))) } }

    /// Twelve hexadecimal digits, as in tap names.
    package var hex: String { hexText(rawValue, digits: 12) }

    /// The last six hexadecimal digits.
    package var suffixHex: String { hexText(UInt64(suffix), digits: 6) }

    /// Whether the group bit is set: broadcast and multicast.
    package var isMulticast: Bool { rawValue >> 40 & 1 == 1 }

    /// Whether the address is assigned locally and not by a manufacturer.
    package var isLocal: Bool { rawValue >> 40 & 2 == 2 }

    /// The modified EUI-64 interface identifier (RFC 4291 appendix A).
    package var interfaceIdentifier: UInt64 {
        let high = rawValue >> 24 ^ 0x02_0000
        return high << 40 | 0xff_fe00_0000 | rawValue & 0xff_ffff
    }

    /// The link-local IPv6 address that a guest makes of it by EUI-64.
    package var linkLocal: IPv6Address { IPv6Address(high: 0xfe80 << 48, low: interfaceIdentifier) }

    /// Lower-case, with colons.
    package var description: String {
        bytes.map { hexText(UInt64($0), digits: 2) }.joined(separator: ":")
    }

    package static func < (left: MACAddress, right: MACAddress) -> Bool { left.rawValue < right.rawValue }
}

extension MACAddress: TextCodable {
    package static var textKind: String { "a MAC address" }
    package init?(text: String) { self.init(text) }
}
