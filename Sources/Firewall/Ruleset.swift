package import Model

/// What the firewall must hold at one moment: the bridges, the ports on them, and who sits behind each port.
///
/// A value, and the only input of the rendering: two equal rulesets give equal text. The process that applies rules keeps
/// the ruleset it applied last and asks for the difference to the next one (``renderChange(from:to:)``).
package struct Ruleset: Sendable, Codable, Equatable {
    /// The bridges by interface name.
    package var bridges: [String: BridgeRules]
    /// The guests' ports by interface name.
    package var ports: [String: GuestPort]
    /// Ports that lead to other hosts (VXLAN devices, veths to an operator's bridge) by interface name.
    package var uplinks: [String: UplinkRules]

    package init(
        bridges: [String: BridgeRules] = [:], ports: [String: GuestPort] = [:], uplinks: [String: UplinkRules] = [:]
    ) {
        self.bridges = bridges
        self.ports = ports
        self.uplinks = uplinks
    }
}

/// A bridge, and the port of the node's own services on it.
package struct BridgeRules: Sendable, Codable, Equatable {
    package var name: String
    /// The network's number.
    package var number: UInt32
    /// Shared: several customers' guests, everything that could harm a neighbour is guarded. Private: one customer's own, only
    /// what touches the metadata addresses is judged.
    package var kind: NetworkKind
    /// The bridge's own hardware address: frames for a metadata address are redirected to it.
    package var mac: MACAddress
    /// The bridge's end of the veth pair to the managed name server and router, nil where there is none.
    package var serviceVeth: String?
    /// The hardware address of the far end of that pair. Needed with `serviceVeth`.
    package var serviceMAC: MACAddress?
    /// All IPv6 addresses of the far end, its link-local one too: it may use no others.
    package var serviceAddresses6: [IPv6Address]
    package var serviceAddresses4: [IPv4Address]

    package init(
        name: String, number: UInt32, kind: NetworkKind, mac: MACAddress, serviceVeth: String? = nil,
        serviceMAC: MACAddress? = nil, serviceAddresses6: [IPv6Address] = [], serviceAddresses4: [IPv4Address] = []
    ) {
        self.name = name
        self.number = number
        self.kind = kind
        self.mac = mac
        self.serviceVeth = serviceVeth
        self.serviceMAC = serviceMAC
        self.serviceAddresses6 = serviceAddresses6
        self.serviceAddresses4 = serviceAddresses4
    }
}

/// A port that leads to other hosts. Metadata addresses exist on every host and never cross it.
package struct UplinkRules: Sendable, Codable, Equatable {
    package var ifname: String
    package var bridge: String

    package init(ifname: String, bridge: String) {
        self.ifname = ifname
        self.bridge = bridge
    }
}

/// The bit that every identity mark carries: a packet without it has no identity.
package let identityBit: UInt32 = 0x8000_0000
