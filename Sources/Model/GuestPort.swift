/// A guest's port on a bridge: the interface its frames come from, whose it is, and the addresses that are its own.
///
/// What the node plans, the net-helper makes and the firewall guards.
package struct GuestPort: Sendable, Codable, Equatable {
    package var ifname: String
    /// The interface name of the bridge it is a port of.
    package var bridge: String
    package var mac: MACAddress
    /// The identity given to its packets for a metadata address: the top bit and the interface's number. Unique in a node.
    package var mark: UInt32
    /// The exact IPv6 addresses it may send from on a shared network, its link-local address included.
    package var addresses6: [IPv6Address]
    package var addresses4: [IPv4Address]

    package init(
        ifname: String, bridge: String, mac: MACAddress, mark: UInt32, addresses6: [IPv6Address],
        addresses4: [IPv4Address] = []
    ) {
        self.ifname = ifname
        self.bridge = bridge
        self.mac = mac
        self.mark = mark
        self.addresses6 = addresses6
        self.addresses4 = addresses4
    }
}
