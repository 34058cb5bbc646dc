/// The identity of a VM: a random UUID in lower case, never used again.
package struct VMID: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The text, 36 characters.
    package let text: String

    /// Takes a UUID of any version, in either case; nil for anything else.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 36 else { return nil }
        for (index, byte) in bytes.enumerated() {
            if [8, 13, 18, 23].contains(index) {
                guard byte == UInt8(ascii: "-") else { return nil }
            } else {
                guard hexDigit(byte) != nil else { return nil }
            }
        }
        self.text = text.lowercased()
    }

    /// A new one (RFC 9562, version 4) from the system's random numbers.
    package static func random() -> VMID {
        var generator = SystemRandomNumberGenerator()
        return random(using: &generator)
    }

    /// A new one from the given random numbers.
    package static func random(using generator: inout some RandomNumberGenerator) -> VMID {
        let high = (generator.next() as UInt64) & ~0xf000 | 0x4000
        let low = (generator.next() as UInt64) & ~(0xc << 60) | 0x8 << 60
        let text = hexText(high, digits: 16) + hexText(low, digits: 16)
        var dashed = ""
        for (index, character) in text.enumerated() {
            if [8, 12, 16, 20].contains(index) { dashed += "-" }
            dashed.append(character)
        }
        return VMID(unchecked: dashed)
    }

    private init(unchecked text: String) { self.text = text }

    /// The text.
    package var description: String { text }

    package static func < (left: VMID, right: VMID) -> Bool { left.text < right.text }
}

extension VMID: TextCodable {
    package static var textKind: String { "a UUID" }
    package init?(text: String) { self.init(text) }
}
