package import Model

/// Everything the net-helper needs to know to make a network: what it is called, who may see what on it, and what runs on it.
package struct NetworkPlan: Sendable, Codable, Equatable {
    /// How much of the traffic between guests the firewall judges.
    package typealias Kind = NetworkKind

    package var name: String
    /// The network's number: the names of its interfaces, its route's metric, its directory.
    package var number: UInt32
    package var kind: Kind
    /// The bridge's interface name.
    package var bridge: String
    /// The network's /64.
    package var prefix: IPv6Prefix
    /// The search domain that guests are told, in which `metadata` is a name.
    package var domain: String
    /// Router advertisements and DNS by the node's own dnsmasq.
    package var managed: Bool
    package var mtu: UInt32
    /// How many metadata sockets are wanted. There may be more than that already; there are never fewer.
    package var listeners: Int

    package init(
        name: String, number: UInt32, kind: Kind = .shared, bridge: String? = nil, prefix: IPv6Prefix,
        domain: String = "uncloud.internal", managed: Bool = true, mtu: UInt32 = 1500, listeners: Int = 1
    ) {
        self.name = name
        self.number = number
        self.kind = kind
        self.bridge = bridge ?? Self.bridgeName(number)
        self.prefix = prefix
        self.domain = domain
        self.managed = managed
        self.mtu = mtu
        self.listeners = listeners
    }

    /// `b` and the number in hex: at most nine characters of the fifteen there are.
    package static func bridgeName(_ number: UInt32) -> String { "b" + String(number, radix: 16) }
}

extension NetworkPlan {
    /// The bridge's port that leads to the managed services: `s` and the number in hex.
    package var serviceVeth: String { "s" + String(number, radix: 16) }
    /// The managed services' address: the prefix' first, and the name server that guests are told.
    package var serviceAddress: IPv6Address { prefix.host(1) }
    /// The router's address in its advertisements.
    package var serviceLinkLocal: IPv6Address { IPv6Address(high: 0xfe80 << 48, low: 1) }
    /// The hardware addresses are made of the number, so that a helper that starts anew finds them as they were: guests keep
    /// them in their neighbour tables.
    package var bridgeMAC: MACAddress { MACAddress(0x02fe << 32 | UInt64(number)) }
    package var serviceMAC: MACAddress { MACAddress(0x02fd << 32 | UInt64(number)) }
    package var vethMAC: MACAddress { MACAddress(0x02fc << 32 | UInt64(number)) }

    /// As many descriptors as one message carries.
    package static let listenerLimit = 64

    /// Checks what the kernel, dnsmasq's configuration and nft's text rely on.
    ///
    /// - Throws: `HelperFailure` `network.invalid` that names the field.
    package func validate() throws(HelperFailure) {
        guard number > 0 else { throw .invalid("network.invalid", "the network's number is 0") }
        guard InterfaceName.isValid(bridge) else {
            throw .invalid("network.invalid", "\"\(bridge)\" is no interface name")
        }
        guard prefix.length == 64 else { throw .invalid("network.invalid", "\(prefix) is no /64") }
        guard (1280...65535).contains(mtu) else {
            throw .invalid("network.invalid", "an MTU of \(mtu) is outside 1280 to 65535")
        }
        guard (0...Self.listenerLimit).contains(listeners) else {
            throw .invalid("network.invalid", "\(listeners) listeners are outside 0 to \(Self.listenerLimit)")
        }
        let labels = domain.split(separator: ".", omittingEmptySubsequences: false)
        let isLabel = { (label: Substring) in
            (1...63).contains(label.utf8.count) && !label.hasPrefix("-") && !label.hasSuffix("-")
                && label.utf8.allSatisfy { ($0 >= 97 && $0 <= 122) || ($0 >= 48 && $0 <= 57) || $0 == 45 }
        }
        guard labels.allSatisfy(isLabel), domain.utf8.count <= 253 else {
            throw .invalid("network.invalid", "\"\(domain)\" is no domain name")
        }
    }
}

/// Interface names: what Linux, nft and the file names made of them can all live with.
package enum InterfaceName {
    package static func isValid(_ name: String) -> Bool {
        let isPlain = { (byte: UInt8) in
            (byte >= 97 && byte <= 122) || (byte >= 65 && byte <= 90) || (byte >= 48 && byte <= 57) || byte == 45
                || byte == 95 || byte == 46
        }
        return (1...15).contains(name.utf8.count) && name.utf8.allSatisfy(isPlain) && name != "." && name != ".."
            && name != "all" && name != "default" && name != "lo"
    }
}
