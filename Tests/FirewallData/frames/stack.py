"""Real Linux stacks behind the ports: guests in namespaces of their own, a server on the bridges, one process for all.

Run inside the namespace of the bridges, which the caller has made together with the rules: b1 shared, b2 private. Prints a
JSON line for each fact: its name, what was seen and what should be. The lines with "ask" wait for an answer on standard
input: the caller does something to the rules meanwhile.
"""

import ctypes
import json
import os
import select
import socket
import struct
import subprocess
import sys
import threading
import time

from lab import BRIDGE_MAC, ROGUE, SERVICE, VICTIM, canonical
from scapy.all import ARP, IP, TCP, Ether, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA, ICMPv6NDOptDstLLAddr
from scapy.all import ICMPv6NDOptPrefixInfo, ICMPv6NDOptSrcLLAddr, IPv6

META6, META6_EC2, META4 = "fe80::a9fe:a9fe", "fd00:ec2::254", "169.254.169.254"
SO_MARK, SO_BINDTODEVICE, CLONE_NEWNET = 36, 25, 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)
HOME = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
BODY = 200_000


def fact(name, seen, wanted):
    print(json.dumps({"fact": name, "seen": str(seen), "wanted": str(wanted)}), flush=True)


def ask(what):
    print(json.dumps({"ask": what}), flush=True)
    return sys.stdin.readline().strip()


def run(command, stdin=None):
    subprocess.run(command, shell=True, check=True, input=stdin, text=True, stdout=subprocess.DEVNULL)


def sysctl(name, value):
    with open("/proc/sys/net/" + name, "w") as file:
        file.write(str(value))


class Guest:
    """A network namespace with one interface, eth0, whose other end is a port."""

    def __init__(self, far, mac):
        self.mac = mac
        assert LIBC.unshare(CLONE_NEWNET) == 0
        self.fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        self.leave()
        run("ip link set %s netns /proc/%d/fd/%d name eth0" % (far, os.getpid(), self.fd))
        with self:
            sysctl("ipv6/conf/all/forwarding", 0)
            sysctl("ipv6/conf/eth0/router_solicitations", 0)
            run("ip link set lo up; ip link set eth0 address %s; ip link set eth0 up arp on" % mac)

    def __enter__(self):
        assert LIBC.setns(self.fd, CLONE_NEWNET) == 0
        return self

    def __exit__(self, *_):
        self.leave()

    @staticmethod
    def leave():
        assert LIBC.setns(HOME, CLONE_NEWNET) == 0

    def ip(self, *commands):
        with self:
            for command in commands:
                run("ip " + command)

    def raw(self):
        with self:
            one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            one.bind(("eth0", 0))
            return one

    def connect(self, address, port=80, source=None, timeout=5, source_port=0):
        with self:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            one = socket.socket(family, socket.SOCK_STREAM)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            scope = socket.if_nametoindex("eth0") if address.startswith("fe80") else 0
            one.settimeout(timeout)
            if source:
                own_scope = scope or (socket.if_nametoindex("eth0") if source.startswith("fe80") else 0)
                one.bind((source, source_port) + ((0, own_scope) if family == socket.AF_INET6 else ()))
            one.connect((address, port) + ((0, scope) if family == socket.AF_INET6 else ()))
            return one

    def fetch(self, address, source=None, timeout=5, body=0):
        """The mark that the server saw, or the error's name; with a body: also whether it came whole."""
        try:
            with self.connect(address, source=source, timeout=timeout) as one:
                one.sendall(struct.pack("!I", body))
                data = b""
                while chunk := one.recv(65536):
                    data += chunk
                mark = data[:10].decode()
                return mark if len(data) == 10 + body else "%s and %d bytes" % (mark, len(data) - 10)
        except OSError as error:
            return type(error).__name__

    def ping(self, address):
        """Whether an echo request is answered."""
        with self:
            one = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
            scope = socket.if_nametoindex("eth0") if address.startswith("fe80") else 0
        one.setsockopt(socket.IPPROTO_ICMPV6, 1, struct.pack("8I", 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFD, *[0xFFFFFFFF] * 3))
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 5, 0))
        with one:
            one.sendto(b"\x80\0\0\0\1\2\3\4", (address, 0, 0, scope))
            try:
                return one.recv(1500)[:1] == b"\x81"
            except BlockingIOError:
                return False

    def await_addresses(self, *addresses):
        """Until each address is there and no longer tentative."""
        for _ in range(1000):
            with self:
                text = subprocess.run("ip -6 -o addr show dev eth0", shell=True, capture_output=True, text=True).stdout
            lines = [line for line in text.splitlines() if "tentative" not in line]
            if "dadfailed" in text or all(any(a + "/" in line for line in lines) for a in addresses):
                return "dadfailed" not in text
            time.sleep(0.01)  # The kernel tells of it only by netlink; a bounded poll is simpler and as sure.
        return False


