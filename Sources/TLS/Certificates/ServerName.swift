internal import Glibc

/// The name that a client asks a server for and finds in its certificate: a DNS name or an IP address.
public struct ServerName: Sendable, Hashable, CustomStringConvertible {
    /// The name in lower case and without a final dot, or the address.
    public let text: String
    /// Whether it is an IP address: such are never sent as SNI (RFC 6066, section 3).
    public let isAddress: Bool

    /// A name to connect to.
    ///
    /// - Parameter text: a DNS name in ASCII (A-labels), or an IP address without brackets.
    /// - Throws: `TLSError` (`badConfiguration`) when it is neither.
    public init(_ text: String) throws(TLSError) {
        if Self.isAddress(text) {
            self.text = text
            isAddress = true
            return
        }
        let name = text.hasSuffix(".") ? String(text.dropLast()) : text
        guard Self.isHostName(name) else {
            throw TLSError(.badConfiguration, "\(text.debugDescription) is no DNS name and no IP address")
        }
        self.text = name.lowercased()
        isAddress = false
    }

    /// The text.
    public var description: String { text }

    static func isAddress(_ text: String) -> Bool {
        var bytes = in6_addr()
        // SAFETY: fills a local that is large enough for either family.
        return inet_pton(AF_INET, text, &bytes) == 1 || inet_pton(AF_INET6, text, &bytes) == 1
    }

    /// Labels of letters, digits, hyphens and underscores, at most 63 and altogether 253 bytes: RFC 1035, and what is met.
    static func isHostName(_ text: String) -> Bool {
        guard (1...253).contains(text.utf8.count) else { return false }
        return text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { label in
            (1...63).contains(label.count)
                && label.allSatisfy { byte in
                    switch byte {
                    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                        true
                    default: false
                    }
                }
        }
    }
}
