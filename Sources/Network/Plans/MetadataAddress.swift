package import Model

/// The addresses that metadata is asked at, the same on every bridge of every host.
package enum MetadataAddress {
    /// fe80::a9fe:a9fe
    package static let linkLocal = IPv6Address(high: 0xfe80 << 48, low: 0xa9fe_a9fe)
    /// fd00:ec2::254
    package static let global = IPv6Address(high: 0xfd00_0ec2_0000_0000, low: 0x254)
    /// 169.254.169.254
    package static let ipv4 = IPv4Address(0xa9fe_a9fe)
    package static let all6 = [linkLocal, global]
    /// The made-up next hop of all answers, fe80::dead: one permanent neighbour entry a bridge stands for every guest.
    package static let nextHop = IPv6Address(high: 0xfe80 << 48, low: 0xdead)
    package static let nextHopMAC = MACAddress(0x0200_0000_0099)
    package static let port: UInt16 = 80
}