class Server(threading.Thread):
    """Answers on one bridge: the mark of the connection, and as many bytes as asked for."""

    def __init__(self, bridge):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, bridge.encode())
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.socket.bind(("::", 80))
        self.socket.listen(512)
        self.start()

    def run(self):
        while True:
            one, _ = self.socket.accept()
            one.settimeout(5)
            try:
                mark = one.getsockopt(socket.SOL_SOCKET, SO_MARK) & 0xFFFFFFFF
                (size,) = struct.unpack("!I", one.recv(4))
                one.sendall(b"0x%08x" % mark + b"x" * size)
            except (OSError, struct.error):
                pass
            one.close()


def prepare_host():
    for family in ("ipv4", "ipv6"):
        sysctl(family + "/fwmark_reflect", 1)
    sysctl("ipv4/tcp_fwmark_accept", 1)
    sysctl("ipv4/conf/all/rp_filter", 0)
    sysctl("ipv4/conf/default/rp_filter", 0)
    run("ip addr add %s/32 dev lo" % META4)
    for index, bridge in enumerate(("b1", "b2")):
        sysctl("ipv6/conf/%s/accept_ra" % bridge, 0)
        sysctl("ipv6/conf/%s/disable_ipv6" % bridge, 0)
        run("ip addr add %s/64 dev %s; ip addr add %s/128 dev %s" % (META6, bridge, META6_EC2, bridge))
        run("ip -6 neigh add fe80::dead lladdr 02:00:00:00:00:99 dev %s nud permanent" % bridge)
        for family in ("-6", "-4"):
            via = "via inet6" if family == "-4" else "via"
            run("ip %s route add default %s fe80::dead dev %s onlink table 100 metric %d" % (family, via, bridge, index + 1))
    for family in ("-6", "-4"):
        run("ip %s rule add fwmark 0x80000000/0x80000000 lookup 100" % family)
    for guest, bridge in ((ROGUE, "b1"), (VICTIM, "b1")):
        for address in (guest.ll, guest.own, guest.four):
            run("ip neigh add %s lladdr %s dev %s nud permanent" % (address, guest.mac, bridge))


def neighbours():
    """The entries of the whole namespace that nobody put there."""
    text = subprocess.run("ip -6 neigh show nud all; ip -4 neigh show nud all", shell=True, capture_output=True, text=True).stdout
    return [line for line in text.splitlines() if "PERMANENT" not in line and "NOARP" not in line and " dev b" in line]


def advertise(service):
    """The router's advertisement, from its own port."""
    packet = (Ether(src=SERVICE.mac, dst="33:33:00:00:00:01") / IPv6(src=SERVICE.ll, dst="ff02::1", hlim=255)
              / ICMPv6ND_RA() / ICMPv6NDOptPrefixInfo(prefix="fd00:5::", prefixlen=64))
    with service.raw() as one:
        one.send(bytes(packet))


