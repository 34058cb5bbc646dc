"""The cases of a shared network: what a guest may send, and what it tries."""

import sys

from lab import BRIDGE_MAC, ROGUE, SERVICE, UNKNOWN, UPLINK, VICTIM, Case, canonical, serve
from scapy.all import (
    ARP, BOOTP, DHCP, DNS, DNSQR, ESP, Dot1AD, Dot1Q, Dot3, Ether, GRE, ICMP, IP, LLC, SCTP, SNAP, TCP, UDP,
    ICMPv6DestUnreach, ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6MLDone, ICMPv6MLQuery, ICMPv6MLReport,
    ICMPv6MLReport2, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA, ICMPv6ND_RS, ICMPv6ND_Redirect,
    ICMPv6NDOptDstLLAddr, ICMPv6NDOptPrefixInfo, ICMPv6NDOptSrcLLAddr, ICMPv6PacketTooBig, ICMPv6Unknown, IPv6,
    IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, PadN, Raw, RouterAlert,
    DHCP6_Reply, DHCP6_Solicit, fragment, inet_pton, in6_getnsma, raw)
import socket

R, V = ROGUE, VICTIM
ALL = "33:33:00:00:00:01"
META6, META6_EC2, META4 = "fe80::a9fe:a9fe", "fd00:ec2::254", "169.254.169.254"


def multicast(address):
    return "33:33:" + ":".join("%02x" % byte for byte in socket.inet_pton(socket.AF_INET6, address)[12:])


def solicited(address):
    return socket.inet_ntop(socket.AF_INET6, in6_getnsma(inet_pton(socket.AF_INET6, address)))


def ether(who=R, dst=V.mac, src=None):
    return Ether(src=src or who.mac, dst=dst)


def six(who=R, src=None, dst=None, **more):
    return IPv6(src=src or who.ll, dst=dst or V.ll, **more)


def to_all(who=R, src=None, mac=None):
    return ether(who, ALL, mac) / six(who, src, "ff02::1", hlim=255)


def ra():
    return ICMPv6ND_RA() / ICMPv6NDOptPrefixInfo(prefix="fd66::", prefixlen=64)


def option(size):
    return IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0" * (size - 4))])


