"""The cases of a private network: all is free but what touches the metadata addresses."""

import sys

from lab import BRIDGE_MAC, ROGUE, VICTIM, Case, serve
from scapy.all import (
    ARP, BOOTP, ICMP, IP, TCP, UDP, Dot1AD, Dot1Q, Dot3, Ether, ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_NS,
    ICMPv6ND_RS, ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, IPv6, IPv6ExtHdrHopByHop, LLC, PadN, Raw, SNAP,
    fragment, raw)
from shared_cases import (
    ALL, META4, META6, META6_EC2, checksummed, ether, multicast, option, pieces, ra, six, solicited, tagged, to_all)

R, V = ROGUE, VICTIM
STRANGER = "42:00:00:00:00:77"
EVERYONE = "ff:ff:ff:ff:ff:ff"


def free():
    yield Case("a router advertisement", R, to_all() / ra(), victim=1)
    yield Case("a DHCP server", R, [ether() / IP(src="10.9.9.9", dst=V.four) / UDP(sport=67, dport=68) / BOOTP(op=2),
                                    ether() / six() / UDP(sport=547, dport=546)], victim=2)
    yield Case("any MAC and address", R, [ether(src=STRANGER) / six(src="2001:db8::5") / UDP(dport=7),
                                          ether(src=STRANGER) / IP(src="192.0.2.1", dst=V.four) / UDP(dport=7),
                                          ether() / six(src=V.ll) / UDP(dport=7)], victim=3)
    yield Case("any ARP", R, [ether(dst=EVERYONE) / ARP(op=2, hwsrc=STRANGER, psrc=V.four, pdst=R.four),
                              ether(dst=EVERYONE) / ARP(op=1, hwsrc=R.mac, psrc="0.0.0.0", pdst="10.0.0.77")], victim=2)
    yield Case("any neighbour discovery", R, [to_all() / ICMPv6ND_NA(tgt=V.ll) / ICMPv6NDOptDstLLAddr(lladdr=STRANGER),
                                              to_all() / ICMPv6ND_NS(tgt="fe80::77"),
                                              ether(dst="33:33:00:00:00:02") / six(dst="ff02::2") / ICMPv6ND_RS()], victim=3)
    yield Case("other protocols", R, [Ether(src=R.mac, dst=V.mac, type=kind) / Raw(b"\0" * 46) for kind in (0x8864, 0x8847, 0x88CC)], victim=3)
    yield Case("VLANs", R, [ether() / Dot1Q(vlan=5, type=0x86DD) / Raw(raw(six())),
                            ether() / Dot1AD(vlan=6) / Dot1Q(vlan=5, type=0x86DD) / Raw(raw(six()))], victim=2)
    yield Case("LLC", R, Dot3(src=R.mac, dst=V.mac) / LLC(dsap=0x42, ssap=0x42, ctrl=3) / Raw(b"\0" * 40), victim=1)
    yield Case("fragments", R, [ether() / one for one in fragment(IP(src=R.four, dst=V.four) / UDP() / Raw(b"\0" * 99), 48)], victim=3)


def disguises():
    for name, frame in tagged(ether() / six(src=META6), TCP(sport=80)):
        if name == "VLAN 5":
            continue
        yield Case("a forged answer in " + name, R, frame, ethertype=1)


def impostors():
    for address in (META6, META6_EC2):
        yield Case("from " + address, R, [ether() / six(src=address) / TCP(sport=80), ether() / six(src=address) / UDP(sport=53),
                                          ether() / six(src=address) / option(8) / TCP(sport=80)], source=3)
        yield Case("NA for " + address, R, [to_all() / ICMPv6ND_NA(tgt=address),
                                            to_all() / ICMPv6ND_NA(tgt=address) / ICMPv6NDOptDstLLAddr(lladdr=R.mac),
                                            to_all() / option(8) / ICMPv6ND_NA(tgt=address),
                                            to_all() / IPv6ExtHdrHopByHop(options=[PadN(optdata=b"\0" * 4)])
                                            / ICMPv6ND_NA(tgt=address)], nd=4)
        yield Case("DAD for " + address, R, ether(dst=multicast(solicited(address)))
                   / six(src="::", dst=solicited(address), hlim=255) / ICMPv6ND_NS(tgt=address), nd=1)
    yield Case("from " + META4, R, ether() / IP(src=META4, dst=V.four) / TCP(sport=80), source=1)
    yield Case("ARP answer for " + META4, R, ether() / ARP(op=2, hwsrc=R.mac, psrc=META4, pdst=V.four), arp=1)
    yield Case("gratuitous ARP for " + META4, R, ether(dst=EVERYONE) / ARP(op=1, hwsrc=R.mac, psrc=META4, pdst=META4), arp=1)
    yield Case("ARP answer to " + META4, R, ether(dst=BRIDGE_MAC) / ARP(op=2, hwsrc=R.mac, psrc="10.0.0.9", pdst=META4), arp=1)
    request = ARP(op=1, hwsrc=R.mac, psrc="10.0.0.9", pdst=META4)
    yield Case("ARP of another kind to " + META4, R,
               Ether(src=R.mac, dst=EVERYONE, type=0x806) / Raw(b"\0\6" + raw(request)[2:]), arp=1)