def shared(web, rogue, service):
    fact("a link-local address forms, DAD passes", web.await_addresses(VICTIM.ll), True)
    fact("so for the other guest", rogue.await_addresses(ROGUE.ll), True)
    service.await_addresses(SERVICE.ll, SERVICE.own)
    advertise(service)
    fact("SLAAC gives a global address", web.await_addresses(VICTIM.own), True)
    fact("and the other guest one", rogue.await_addresses(ROGUE.own), True)
    fact("guests reach each other", rogue.ping(VICTIM.own), True)
    fact("and the router", web.ping(SERVICE.own), True)
    for address in (META6, META6_EC2):
        fact("web is known at " + address, web.fetch(address), "0x80000002")
        fact("rogue is known at " + address, rogue.fetch(address), "0x80000001")
        fact("a large body from " + address, web.fetch(address, body=BODY), "0x80000002")
        fact("ping to " + address, web.ping(address), True)
    fact("its global address towards the link-local one", web.fetch(META6_EC2, source=VICTIM.own), "0x80000002")
    for port in (22, 443):
        try:
            web.connect(META6_EC2, port, timeout=5).close()
            seen = "connected"
        except OSError as error:
            seen = type(error).__name__
        fact("port %d is refused at once" % port, seen, "ConnectionRefusedError")
    web.ip("addr add 169.254.7.7/16 dev eth0")
    fact("a link-local IPv4 address of its own choice", web.fetch(META4), "0x80000002")
    rogue.ip("addr add 10.0.0.1/24 dev eth0", "route add default via 10.0.0.53")
    fact("IPv4 by the router", rogue.fetch(META4), "0x80000001")
    for address in (VICTIM.ll, VICTIM.own):
        rogue.ip("addr add %s/64 dev eth0 nodad" % address)
        fact("web's address %s brings rogue nothing" % address, rogue.fetch(META6, source=address, timeout=0.3), "TimeoutError")
        rogue.ip("addr del %s/64 dev eth0" % address)
    rogue.ip("link set eth0 down", "link set eth0 address " + VICTIM.mac, "link set eth0 up")
    rogue.await_addresses(VICTIM.ll)
    fact("web's MAC brings rogue nothing", rogue.fetch(META6, timeout=0.3), "TimeoutError")
    rogue.ip("link set eth0 down", "link set eth0 address " + ROGUE.mac, "link set eth0 up")
    rogue.await_addresses(ROGUE.ll)
    fact("rogue is itself again", rogue.fetch(META6), "0x80000001")
    fact("web noticed nothing", web.fetch(META6), "0x80000002")


def private(one, two):
    """Two guests with the very same addresses on one bridge."""
    for guest in (one, two):
        guest.ip("addr add fe80::77/64 dev eth0 nodad", "addr add fd00:6::77/64 dev eth0 nodad", "addr add 10.0.0.5/24 dev eth0",
                 "route add default via 10.0.0.254", "-6 route add default dev eth0", "route add %s dev eth0" % META4)
    marks = {"first": (one, "0x80000011"), "second": (two, "0x80000012")}
    for address, source in ((META6, "fe80::77"), (META6_EC2, "fd00:6::77"), (META4, "10.0.0.5")):
        for name, (guest, mark) in marks.items():
            fact("the %s of equals at %s" % (name, address), guest.fetch(address, source=source, body=BODY), mark)
    seen = [guest.fetch(META6, source="fe80::77") for _ in range(5) for guest in (one, two)]
    fact("in turns", seen, ["0x80000011", "0x80000012"] * 5)
    open_ones = [guest.connect(META6, source="fe80::77", source_port=port) for guest, port in ((one, 4001), (two, 4002))]
    for connection, (_, mark) in zip(open_ones, marks.values()):
        connection.sendall(struct.pack("!I", 10))
        fact("both at once", connection.makefile("rb").read()[:10].decode(), mark)
        connection.close()


def floods(web, one, two):
    """Thousands of forged senders: the neighbour table is the whole machine's."""
    group = "ff02::1:fffe:a9fe"
    head = Ether(src=one.mac, dst="33:33:ff:fe:a9:fe")
    sample = bytes(head / IPv6(src="fe80::1:0", dst=group, hlim=255) / ICMPv6ND_NS(tgt=META6)
                   / ICMPv6NDOptSrcLLAddr(lladdr=one.mac))
    frames = []
    frames += [forge(sample, number) for number in range(3000)]
    arp = bytes(Ether(src=one.mac, dst="ff:ff:ff:ff:ff:ff") / ARP(op=1, hwsrc=one.mac, psrc="10.1.0.0", pdst=META4))
    frames += [arp[:28] + socket.inet_aton("10.1.%d.%d" % divmod(number, 256)) + arp[32:] for number in range(3000)]
    with one.raw() as out:
        for frame in frames:
            out.send(frame)
        answers = advertisements(out)
        for number in range(300):
            head = Ether(src=one.mac, dst=BRIDGE_MAC)
            out.send(bytes(head / IPv6(src="2001:db8::%x" % number, dst=META6) / TCP(sport=5, dport=80)))
            out.send(bytes(head / IP(src="10.2.%d.%d" % divmod(number, 256), dst=META4) / TCP(sport=5, dport=80)))
        # Answers to neighbours that nobody asked for: for the other's address, for the made-up next hop, for the router.
        for target in ("fe80::77", "fd00:6::77", "fe80::dead", META6):
            for dst in ("ff02::1", META6):
                forged = (Ether(src=one.mac, dst=BRIDGE_MAC) / IPv6(src=target, dst=dst, hlim=255)
                          / ICMPv6ND_NA(tgt=target, R=0, S=1, O=1) / ICMPv6NDOptDstLLAddr(lladdr=one.mac))
                out.send(bytes(forged))
        for address in ("10.0.0.5", "10.0.0.254", META4):
            out.send(bytes(Ether(src=one.mac, dst="ff:ff:ff:ff:ff:ff") / ARP(op=2, hwsrc=one.mac, psrc=address, pdst=META4)))
    fact("forged solicitations are answered, to nobody in particular", answers > 0, True)
    fact("6,600 forged senders make no neighbour, and no guest's request did", neighbours(), [])
    ask("open the way for unbound senders")
    with one.raw() as out:
        for frame in frames[:20] + frames[-20:]:
            out.send(frame)
    fact("without the rules they would", len(neighbours()), 40)
    ask("close it again")
    run("ip -6 neigh flush dev b2; ip -4 neigh flush dev b2")
    fact("the flooded guest is served", two.fetch(META6, source="fe80::77"), "0x80000012")
    fact("so is the flooding one", one.fetch(META6, source="fe80::77"), "0x80000011")
    fact("and the other network", web.fetch(META6), "0x80000002")
    web.ip("-6 neigh flush dev eth0")
    fact("also after forgetting its neighbours", web.fetch(META6), "0x80000002")