def pieces(ip_header, transport, cut, first_kind, chain=b""):
    """Two IPv6 fragments of extension headers and a transport packet, cut where asked (a multiple of eight)."""
    whole = chain + transport
    one = IPv6ExtHdrFragment(nh=first_kind, offset=0, m=1, id=7) / Raw(whole[:cut])
    two = IPv6ExtHdrFragment(nh=first_kind, offset=cut // 8, m=0, id=7) / Raw(whole[cut:])
    return [ip_header / one, ip_header / two]


def checksummed(ip_header, transport):
    """The transport's bytes as they stand with this header, checksum included."""
    return raw(IPv6(raw(ip_header / transport)).payload)


def router_advertisements():
    plain = to_all() / ra()
    body = checksummed(six(dst="ff02::1", hlim=255), ra())
    head = to_all()
    yield Case("RA plain", R, plain, ra=1)
    yield Case("RA to the victim alone", R, ether() / six(hlim=255) / ra(), ra=1)
    yield Case("RA behind hop-by-hop", R, head / IPv6ExtHdrHopByHop(options=[PadN(optdata=b"\0" * 4)]) / ra(), ra=1)
    yield Case("RA behind destination options", R, head / option(8) / ra(), ra=1)
    yield Case("RA behind a routing header", R, head / IPv6ExtHdrRouting(type=0, addresses=[]) / ra(), ra=1)
    chain = head
    for _ in range(20):
        chain = chain / option(8)
    yield Case("RA behind 20 headers", R, chain / ra(), ra=1)
    long = head
    for _ in range(4):
        long = long / option(248)
    yield Case("RA behind 1000 bytes of headers", R, long / ra(), ra=1)
    yield Case("RA in an atomic fragment", R, head / IPv6ExtHdrFragment(nh=58, offset=0, m=0, id=1) / ra(), ra=1)
    yield Case("RA in two fragments, cut behind its header", R, pieces(head, body, 16, 58), victim=1, ra=1)
    hidden = raw(IPv6ExtHdrDestOpt(nh=58, options=[PadN(optdata=b"\0" * 4)]))
    yield Case("RA in two fragments, the first holds only options", R,
               pieces(head, body, len(hidden), 60, chain=hidden), victim=1, header=1)
    for name, tags in tagged(to_all(), ra()):
        yield Case("RA in " + name, R, tags, ethertype=1)
    yield Case("RA from the router's address", R, to_all(src="fe80::1") / ra(), ra=1)
    yield Case("RA from the router's MAC and address", R, to_all(src="fe80::1", mac=SERVICE.mac) / ra(), ra=1)
    yield Case("RA from ::", R, to_all(src="::") / ra(), ra=1)
    yield Case("RA from a metadata address", R, to_all(src=META6) / ra(), ra=1)
    yield Case("RA to a MAC that bridges keep for themselves", R,
               [Ether(src=R.mac, dst="01:80:c2:00:00:0e") / six(dst="ff02::1", hlim=255) / ra()])


def tagged(head, payload):
    """A frame in every wrapping that a receiver might take off again."""
    packet = raw(head.payload / payload)
    src, dst = head.src, head.dst
    yield "VLAN 0", Ether(src=src, dst=dst) / Dot1Q(vlan=0, type=0x86DD) / Raw(packet)
    yield "VLAN 0 twice", Ether(src=src, dst=dst) / Dot1Q(vlan=0) / Dot1Q(vlan=0, type=0x86DD) / Raw(packet)
    yield "802.1ad 0", Ether(src=src, dst=dst) / Dot1AD(vlan=0, type=0x86DD) / Raw(packet)
    yield "VLAN 5", Ether(src=src, dst=dst) / Dot1Q(vlan=5, type=0x86DD) / Raw(packet)
    yield "LLC/SNAP", Dot3(src=src, dst=dst) / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(OUI=0, code=0x86DD) / Raw(packet)


def other_icmp():
    redirect = ICMPv6ND_Redirect(tgt=R.ll, dst=canonical("fd66::1"))
    yield Case("redirect", R, ether() / six(hlim=255) / redirect, icmp=1)
    yield Case("redirect from the router's address", R, ether() / six(src="fe80::1", hlim=255) / redirect, source=1)
    for kind in (138, 141, 142, 151):
        packet = ether() / six(hlim=255) / ICMPv6Unknown(type=kind, code=0, msgbody=b"\0" * 20)
        yield Case("ICMPv6 type %d" % kind, R, packet, icmp=1)
    yield Case("MLD query", R, to_all() / IPv6ExtHdrHopByHop(options=[RouterAlert()]) / ICMPv6MLQuery(), icmp=1)
    yield Case("ICMPv4 redirect", R, ether() / IP(src=R.four, dst=V.four) / ICMP(type=5, code=1, gw=R.four), icmp=1)
    yield Case("ICMPv4 router advertisement", R, ether() / IP(src=R.four, dst="224.0.0.1") / ICMP(type=9), icmp=1)
    yield Case("IGMP query", R, ether(dst="01:00:5e:00:00:01") / IP(src=R.four, dst="224.0.0.1", proto=2)
               / Raw(b"\x11\x64\xee\x9b\0\0\0\0"), icmp=1)
    yield Case("echo request from ::", R, ether() / six(src="::") / ICMPv6EchoRequest(), icmp=1)


def dhcp_servers():
    answer6 = DHCP6_Reply(trid=1)
    yield Case("DHCPv6 547 to 546", R, ether() / six() / UDP(sport=547, dport=546) / answer6, dhcp_server=1)
    yield Case("DHCPv6 4444 to 546", R, ether() / six() / UDP(sport=4444, dport=546) / answer6, dhcp_server=1)
    yield Case("DHCPv6 from the server's address", R,
               ether() / six(src=SERVICE.ll) / UDP(sport=547, dport=546) / answer6, dhcp_server=1)
    yield Case("DHCPv6 answer behind options", R,
               ether() / six() / option(8) / UDP(sport=547, dport=546) / answer6, dhcp_server=1)
    body = checksummed(six(), UDP(sport=547, dport=546) / DHCP6_Reply(trid=1) / Raw(b"\0" * 64))
    yield Case("DHCPv6 answer in two fragments", R, pieces(ether() / six(), body, 16, 17), victim=1, dhcp_server=1)
    answer4 = BOOTP(op=2, chaddr=bytes.fromhex("420000000002"), yiaddr="10.0.0.66") / DHCP(options=[("message-type", "offer"), "end"])
    for port in (67, 4444):
        packet = ether() / IP(src=R.four, dst="255.255.255.255") / UDP(sport=port, dport=68) / answer4
        yield Case("DHCPv4 %d to 68" % port, R, packet, dhcp_server=1)
    yield Case("DHCPv4 from the server's address", R,
               ether() / IP(src=SERVICE.four, dst=V.four) / UDP(sport=67, dport=68) / answer4, dhcp_server=1)
    yield Case("DHCPv4 from LLMNR's port", R,
               ether() / IP(src=R.four, dst=V.four) / UDP(sport=5355, dport=68) / answer4, dhcp_server=1)
    yield Case("DHCPv6 from LLMNR's port", R,
               ether() / six() / UDP(sport=5355, dport=546) / answer6, dhcp_server=1)
    whole = fragment(IP(src=R.four, dst=V.four, id=9) / UDP(sport=67, dport=68) / Raw(b"\0" * 64), fragsize=16)
    yield Case("DHCPv4 answer in fragments", R, [ether() / one for one in whole], victim=len(whole) - 1, dhcp_server=1)
    discover = DHCP(options=[("message-type", "discover"), "end"])
    stranger = "42:00:00:00:00:77"
    head = IP(src="0.0.0.0", dst="255.255.255.255") / UDP(sport=68, dport=67)
    yield Case("DHCP discover from invented MACs", R,
               ether(dst="ff:ff:ff:ff:ff:ff", src=stranger) / head / BOOTP(chaddr=bytes.fromhex("420000000077")) / discover, mac=1)
    yield Case("DHCP discover for invented MACs", R,
               ether(dst="ff:ff:ff:ff:ff:ff") / head / BOOTP(chaddr=bytes.fromhex("420000000077")) / discover, mac=1)


def hardware_addresses():
    for name, mac in (("the victim's", V.mac), ("an invented", "42:00:00:00:00:77"), ("the bridge's", BRIDGE_MAC),
                      ("the broadcast", "ff:ff:ff:ff:ff:ff")):
        # Frames from a group address die in the bridge before any rule.
        counted = {} if name == "the broadcast" else {"mac": 1}
        head = ether(dst=ALL if name == "the victim's" else V.mac, src=mac)
        yield Case("UDP over IPv6 from %s MAC" % name, R, head / six() / UDP(dport=7), **counted)
    yield Case("UDP over IPv4 from another MAC", R,
               ether(src=V.mac, dst=SERVICE.mac) / IP(src=R.four, dst=V.four) / UDP(dport=7), mac=1)
    yield Case("the victim's MAC and address", R, ether(src=V.mac, dst=ALL) / six(src=V.ll) / UDP(dport=7), mac=1)
    yield Case("ARP from another MAC", R, ether(src="42:00:00:00:00:77", dst="ff:ff:ff:ff:ff:ff")
               / ARP(op=1, hwsrc=R.mac, psrc=R.four, pdst=V.four), mac=1)
    yield Case("RARP with the victim's MAC", R, Ether(src=V.mac, dst="ff:ff:ff:ff:ff:ff", type=0x8035)
               / ARP(op=3, hwsrc=V.mac, hwdst=V.mac), mac=1)
    yield Case("DAD from another MAC", R, ether(src="42:00:00:00:00:77", dst=multicast(solicited(R.ll)))
               / six(src="::", dst=solicited(R.ll), hlim=255) / ICMPv6ND_NS(tgt=R.ll), mac=1)


def arp():
    everyone = "ff:ff:ff:ff:ff:ff"
    def one(**fields):
        fields = {"op": 2, "hwsrc": R.mac, "psrc": R.four, "hwdst": V.mac, "pdst": V.four} | fields
        return ARP(**fields)
    yield Case("ARP answer for the router's address", R, ether() / one(psrc=SERVICE.four), arp=1)
    yield Case("ARP answer with the router's MAC inside", R, ether() / one(psrc=SERVICE.four, hwsrc=SERVICE.mac), arp=1)
    yield Case("gratuitous ARP for the router's address", R,
               ether(dst=everyone) / one(op=1, psrc=SERVICE.four, pdst=SERVICE.four), arp=1)
    yield Case("ARP request from the router's address", R, ether(dst=everyone) / one(op=1, psrc=SERVICE.four), arp=1)
    yield Case("ARP probe for the victim's address", R, ether(dst=everyone) / one(op=1, psrc="0.0.0.0"), arp=1)
    yield Case("ARP answer from 0.0.0.0", R, ether() / one(psrc="0.0.0.0", pdst=R.four), arp=1)
    yield Case("ARP for a metadata address", R, ether() / one(psrc=META4), arp=1)
    own, forged = raw(one()), raw(one(psrc=SERVICE.four))
    head = Ether(src=R.mac, dst=V.mac, type=0x806)
    yield Case("ARP of another hardware type", R, head / Raw(b"\0\6" + own[2:]), arp=1)
    yield Case("ARP of another protocol", R, head / Raw(own[:2] + b"\x86\xdd" + own[4:]), arp=1)
    yield Case("ARP with long addresses", R, head / Raw(own[:4] + b"\x08\x04" + own[6:]), arp=1)
    yield Case("ARP cut short", R, Ether(src=R.mac, dst=V.mac, type=0x806) / Raw(forged[:12]), arp=1)
    yield Case("ARP in VLAN 0", R, Ether(src=R.mac, dst=V.mac) / Dot1Q(vlan=0, type=0x806) / Raw(forged), ethertype=1)
    yield Case("ARP in LLC/SNAP", R, Dot3(src=R.mac, dst=V.mac) / LLC(dsap=0xAA, ssap=0xAA, ctrl=3)
               / SNAP(OUI=0, code=0x806) / Raw(forged), ethertype=1)
    yield Case("its own ARP request", R, ether(dst=everyone) / one(op=1), victim=1)
    yield Case("its own ARP answer", R, ether() / one(), victim=1)
    yield Case("its own ARP probe", R, ether(dst=everyone) / one(op=1, psrc="0.0.0.0", pdst=R.four), victim=1)
    yield Case("its own ARP announcement", R, ether(dst=everyone) / one(op=1, pdst=R.four), victim=1)
    yield Case("its own RARP", R, Ether(src=R.mac, dst=everyone, type=0x8035) / ARP(op=3, hwsrc=R.mac, hwdst=R.mac), victim=1)


def advertisement(target, mac=None, src=None, dst=None, **flags):
    packet = ether() / six(src=src, dst=dst, hlim=255) / ICMPv6ND_NA(tgt=target, **({"R": 0, "S": 0, "O": 1} | flags))
    return packet / ICMPv6NDOptDstLLAddr(lladdr=mac) if mac else packet


def solicitation(target, mac=None, src=None):
    group = solicited(target)
    packet = ether(dst=multicast(group)) / six(src=src, dst=group, hlim=255) / ICMPv6ND_NS(tgt=target)
    return packet / ICMPv6NDOptSrcLLAddr(lladdr=mac) if mac else packet


def neighbours():
    for name, target in (("the router's link-local", SERVICE.ll), ("the router's global", SERVICE.own),
                         ("the victim's", V.ll), ("a metadata", META6), ("the other metadata", META6_EC2)):
        yield Case("NA for %s address" % name, R, advertisement(target, R.mac), nd=1)
        yield Case("NA without option for %s address" % name, R, advertisement(target), nd=1)
        yield Case("NA from and for %s address" % name, R, advertisement(target, R.mac, src=target), nd=1)
        yield Case("DAD for %s address" % name, R, solicitation(target, src="::"), nd=1)
    yield Case("NA for its own address with another MAC", R, advertisement(R.ll, V.mac), nd=1)
    yield Case("NA with two options", R, advertisement(R.ll, R.mac) / ICMPv6NDOptDstLLAddr(lladdr=V.mac), nd=1)
    yield Case("NS with another MAC", R, solicitation(V.ll, V.mac), nd=1)
    yield Case("NS with two options", R, solicitation(V.ll, R.mac) / ICMPv6NDOptSrcLLAddr(lladdr=V.mac), nd=1)
    yield Case("NS from the victim's address", R, solicitation(SERVICE.ll, R.mac, src=V.ll), nd=1)
    yield Case("DAD with a MAC", R, solicitation(R.ll, R.mac, src="::"), nd=1)
    forged = ICMPv6ND_NA(tgt=SERVICE.ll, R=1, S=0, O=1) / ICMPv6NDOptDstLLAddr(lladdr=R.mac)
    head = to_all()
    yield Case("NA behind hop-by-hop", R, head / IPv6ExtHdrHopByHop(options=[PadN(optdata=b"\0" * 4)]) / forged, nd=1)
    yield Case("NA behind options", R, head / option(8) / forged, nd=1)
    yield Case("NA in an atomic fragment", R, head / IPv6ExtHdrFragment(nh=58, offset=0, m=0, id=1) / forged, nd=1)
    body = checksummed(six(dst="ff02::1", hlim=255), forged)
    yield Case("NA in two fragments", R, pieces(head, body, 8, 58), victim=1, nd=1)
    for name, frame in tagged(head, forged):
        yield Case("NA in " + name, R, frame, ethertype=1)
    nonce = Raw(b"\x0e\x01abcdef")
    yield Case("its own DAD", R, solicitation(R.ll, src="::"), victim=1)
    yield Case("its own DAD with a nonce", R, with_checksum(solicitation(R.own, src="::"), nonce), victim=1)
    yield Case("NS with its own MAC", R, solicitation(V.own, R.mac), victim=1)
    yield Case("NS without option", R, solicitation(V.own), victim=1)
    yield Case("NS from its global address", R, solicitation(V.own, R.mac, src=R.own), victim=1)
    yield Case("its own NA", R, advertisement(R.ll, R.mac, S=1), victim=1)
    yield Case("its own NA without option", R, advertisement(R.own, S=1), victim=1)
    yield Case("its own unsolicited NA", R, to_all() / ICMPv6ND_NA(tgt=R.own, R=0, S=0, O=1)
               / ICMPv6NDOptDstLLAddr(lladdr=R.mac), victim=1)


def with_checksum(packet, tail):
    """A packet with more bytes behind it, checksum and lengths counted anew."""
    packet = packet.copy()
    whole = packet / tail
    del whole[IPv6].plen
    return whole


def sources():
    for address in (V.ll, V.own, SERVICE.ll, SERVICE.own, META6, META6_EC2, "fe80::77", "fd00:5::77", "2001:db8::1", "::1", "ff02::1", "::", "::ffff:10.0.0.1"):
        yield Case("UDP from " + address, R, ether() / six(src=address) / UDP(dport=7), source=1)
    for address in (V.four, SERVICE.four, META4, "10.0.0.77", "0.0.0.0", "127.0.0.1", "255.255.255.255", "224.0.0.1", "169.254.1.1"):
        yield Case("UDP from " + address, R, ether() / IP(src=address, dst=V.four) / UDP(dport=7), source=1)
    yield Case("TCP from the victim's address", R, ether(dst=SERVICE.mac) / six(src=V.own, dst=SERVICE.own) / TCP(dport=53), source=1)
    for name, frame in tagged(ether() / six(src=V.ll), UDP(dport=7)):
        yield Case("UDP in " + name, R, frame, ethertype=1)


def other_frames():
    for kind, name in ((0x88CC, "LLDP"), (0x888E, "EAPOL"), (0x8864, "PPPoE"), (0x8847, "MPLS"), (0x88E5, "MACsec"),
                       (0x6558, "Ethernet in Ethernet"), (0x0600, "XNS"), (0x9000, "loopback test")):
        yield Case(name, R, Ether(src=R.mac, dst=V.mac, type=kind) / Raw(b"\0" * 46), ethertype=1)
    bpdu = Dot3(src=R.mac, dst="01:80:c2:00:00:00") / LLC(dsap=0x42, ssap=0x42, ctrl=3) / Raw(b"\0" * 35)
    yield Case("a spanning tree's root claim", R, bpdu, ethertype=1)
    yield Case("UDP over IPv6 cut short", R, ether() / six(nh=17) / Raw(b"\1\2"), header=1)
    yield Case("ICMPv6 without a byte", R, ether() / six(nh=58), header=1)
    yield Case("ICMPv4 without a byte", R, ether() / IP(src=R.four, dst=V.four, proto=1), header=1)
    yield Case("UDP over IPv4 cut short", R, ether() / IP(src=R.four, dst=V.four, proto=17) / Raw(b"\1\2"), header=1)
    yield Case("options cut short", R, ether() / six(nh=60) / Raw(b"\x3a"), header=1)
    yield Case("options longer than the packet", R, ether() / six(nh=60) / Raw(b"\x3a\x40\0\0\0\0\0\0"), header=1)
    yield Case("IPv6 cut short", R, Ether(src=R.mac, dst=V.mac, type=0x86DD) / Raw(raw(six())[:20]), source=1)


def llmnr_answer(name, ident=1):
    return DNS(id=ident, qr=1, qd=DNSQR(qname=name, qtype="AAAA"))


def name_answers():
    for name in ("metadata", "MetaData", "METADATA"):
        for sport, dport in ((5355, 5355), (5355, 4000), (4000, 5355)):
            packet = ether() / six() / UDP(sport=sport, dport=dport) / llmnr_answer(name)
            yield Case("LLMNR answer for %s from %d to %d" % (name, sport, dport), R, packet, name=1)
    yield Case("LLMNR answer over IPv4", R,
               ether() / IP(src=R.four, dst=V.four) / UDP(sport=5355, dport=5355) / llmnr_answer("metadata"), name=1)
    yield Case("LLMNR answer cut before the name", R,
               ether() / six() / UDP(sport=5355, dport=5355) / Raw(raw(llmnr_answer("metadata"))[:14]), name=1)
    body = checksummed(six(), UDP(sport=5355, dport=5355) / llmnr_answer("metadata"))
    yield Case("LLMNR answer in two fragments", R, pieces(ether() / six(), body, 8, 17), victim=1, name=1)
    yield Case("LLMNR answer for another name", R,
               ether() / six() / UDP(sport=5355, dport=5355) / llmnr_answer("printer-of-mine"), victim=1)
    yield Case("LLMNR question for metadata", R, ether(dst="33:33:00:01:00:03") / six(dst="ff02::1:3")
               / UDP(sport=5355, dport=5355) / DNS(qd=DNSQR(qname="metadata", qtype="AAAA")), victim=1)


def to_metadata():
    router, bridge = SERVICE.mac, BRIDGE_MAC
    for address in (META6, META6_EC2):
        for name, mac in (("bridge", bridge), ("router", router), ("victim", V.mac)):
            yield Case("TCP 80 to %s by the %s's MAC" % (address, name), R,
                       ether(dst=mac) / six(src=R.own, dst=address) / TCP(dport=80), host=1)
        yield Case("ping to " + address, R, ether(dst=bridge) / six(dst=address) / ICMPv6EchoRequest(), host=1)
        yield Case("packet too big to " + address, R, ether(dst=bridge) / six(dst=address) / ICMPv6PacketTooBig(mtu=1280), host=1)
        yield Case("TCP 22 to " + address, R, ether(dst=bridge) / six(dst=address) / TCP(dport=22), host=1, host_port=1)
        yield Case("UDP to " + address, R, ether(dst=bridge) / six(dst=address) / UDP(dport=80), host_port=1)
        yield Case("router solicitation to " + address, R, ether(dst=bridge) / six(dst=address, hlim=255) / ICMPv6ND_RS(), host_port=1)
        yield Case("TCP behind options to " + address, R, ether(dst=bridge) / six(dst=address) / option(8) / TCP(dport=80), host_port=1)
        body = checksummed(six(dst=address), TCP(dport=80) / Raw(b"\0" * 64))
        yield Case("TCP in fragments to " + address, R,
                   pieces(ether(dst=bridge) / six(dst=address), body, 24, 6), fragment=2)
        yield Case("NS for " + address, R, solicitation(address, R.mac), host=1)
        yield Case("NS without option for " + address, R, solicitation(address), host=1)
        yield Case("unicast NS for " + address, R, ether(dst=bridge) / six(dst=address, hlim=255) / ICMPv6ND_NS(tgt=address)
                   / ICMPv6NDOptSrcLLAddr(lladdr=R.mac), host=1)
        yield Case("unicast NS for another address to " + address, R, ether(dst=bridge) / six(dst=address, hlim=255)
                   / ICMPv6ND_NS(tgt=V.ll), nd=1)
        yield Case("NS with another MAC for " + address, R, solicitation(address, V.mac), nd=1)
        yield Case("NS from the victim's address for " + address, R, solicitation(address, R.mac, src=V.ll), nd=1)
        yield Case("TCP from the victim's address to " + address, R,
                   ether(dst=bridge) / six(src=V.ll, dst=address) / TCP(dport=80), source=1)
        yield Case("TCP from a metadata address to " + address, R,
                   ether(dst=bridge) / six(src=META6, dst=address) / TCP(dport=80), source=1)
        yield Case("MLD report to " + address, R, ether(dst=bridge) / six(src="::", dst=address) / ICMPv6MLReport(), host_port=1)
    yield Case("TCP 80 to " + META4, R, ether(dst=router) / IP(src=R.four, dst=META4) / TCP(dport=80), host=1)
    yield Case("TCP 80 to it from a link-local address", R, ether(dst=bridge) / IP(src="169.254.7.7", dst=META4) / TCP(dport=80), host=1)
    yield Case("the same from its own address", R, ether(dst=bridge) / IP(src=META4, dst=META4) / TCP(dport=80), source=1)
    yield Case("the same from another MAC", R, ether(dst=bridge, src="42:00:00:00:00:77")
               / IP(src="169.254.7.7", dst=META4) / TCP(dport=80), mac=1)
    yield Case("TCP 80 from the victim's IPv4 address", R, ether(dst=bridge) / IP(src=V.four, dst=META4) / TCP(dport=80), source=1)
    yield Case("TCP 443 to " + META4, R, ether(dst=bridge) / IP(src=R.four, dst=META4) / TCP(dport=443), host=1, host_port=1)
    yield Case("UDP to " + META4, R, ether(dst=bridge) / IP(src=R.four, dst=META4) / UDP(dport=53), host_port=1)
    yield Case("ping to " + META4, R, ether(dst=bridge) / IP(src=R.four, dst=META4) / ICMP(), host=1)
    parts = fragment(IP(src=R.four, dst=META4, id=4) / TCP(dport=80) / Raw(b"\0" * 64), fragsize=48)
    yield Case("TCP in fragments to " + META4, R, [ether(dst=bridge) / one for one in parts], fragment=len(parts))
    everyone = "ff:ff:ff:ff:ff:ff"
    for src in (R.four, "169.254.7.7", "0.0.0.0"):
        yield Case("ARP request for it from " + src, R,
                   ether(dst=everyone) / ARP(op=1, hwsrc=R.mac, psrc=src, pdst=META4), host=1)
    for src in (V.four, META4, "8.8.8.8"):
        yield Case("ARP request for it from " + src, R,
                   ether(dst=everyone) / ARP(op=1, hwsrc=R.mac, psrc=src, pdst=META4), arp=1)
    yield Case("ARP request for it with another MAC", R,
               ether(dst=everyone) / ARP(op=1, hwsrc=V.mac, psrc="169.254.7.7", pdst=META4), arp=1)
    yield Case("UDP to the bridge's own address", R, ether(dst=bridge) / six(dst="fe80::b0") / UDP(dport=53), host_port=1)
    yield Case("NS for the bridge's own address", R, ether(dst=bridge) / six(dst="fe80::b0", hlim=255)
               / ICMPv6ND_NS(tgt="fe80::b0"), host_port=1)


def legitimate():
    yield Case("TCP over IPv6", R, ether() / six(src=R.own, dst=V.own) / TCP(dport=443), victim=1)
    yield Case("UDP over IPv6", R, ether() / six() / UDP(dport=7), victim=1)
    yield Case("TCP over IPv4", R, ether() / IP(src=R.four, dst=V.four) / TCP(dport=443), victim=1)
    yield Case("UDP over IPv4", R, ether() / IP(src=R.four, dst=V.four) / UDP(dport=7), victim=1)
    yield Case("ping", R, [ether() / six() / ICMPv6EchoRequest(), ether() / six() / ICMPv6EchoReply(),
                           ether() / IP(src=R.four, dst=V.four) / ICMP()], victim=3)
    yield Case("ICMP errors", R, [ether() / six() / ICMPv6PacketTooBig(mtu=1280), ether() / six() / ICMPv6DestUnreach(),
                                  ether() / IP(src=R.four, dst=V.four) / ICMP(type=3, code=4)], victim=3)
    yield Case("router solicitation from ::", R, ether(dst="33:33:00:00:00:02")
               / six(src="::", dst="ff02::2", hlim=255) / ICMPv6ND_RS(), victim=1)
    yield Case("router solicitation", R, ether(dst="33:33:00:00:00:02") / six(dst="ff02::2", hlim=255) / ICMPv6ND_RS()
               / ICMPv6NDOptSrcLLAddr(lladdr=R.mac), victim=1)
    alert = IPv6ExtHdrHopByHop(options=[RouterAlert()])
    group = solicited(R.ll)
    for src in ("::", R.ll):
        head = ether(dst="33:33:00:00:00:16") / six(src=src, dst="ff02::16", hlim=1) / alert
        yield Case("MLD reports from " + src, R, [head / ICMPv6MLReport(mladdr=group), head / ICMPv6MLDone(mladdr=group),
                                                  head / ICMPv6MLReport2(records_number=0)], victim=3)
    yield Case("IGMP report", R, ether(dst="01:00:5e:00:00:16") / IP(src=R.four, dst="224.0.0.22", proto=2)
               / Raw(b"\x22\0\0\0\0\0\0\0"), victim=1)
    yield Case("DHCPv6 client", R, ether(dst="33:33:00:01:00:02") / six(dst="ff02::1:2") / UDP(sport=546, dport=547)
               / DHCP6_Solicit(trid=1), victim=1)
    yield Case("DHCPv4 client", R, ether(dst="ff:ff:ff:ff:ff:ff") / IP(src="0.0.0.0", dst="255.255.255.255")
               / UDP(sport=68, dport=67) / BOOTP(chaddr=bytes.fromhex("420000000001"))
               / DHCP(options=[("message-type", "discover"), "end"]), victim=1)
    yield Case("DNS and mDNS", R, [ether() / six() / UDP(sport=4000, dport=53) / DNS(qd=DNSQR(qname="x")),
                                   ether(dst="33:33:00:00:00:fb") / six(dst="ff02::fb") / UDP(sport=5353, dport=5353)], victim=2)
    yield Case("ESP, GRE and SCTP", R, [ether() / six() / ESP(spi=1, seq=1, data=b"12345678"), ether() / six() / GRE(),
                                        ether() / six() / SCTP(), ether() / IP(src=R.four, dst=V.four) / GRE()], victim=4)
    large = checksummed(six(), ICMPv6EchoRequest(data=b"x" * 2000))
    yield Case("a large ping in fragments", R, pieces(ether() / six(), large, 1400, 58), victim=2)
    datagram = checksummed(six(), UDP(dport=7) / Raw(b"x" * 2000))
    yield Case("a large datagram in fragments", R, pieces(ether() / six(), datagram, 1400, 17), victim=2)
    parts = fragment(IP(src=R.four, dst=V.four, id=3) / UDP(dport=7) / Raw(b"x" * 2000), fragsize=1400)
    yield Case("a large IPv4 datagram in fragments", R, [ether() / one for one in parts], victim=len(parts))
    yield Case("UDP behind options", R, ether() / six() / option(8) / UDP(dport=7), victim=1)


def service():
    s = SERVICE
    yield Case("the service's RA", s, ether(s, ALL) / six(s, dst="ff02::1", hlim=255) / ra(), victim=1)
    yield Case("the service's DHCPv6 answer", s, ether(s) / six(s) / UDP(sport=547, dport=546) / DHCP6_Reply(), victim=1)
    yield Case("the service's DHCPv4 answer", s, ether(s) / IP(src=s.four, dst=V.four) / UDP(sport=67, dport=68) / BOOTP(op=2), victim=1)
    yield Case("the service's DNS answer", s, ether(s) / six(s, src=s.own, dst=V.own) / UDP(sport=53, dport=4000), victim=1)
    own = ICMPv6ND_NA(tgt=s.own, S=1) / ICMPv6NDOptDstLLAddr(lladdr=s.mac)
    yield Case("the service's NA", s, ether(s) / six(s, hlim=255) / own, victim=1)
    yield Case("the service's DAD", s, ether(s, multicast(solicited(s.own))) / six(s, src="::", dst=solicited(s.own), hlim=255)
               / ICMPv6ND_NS(tgt=s.own), victim=1)
    yield Case("the service's ARP", s, ether(s) / ARP(op=2, hwsrc=s.mac, psrc=s.four, hwdst=V.mac, pdst=V.four), victim=1)
    for target in (META6, V.own):
        yield Case("the service's NA for " + target, s, ether(s) / six(s, hlim=255) / ICMPv6ND_NA(tgt=target), nd=1)
    yield Case("the service's NS for metadata", s, ether(s, multicast(solicited(META6)))
               / six(s, dst=solicited(META6), hlim=255) / ICMPv6ND_NS(tgt=META6), nd=1)
    yield Case("the service asking for metadata", s, ether(s, BRIDGE_MAC) / six(s, dst=META6) / TCP(dport=80), host_port=1)
    yield Case("the service from a guest's address", s, ether(s) / six(s, src=R.ll) / UDP(dport=7), source=1)
    yield Case("the service from another MAC", s, ether(s, src=R.mac) / six(s) / UDP(dport=7), mac=1)
    yield Case("the service's redirect", s, ether(s) / six(s, hlim=255) / ICMPv6ND_Redirect(tgt=s.ll), icmp=1)
    yield Case("the service's VLAN 0", s, ether(s) / Dot1Q(vlan=0, type=0x86DD) / Raw(raw(six(s))), ethertype=1)
    yield Case("the service's ARP for metadata", s, ether(s) / ARP(op=1, hwsrc=s.mac, psrc=s.four, pdst=META4), arp=1)


def uplink():
    u = UPLINK
    yield Case("the uplink's RA", u, ether(u, ALL) / six(u, dst="ff02::1", hlim=255) / ra(), victim=1)
    yield Case("the uplink's guests", u, ether(u, src="42:00:01:00:00:05") / six(src="fd00:5::5", dst=V.own) / UDP(dport=7), victim=1)
    yield Case("the uplink's VLAN 7", u, ether(u) / Dot1Q(vlan=7, type=0x86DD) / Raw(raw(six(u))), victim=1)
    for address in (META6, META6_EC2):
        yield Case("the uplink to " + address, u, ether(u, BRIDGE_MAC) / six(u, dst=address) / TCP(dport=80), uplink=1)
        yield Case("the uplink from " + address, u, ether(u) / six(u, src=address) / TCP(sport=80), uplink=1)
        yield Case("the uplink's NS for " + address, u, ether(u, multicast(solicited(address)))
                   / six(u, dst=solicited(address), hlim=255) / ICMPv6ND_NS(tgt=address), uplink=1)
        yield Case("the uplink's NA for " + address, u, ether(u, ALL) / six(u, dst="ff02::1", hlim=255)
                   / ICMPv6ND_NA(tgt=address), uplink=1)
    yield Case("the uplink from " + META4, u, ether(u) / IP(src=META4, dst=V.four) / TCP(sport=80), uplink=1)
    yield Case("the uplink to " + META4, u, ether(u, BRIDGE_MAC) / IP(src="10.0.0.9", dst=META4) / TCP(dport=80), uplink=1)
    yield Case("the uplink's ARP for metadata", u, ether(u, ALL) / ARP(op=1, psrc="10.0.0.9", pdst=META4), uplink=1)
    yield Case("the uplink's ARP from metadata", u, ether(u, ALL) / ARP(op=2, psrc=META4, pdst=V.four), uplink=1)
    yield Case("the uplink's VLAN 0", u, ether(u) / Dot1Q(vlan=0, type=0x86DD) / Raw(raw(six(u, src=META6))), ethertype=1)
    yield Case("a port nobody told the firewall about", UNKNOWN, [ether(UNKNOWN) / six(UNKNOWN) / UDP(dport=7),
               ether(UNKNOWN, BRIDGE_MAC) / six(UNKNOWN, dst=META6) / TCP(dport=80)], unknown_port=2)


ALL_CASES = (router_advertisements, other_icmp, dhcp_servers, hardware_addresses, arp, neighbours, sources, other_frames,
             name_answers, to_metadata, legitimate, service, uplink)

if __name__ == "__main__":
    serve(sys.argv[1], [case for group in ALL_CASES for case in group()])