def to_metadata():
    for address in (META6, META6_EC2):
        for src in (R.ll, R.own, "fe80::77", "2001:db8::7", V.ll):
            yield Case("TCP 80 to %s from %s" % (address, src), R,
                       ether(dst=BRIDGE_MAC) / six(src=src, dst=address) / TCP(dport=80), host=1)
        yield Case("TCP 80 to %s by another's MAC" % address, R, ether() / six(dst=address) / TCP(dport=80), host=1)
        yield Case("TCP 22 to " + address, R, ether() / six(dst=address) / TCP(dport=22), host=1, host_port=1)
        yield Case("UDP to " + address, R, ether() / six(dst=address) / UDP(dport=80), host_port=1)
        yield Case("ping to " + address, R, ether() / six(src="fe80::77", dst=address) / ICMPv6EchoRequest(), host=1)
        body = checksummed(six(dst=address), TCP(dport=80) / Raw(b"\0" * 64))
        yield Case("fragments to " + address, R, pieces(ether() / six(dst=address), body, 24, 6), fragment=2)
        for src in (R.ll, R.own, "fe80::77", "2001:db8::7"):
            group = solicited(address)
            head = ether(dst=multicast(group)) / six(src=src, dst=group, hlim=255) / ICMPv6ND_NS(tgt=address)
            near = ether(dst=BRIDGE_MAC) / six(src=src, dst=address, hlim=255) / ICMPv6ND_NS(tgt=address)
            own = ICMPv6NDOptSrcLLAddr(lladdr=R.mac)
            yield Case("NS for %s from %s" % (address, src), R, [head, head / own, near, near / own], host=4)
        yield Case("NS with two options for " + address, R, head / own / own, nd=1)
        yield Case("NS with another option for " + address, R, head / Raw(b"\x05\x01\0\0\0\0\5\0"), nd=1)
        yield Case("NS behind options for " + address, R, ether(dst=multicast(group)) / six(dst=group, hlim=255) / option(8)
                   / ICMPv6ND_NS(tgt=address), nd=1)
        yield Case("router solicitation to " + address, R, ether() / six(dst=address) / ICMPv6ND_RS(), host_port=1)
    for src in (R.four, "192.168.7.7", "169.254.7.7", V.four):
        yield Case("TCP 80 to %s from %s" % (META4, src), R, ether() / IP(src=src, dst=META4) / TCP(dport=80), host=1)
        yield Case("ARP request for %s from %s" % (META4, src), R,
                   ether(dst=EVERYONE) / ARP(op=1, hwsrc=R.mac, psrc=src, pdst=META4), host=1)
    yield Case("TCP 22 to " + META4, R, ether() / IP(src=R.four, dst=META4) / TCP(dport=22), host=1, host_port=1)
    yield Case("UDP to " + META4, R, ether() / IP(src=R.four, dst=META4) / UDP(dport=80), host_port=1)
    yield Case("ping to " + META4, R, ether() / IP(src=R.four, dst=META4) / ICMP(), host=1)
    parts = fragment(IP(src=R.four, dst=META4) / TCP(dport=80) / Raw(b"\0" * 64), fragsize=48)
    yield Case("fragments to " + META4, R, [ether() / one for one in parts], fragment=len(parts))
    yield Case("TCP in VLAN 0 to " + META6, R, ether(dst=BRIDGE_MAC) / Dot1Q(vlan=0, type=0x86DD)
               / Raw(raw(six(dst=META6) / TCP(dport=80))), ethertype=1)
    yield Case("TCP in VLAN 5 to " + META6, R, ether(dst=BRIDGE_MAC) / Dot1Q(vlan=5, type=0x86DD)
               / Raw(raw(six(dst=META6) / TCP(dport=80))), host_port=1)
    yield Case("something else to the bridge", R, [ether(dst=BRIDGE_MAC) / six(dst="fe80::b0") / TCP(dport=22),
               ether(dst=BRIDGE_MAC) / ARP(op=1, hwsrc=R.mac, psrc="10.0.0.9", pdst="10.0.0.254"),
               ether(dst=BRIDGE_MAC) / six(dst="fe80::b0", hlim=255) / ICMPv6ND_NS(tgt="fe80::b0")], host_port=3)


ALL_CASES = (free, disguises, impostors, to_metadata)

if __name__ == "__main__":
    serve(sys.argv[1], [case for group in ALL_CASES for case in group()])