def advertisements(socket_of_guest):
    """How many unsolicited advertisements of the metadata address lie in a raw socket."""
    count = 0
    socket_of_guest.setblocking(False)
    while select.select([socket_of_guest], [], [], 0)[0]:
        frame = socket_of_guest.recv(65536)
        count += frame[:6] == b"\x33\x33\0\0\0\1" and frame[20] == 58 and frame[54] == 136
    socket_of_guest.setblocking(True)
    return count


def forge(frame, number):
    """A neighbour solicitation from another source, its checksum mended by the source's own bits."""
    data = bytearray(frame)
    # Bytes 22...37 are the source: one word counts up and its neighbour down, so the sum stays.
    value = struct.unpack("!H", data[32:34])[0]
    data[30:32] = struct.pack("!H", number)
    data[32:34] = struct.pack("!H", (value - number) % 0xFFFF)
    return bytes(data)


def pinning(one, two):
    """Even a bridge that has learnt a wrong port hands no answer to it."""
    run("bridge fdb del %s dev p1 master static; bridge fdb add %s dev p2 master static" % (one.mac, one.mac))
    with two.raw() as listener:
        fact("no answer by the wrong port", one.fetch(META6, source="fe80::77", timeout=0.3), "TimeoutError")
        listener.setblocking(False)
        stolen = 0
        while select.select([listener], [], [], 0)[0]:
            frame = listener.recv(65536)
            stolen += frame[:6] == bytes.fromhex(one.mac.replace(":", "")) and frame[12:14] == b"\x86\xdd" and frame[20] == 6
        fact("nothing of it arrives there", stolen, 0)
    run("bridge fdb del %s dev p2 master static; bridge fdb add %s dev p1 master static" % (one.mac, one.mac))
    fact("and by the right port again", one.fetch(META6, source="fe80::77"), "0x80000011")


def main():
    prepare_host()
    servers = [Server("b1"), Server("b2")]
    rogue, web = Guest("g1", ROGUE.mac), Guest("g2", VICTIM.mac)
    service = Guest("s1", SERVICE.mac)
    with service:
        sysctl("ipv6/conf/eth0/addr_gen_mode", 1)
        # A router that doesn't say so in its neighbour advertisements is no default router for long.
        sysctl("ipv6/conf/all/forwarding", 1)
    service.ip("-6 addr flush dev eth0", "addr add %s/64 dev eth0 nodad" % SERVICE.ll, "addr add %s/64 dev eth0 nodad" % SERVICE.own,
               "addr add %s/24 dev eth0" % SERVICE.four)
    one, two = Guest("h1", "42:00:00:00:00:11"), Guest("h2", "42:00:00:00:00:12")
    shared(web, rogue, service)
    private(one, two)
    floods(web, one, two)
    pinning(one, two)
    ask("flush")
    fact("without rules the server sees no mark", one.fetch(META6, source="fe80::77", timeout=0.3) in ("0x00000000", "TimeoutError"), True)
    ask("restore")
    fact("with the rules again it does", one.fetch(META6, source="fe80::77"), "0x80000011")
    fact("and on the shared network", web.fetch(META6), "0x80000002")
    del servers


if __name__ == "__main__":
    main()
