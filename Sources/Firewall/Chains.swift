/// The constant part of the ruleset: no name of a guest, port or network appears in it.
///
/// Everything that varies sits in the sets and maps (``SetName``), so a packet costs the same with 10 guests and with
/// 10,000, and a guest's change touches elements only. Ports are in sets and not in a map of verdicts: of those the kernel
/// validates every element's chains again at each change. A lookup that misses ends in a drop. Rules are in accept form:
/// they name what may pass, and a header that can't be read falls to the drop at the chain's end.
enum Chains {
    /// The chains of table bridge. `goto d_REASON` counts the frame for its port and drops it.
    static let bridge = """
          chain prerouting {
            type filter hook prerouting priority -200; policy drop;
            meta mark set 0
            iifname @shared_ports goto shared
            iifname @private_ports goto private
            iifname @service_ports goto service
            iifname @uplink_ports goto uplink
            goto d_unknown-port
          }
          chain input {
            type filter hook input priority -200; policy drop;
            meta mark & 0x80000000 == 0x80000000 accept
            meta pkttype host goto d_host-port
          }
          chain output {
            type filter hook output priority -200; policy drop;
            meta mark & 0x80000000 == 0 accept
            meta mark . oifname @egress accept
            update @drop_egress { oifname }
          }

          chain shared {
            ether type vmap { ip6 : goto g6, ip : goto g4, arp : goto garp, 0x8035 : goto rarp }
            goto d_ethertype
          }
          chain rarp {
            iifname . ether saddr @mac accept
            goto d_mac
          }
          chain garp {
            iifname . ether saddr != @mac goto d_mac
            arp htype 1 arp ptype ip arp hlen 6 arp plen 4 goto garpip
            goto d_arp
          }
          chain garpip {
            arp operation request arp daddr ip @meta4 goto garpmeta
            iifname . arp saddr ether . arp saddr ip @src4 accept
            arp operation request arp saddr ip 0.0.0.0 iifname . arp saddr ether . arp daddr ip @src4 accept
            goto d_arp
          }
          chain garpmeta {
            arp saddr ip @meta4 goto d_arp
            iifname . arp saddr ether != @mac goto d_arp
            iifname . arp saddr ether . arp saddr ip @src4 goto tohost
            arp saddr ip & 255.255.0.0 == 169.254.0.0 arp saddr ip set 0.0.0.0 goto tohost
            arp saddr ip 0.0.0.0 goto tohost
            goto d_arp
          }
          chain g4 {
            iifname . ether saddr . ip saddr @src4 goto g4own
            ip saddr 0.0.0.0 ip daddr 255.255.255.255 iifname . ether saddr @mac udp sport 68 udp dport 67 iifname . @th,288,48 @ndmac accept
            ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 goto d_mac
            ip saddr & 255.255.0.0 == 169.254.0.0 ip daddr @meta4 ip saddr != @meta4 iifname . ether saddr @mac goto meta4in
            udp dport 68 goto d_dhcp-server
            iifname . ether saddr != @mac goto d_mac
            goto d_source
          }
          chain g4own {
            ip protocol tcp goto out4
            ip frag-off & 0x1fff != 0 goto out4
            ip protocol udp udp dport 5355 goto llmnr4
            ip protocol udp udp sport 5355 goto llmnr4
            ip protocol udp udp dport != 68 goto out4
            ip protocol icmp icmp type != { router-advertisement, redirect } goto out4
            ip protocol igmp igmp type != membership-query accept
            ip protocol != { udp, icmp, igmp } goto out4
            ip protocol udp udp dport 68 goto d_dhcp-server
            ip protocol icmp icmp type { router-advertisement, redirect } goto d_icmp
            ip protocol igmp igmp type membership-query goto d_icmp
            goto d_header
          }
          chain llmnr4 {
            udp dport 68 goto d_dhcp-server
            @th,80,1 0 goto out4
            @th,160,72 & 0xffdfdfdfdfdfdfdfdf != 0x084d45544144415441 goto out4
            goto d_name
          }
          chain out4 {
            ip daddr @meta4 goto meta4in
            accept
          }
          chain g6 {
            iifname . ether saddr . ip6 saddr @src6 goto g6own
            ip6 saddr :: iifname . ether saddr @mac goto g6unspec
            meta l4proto icmpv6 icmpv6 type nd-router-advert goto d_ra
            udp dport 546 goto d_dhcp-server
            iifname . ether saddr != @mac goto d_mac
            meta l4proto icmpv6 icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } goto d_nd
            goto d_source
          }
          chain g6own {
            ip6 nexthdr tcp goto out6
            frag frag-off != 0 goto out6
            meta l4proto udp udp dport 5355 goto llmnr6
            meta l4proto udp udp sport 5355 goto llmnr6
            meta l4proto udp udp dport != 546 goto out6
            meta l4proto icmpv6 icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } goto nd
            meta l4proto icmpv6 icmpv6 type != { mld-listener-query, nd-router-advert, nd-redirect, router-renumbering, 141, 142, 151 } goto out6
            meta l4proto != { udp, icmpv6 } goto out6
            meta l4proto udp udp dport 546 goto d_dhcp-server
            meta l4proto icmpv6 icmpv6 type nd-router-advert goto d_ra
            meta l4proto icmpv6 icmpv6 type { mld-listener-query, nd-redirect, router-renumbering, 141, 142, 151 } goto d_icmp
            goto d_header
          }
          chain llmnr6 {
            udp dport 546 goto d_dhcp-server
            @th,80,1 0 goto out6
            @th,160,72 & 0xffdfdfdfdfdfdfdfdf != 0x084d45544144415441 goto out6
            goto d_name
          }
          chain out6 {
            ip6 daddr @meta6 goto meta6in
            accept
          }
          chain nd {
            ip6 nexthdr != icmpv6 goto d_nd
            ip6 length 24 goto ndtarget
            ip6 length 32 icmpv6 type nd-neighbor-solicit @th,192,16 0x0101 iifname . @th,208,48 @ndmac goto ndtarget
            ip6 length 32 icmpv6 type nd-neighbor-advert @th,192,16 0x0201 iifname . @th,208,48 @ndmac goto ndtarget
            goto d_nd
          }
          chain ndtarget {
            icmpv6 type nd-neighbor-solicit @th,64,128 @ndmeta goto tohost
            ip6 daddr @meta6 goto d_nd
            icmpv6 type nd-neighbor-solicit accept
            iifname . @th,64,128 @ndtgt accept
            goto d_nd
          }
          chain g6unspec {
            ip6 daddr @meta6 goto d_host-port
            ip6 nexthdr icmpv6 icmpv6 type nd-neighbor-solicit ip6 length 24 iifname . @th,64,128 @ndtgt accept
            ip6 nexthdr icmpv6 icmpv6 type nd-neighbor-solicit ip6 length 32 @th,192,16 0x0e01 iifname . @th,64,128 @ndtgt accept
            ip6 nexthdr icmpv6 icmpv6 type nd-router-solicit ip6 length 8 accept
            meta l4proto icmpv6 icmpv6 type { mld-listener-report, mld-listener-done, mld2-listener-report } accept
            meta l4proto icmpv6 icmpv6 type nd-router-advert goto d_ra
            meta l4proto icmpv6 icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } goto d_nd
            meta l4proto icmpv6 goto d_icmp
            goto d_source
          }

          chain private {
            ether type vmap { ip6 : goto p6, ip : goto p4, arp : goto parp }
            goto disguise
          }
          chain disguise {
            vlan id 0 goto d_ethertype
            ether type 8021ad vlan id 0 goto d_ethertype
            @ll,112,48 0xaaaa03000000 goto d_ethertype
            accept
          }
          chain p6 {
            ip6 saddr @meta6 goto d_source
            ip6 daddr @meta6 goto meta6in
            meta l4proto icmpv6 icmpv6 type nd-neighbor-solicit @th,64,128 @ndmeta goto ndhost
            meta l4proto icmpv6 icmpv6 type nd-neighbor-advert @th,64,128 @ndmeta goto d_nd
            accept
          }
          chain p4 {
            ip saddr @meta4 goto d_source
            ip daddr @meta4 goto meta4in
            accept
          }
          chain parp {
            arp saddr ip @meta4 goto d_arp
            arp daddr ip @meta4 goto parpmeta
            accept
          }
          chain parpmeta {
            arp operation != request goto d_arp
            arp htype != 1 goto d_arp
            arp ptype != ip goto d_arp
            arp hlen != 6 goto d_arp
            arp plen != 4 goto d_arp
            iifname . arp saddr ether . arp saddr ip @src4 goto tohost
            arp saddr ip set 0.0.0.0 goto tohost
            goto d_arp
          }
          chain ndhost {
            ip6 nexthdr != icmpv6 goto d_nd
            ip6 saddr :: goto d_nd
            iifname . ether saddr . ip6 saddr @src6 goto tohost
            ip6 daddr fe80::a9fe:a9fe ip6 daddr set ff02::1:fffe:a9fe
            ip6 daddr fd00:ec2::254 ip6 daddr set ff02::1:ff00:254
            ip6 length 24 ip6 saddr set :: goto tohost
            ip6 length 32 @th,192,16 0x0101 ip6 saddr set d00:: @nh,64,128 set 0 @th,192,8 set 14 goto tohost
            goto d_nd
          }

          chain meta6in {
            ip6 nexthdr tcp tcp dport 80 goto tohost
            ip6 nexthdr tcp update @drop_host-port { iifname } goto tohost
            ip6 nexthdr icmpv6 icmpv6 type { echo-request, destination-unreachable, packet-too-big, time-exceeded, parameter-problem } goto tohost
            ip6 nexthdr icmpv6 icmpv6 type nd-neighbor-solicit @th,64,128 @ndmeta goto ndhost
            exthdr frag exists goto d_fragment
            goto d_host-port
          }
          chain meta4in {
            ip frag-off & 0x3fff != 0 goto d_fragment
            ip protocol tcp tcp dport 80 goto tohost
            ip protocol tcp update @drop_host-port { iifname } goto tohost
            ip protocol icmp icmp type { echo-request, destination-unreachable, time-exceeded, parameter-problem } goto tohost
            goto d_host-port
          }
          chain tohost {
            meta mark set iifname map @ident
            ether daddr set iifname map @brmac
            meta pkttype set host
            accept
          }

          chain service {
            ether type vmap { ip6 : goto s6, ip : goto s4, arp : goto sarp }
            goto d_ethertype
          }
          chain s6 {
            ip6 daddr @meta6 goto d_host-port
            iifname . ether saddr . ip6 saddr @src6 goto s6own
            ip6 saddr :: iifname . ether saddr @mac goto g6unspec
            iifname . ether saddr != @mac goto d_mac
            goto d_source
          }
          chain s6own {
            meta l4proto icmpv6 icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } goto snd
            meta l4proto icmpv6 icmpv6 type { nd-redirect, router-renumbering, 141, 142, 151 } goto d_icmp
            accept
          }
          chain snd {
            @th,64,128 @ndmeta goto d_nd
            goto nd
          }
          chain s4 {
            ip daddr @meta4 goto d_host-port
            iifname . ether saddr . ip saddr @src4 accept
            iifname . ether saddr != @mac goto d_mac
            goto d_source
          }
          chain sarp {
            arp daddr ip @meta4 goto d_arp
            goto garp
          }

          chain uplink {
            ether type vmap { ip6 : goto u6, ip : goto u4, arp : goto uarp }
            goto disguise
          }
          chain u6 {
            ip6 daddr @meta6 goto d_uplink
            ip6 saddr @meta6 goto d_uplink
            meta l4proto icmpv6 icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } @th,64,128 @ndmeta goto d_uplink
            accept
          }
          chain u4 {
            ip daddr @meta4 goto d_uplink
            ip saddr @meta4 goto d_uplink
            accept
          }
          chain uarp {
            arp daddr ip @meta4 goto d_uplink
            arp saddr ip @meta4 goto d_uplink
            accept
          }
        """

    /// The second fence, behind the bridges: what reaches the namespace's own stack, and nothing is ever forwarded.
    static let inet = """
          chain input {
            type filter hook input priority filter; policy accept;
            iifname != @bridges accept
            meta mark & 0x80000000 != 0x80000000 drop
            tcp dport 80 accept
            icmpv6 type { echo-request, destination-unreachable, packet-too-big, time-exceeded, parameter-problem, nd-neighbor-solicit } accept
            icmp type { echo-request, destination-unreachable, time-exceeded, parameter-problem } accept
            meta l4proto tcp reject with tcp reset
            drop
          }
          chain forward {
            type filter hook forward priority filter; policy accept;
            iifname @bridges drop
            oifname @bridges drop
          }
        """
}
