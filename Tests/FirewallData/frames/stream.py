"""A steady stream of frames, valid and forged in turn, for as long as somebody changes the rules.

Prints a line when it flows, stops at a line on standard input, and prints how many were sent and how many arrived.
"""

import json
import select
import sys

from lab import ROGUE, VICTIM, Lab
from scapy.all import ARP, UDP, Ether, ICMPv6ND_NA, ICMPv6ND_RA, IPv6, Raw

VALID, FORGED = b"valid frame", b"forged frame"


def frames():
    head = Ether(src=ROGUE.mac, dst=VICTIM.mac)
    valid = head / IPv6(src=ROGUE.own, dst=VICTIM.own) / UDP(dport=7) / Raw(VALID)
    forged = [
        head / IPv6(src=VICTIM.ll, dst=VICTIM.own) / UDP(dport=7) / Raw(FORGED),
        head / IPv6(src=ROGUE.ll, dst=VICTIM.ll, hlim=255) / ICMPv6ND_RA() / Raw(FORGED),
        head / IPv6(src=ROGUE.ll, dst=VICTIM.ll, hlim=255) / ICMPv6ND_NA(tgt=VICTIM.ll) / Raw(FORGED),
        Ether(src="42:00:00:00:00:77", dst=VICTIM.mac) / IPv6(src=ROGUE.own, dst=VICTIM.own) / UDP(dport=7) / Raw(FORGED),
        head / ARP(op=2, hwsrc=ROGUE.mac, psrc="10.0.0.99", hwdst=VICTIM.mac, pdst=VICTIM.four) / Raw(FORGED),
    ]
    return bytes(valid), [bytes(frame) for frame in forged]


def main(bridge):
    lab = Lab(bridge)
    valid, forged = frames()
    out = lab.sockets["g1"]
    sent, arrived = {"valid": 0, "forged": 0}, {"valid": 0, "forged": 0}

    def take(batch):
        for frame in batch:
            arrived["valid"] += VALID in frame
            arrived["forged"] += FORGED in frame

    print("flowing", flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        for _ in range(10):
            for frame in forged:
                out.send(valid)
                out.send(frame)
                sent["valid"] += 1
                sent["forged"] += 1
        take(lab.take("g2"))
    take(lab.send(ROGUE, [])[0])
    print(json.dumps({"sent": sent, "arrived": arrived}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
