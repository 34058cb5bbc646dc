internal import Model
internal import Network

/// The rules inside the namespace of a private network's services. Pure text.
///
/// On a private network guests may use whatever addresses they like, so they could fill the neighbour table, which is one
/// for the whole machine. Here no guest can make an entry: a solicitation from an address that the helper did not enter is
/// treated as if it came from nobody (RFC 4861 section 7.2.4: the answer then goes to all nodes, and needs no neighbour), and
/// answers to such addresses leave by one made-up next hop whose hardware address is everyone's.
enum ServiceRules {
    /// The multicast address of all nodes.
    static let everyone = MACAddress(0x3333_0000_0001)

    static func text(_ plan: NetworkPlan, device: String) -> String {
        """
        table ip6 uncloud {
          chain prerouting {
            type filter hook prerouting priority -300; policy accept;
            iifname != "\(device)" accept
            icmpv6 type nd-neighbor-solicit ip6 saddr != :: goto solicit
            icmpv6 type { nd-neighbor-advert, nd-redirect, nd-router-advert } drop
          }
          chain solicit {
            ip6 nexthdr != icmpv6 drop
            ip6 daddr \(plan.serviceAddress) ip6 daddr set \(multicast(plan.serviceAddress))
            ip6 daddr \(plan.serviceLinkLocal) ip6 daddr set \(multicast(plan.serviceLinkLocal))
            ip6 length 24 ip6 saddr set :: accept
            ip6 length 32 @th,192,16 0x0101 ip6 saddr set d00:: @nh,64,128 set 0 @th,192,8 set 14 accept
            drop
          }
        }

        """
    }

    /// The solicited-node multicast address.
    private static func multicast(_ address: IPv6Address) -> IPv6Address {
        IPv6Address(high: 0xff02 << 48, low: 0x1_ff00_0000 | address.low & 0xff_ffff)
    }
}
