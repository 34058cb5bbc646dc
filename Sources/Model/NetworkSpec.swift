package import JSON

/// Whether the VMs of a network reach each other.
package enum NetworkKind: String, Sendable, Hashable, Codable, CaseIterable {
    /// Many VMs, guarded against each other's forgeries.
    case shared
    /// One owner's; only metadata is guarded.
    case `private`
}

/// Who gives router advertisements or name service to a network.
package enum NetworkService: String, Sendable, Hashable, Codable, CaseIterable {
    /// The node, by dnsmasq.
    case managed
    /// The operator.
    case external
    /// Nobody.
    case none
}

/// A network with every default filled in.
package struct NetworkSpec: Sendable, Hashable, Codable {
    /// Whether it is shared.
    package var kind: NetworkKind
    /// Its /64.
    package var prefix: IPv6Prefix
    /// The search domain of its guests.
    package var domain: String
    /// Who sends router advertisements.
    package var ra: NetworkService
    /// Who answers DNS.
    package var dns: NetworkService
    /// Bytes of a packet.
    package var mtu: Int

    /// The domain of a network that names none.
    package static let defaultDomain = "uncloud.internal"
    /// The allowed packet sizes: IPv6's least to the bridge's most.
    package static let mtus: ClosedRange<Int64> = 1280...65_521
    /// Where the metadata service is; no network may lie there.
    package static let metadataAddress = IPv6Address(high: 0xfd00_0ec2_0000_0000, low: 0x254)

    /// The defaults, with what is given in their place.
    package init(
        kind: NetworkKind = .shared, prefix: IPv6Prefix, domain: String = NetworkSpec.defaultDomain,
        ra: NetworkService = .managed, dns: NetworkService = .managed, mtu: Int = 1500
    ) {
        self.kind = kind
        self.prefix = prefix
        self.domain = domain
        self.ra = ra
        self.dns = dns
        self.mtu = mtu
    }

    /// Checks a network as a user wrote it and fills in the defaults; every wrong field is told.
    ///
    /// - Throws: `ProblemError` 422 `network.invalid`.
    package static func parse(_ written: JSONValue, at pointer: String = "/spec") throws(ProblemError) -> NetworkSpec {
        var reader = FieldReader(written, at: pointer)
        let kind = reader.word("kind", NetworkKind.self) ?? .shared
        let prefix = readPrefix(&reader)
        let domain = readDomain(&reader) ?? defaultDomain
        let ra = reader.word("ra", NetworkService.self) ?? .managed
        let dns = reader.word("dns", NetworkService.self) ?? .managed
        let mtu = reader.int("mtu", in: mtus) ?? 1500
        let errors = reader.finish()
        guard errors.isEmpty, let prefix else { throw ProblemError.invalid(errors, code: "network.invalid") }
        return NetworkSpec(kind: kind, prefix: prefix, domain: domain, ra: ra, dns: dns, mtu: Int(mtu))
    }

    private static func readPrefix(_ reader: inout FieldReader) -> IPv6Prefix? {
        let example = "write a /64 of your own, for example \"fd12:3456:789a:1::/64\""
        guard let text = reader.string("prefix") else {
            if !reader.errors.contains(where: { $0.pointer == reader.path("prefix") }) {
                reader.refuse("prefix", "missing", "prefix is missing", fix: example)
            }
            return nil
        }
        guard let prefix = IPv6Prefix(text) else {
            let parts = text.split(separator: "/")
            if parts.count == 2, let address = IPv6Address(parts[0]), let length = Int(parts[1]),
                let network = IPv6Prefix(containing: address, length: length)
            {
                reader.refuse(
                    "prefix", "host-bits", "prefix \(quoted(text)) has bits beyond its length",
                    fix: "write \"\(network)\"")
            } else {
                reader.refuse("prefix", "prefix", "prefix \(quoted(text)) is not an IPv6 prefix", fix: example)
            }
            return nil
        }
        if let (code, message, fix) = defect(of: prefix) {
            reader.refuse("prefix", code, "prefix \"\(prefix)\" \(message)", fix: fix ?? example)
            return nil
        }
        return prefix
    }

    private static func defect(of prefix: IPv6Prefix) -> (code: String, message: String, fix: String?)? {
        guard prefix.length == 64 else {
            let fix = IPv6Prefix(containing: prefix.address, length: 64).map { "write a /64, for example \"\($0)\"" }
            return ("not-64", "is no /64, which guests need to make their addresses", fix)
        }
        guard !prefix.contains(metadataAddress) else {
            return ("metadata", "holds the metadata service's address \(metadataAddress)", nil)
        }
        guard prefix.address.isGlobalUnicast || prefix.address.isUniqueLocal else {
            return ("not-unicast", "is neither within 2000::/3 nor fc00::/7", nil)
        }
        return nil
    }

    private static func readDomain(_ reader: inout FieldReader) -> String? {
        guard let text = reader.string("domain") else { return nil }
        let labels = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        let bad = labels.first { Name.defect(of: $0) != nil }
        guard text.utf8.count <= 200, bad == nil else {
            let why =
                bad.flatMap(Name.defect(of:)).map { ": the part \(quoted(bad ?? "")) \($0)" } ?? ": it is too long"
            reader.refuse(
                "domain", "domain", "domain \(quoted(text)) is not a domain name\(why)",
                fix: "write labels of a-z, 0-9 and hyphens joined by dots, for example \"\(defaultDomain)\"")
            return nil
        }
        return text
    }
}
