/// Why a frame was dropped. The raw values are stable: they are shown to operators and kept in documents and scripts.
///
/// Each reason is a chain `d_REASON` that counts the frame in the set `drop_REASON` under the port it came from (for
/// `egress`: the port it would have left by) and drops it. docs/drop-reasons.md says what each means and what to do.
package enum DropReason: String, Sendable, Codable, CaseIterable {
    /// A router advertisement, in whatever disguise.
    case ra
    /// What only a DHCP server sends (to UDP 68, to UDP 546).
    case dhcpServer = "dhcp-server"
    /// A source MAC address that is not the port's.
    case mac
    /// ARP that speaks for an address that is not the port's, or is malformed.
    case arp
    /// Neighbour discovery that speaks for an address that is not the port's, or is disguised or malformed.
    case nd
    /// A source address that is not the port's.
    case source
    /// What only a router sends: redirects, multicast queries, router renumbering, ICMPv4 router advertisements.
    case icmp
    /// An LLMNR answer for the name `metadata`.
    case name
    /// A frame that is neither IPv6, IPv4 nor ARP in plain Ethernet: VLAN tags, LLC/SNAP and all other protocols.
    case ethertype
    /// A header that could not be read where a guard needs it.
    case header
    /// A fragment addressed to a metadata address.
    case fragment
    /// Something else than HTTP or a needed ICMP message, sent to a metadata address or to the bridge itself.
    case hostPort = "host-port"
    /// An answer of the node on its way to another port than the one that asked.
    case egress
    /// A port that the ruleset doesn't know.
    case unknownPort = "unknown-port"
    /// A metadata address in a frame that came over an uplink.
    case uplink

    /// The name of its set of counters in table bridge.
    var setName: String { "drop_" + rawValue }
}
