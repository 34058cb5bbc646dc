"""The bench that the frame tests send on: raw sockets on the far ends of veth pairs, one process for all frames.

A case is sent from one port; then a sentinel frame follows from a port that may speak. Everything runs on one CPU, whose
receive queue keeps the order, so once the sentinel has arrived at the victim, every frame of the case has been judged. No
waiting for time to pass, and no frame is missed.
"""

import json
import logging
import os
import socket
import struct
import sys

logging.getLogger("scapy").setLevel(logging.ERROR)

from scapy.all import Ether, IPv6, Raw, UDP  # noqa: E402

PACKET_OUTGOING = 4
SOL_PACKET, PACKET_IGNORE_OUTGOING = 263, 23

BRIDGE_MAC = "02:00:00:00:00:b0"
PREFIX = "fd00:5::"


class Node:
    """A port's owner: its interface, MAC and addresses."""

    def __init__(self, far, mac, four=None, link_local=None, own=None):
        self.far, self.mac, self.four = far, mac, four
        digits = mac.split(":")
        identifier = "%02x%s:%sff:fe%s:%s%s" % (int(digits[0], 16) ^ 2, *digits[1:])
        self.ll = link_local or canonical("fe80::" + identifier)
        self.own = own or canonical(PREFIX + identifier)


def canonical(address):
    return socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, address))


ROGUE = Node("g1", "42:00:00:00:00:01", "10.0.0.1")
VICTIM = Node("g2", "42:00:00:00:00:02", "10.0.0.2")
SERVICE = Node("s1", "02:00:00:00:00:53", "10.0.0.53", link_local="fe80::1", own="fd00:5::1")
UPLINK = Node("u1", "02:00:00:00:00:99")
UNKNOWN = Node("x1", "42:00:00:00:00:0f")


class Case:
    """Frames, how many of them arrive (at the victim, at the stack behind the bridge) and why the others don't."""

    def __init__(self, title, sender, frames, victim=0, host=0, **reasons):
        self.name, self.sender, self.victim, self.host = title, sender, victim, host
        self.frames = [bytes(frame) for frame in (frames if isinstance(frames, list) else [frames])]
        self.reasons = {reason.replace("_", "-"): count for reason, count in reasons.items()}


class Lab:
    """Raw sockets on the far ends and on the bridge."""

    def __init__(self, bridge):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        self.sockets = {name: self.open(name) for name in ("g1", "g2", "s1", "u1", "x1", bridge)}
        self.bridge = bridge
        self.serial = 0

    @staticmethod
    def open(name):
        one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        one.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        one.bind((name, 0))
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 10, 0))
        return one

    def take(self, name, until=None):
        """What has arrived at an interface; with a sentinel: all before it."""
        frames = []
        one = self.sockets[name]
        while True:
            try:
                frame = one.recv(65536, 0 if until else socket.MSG_DONTWAIT)
            except BlockingIOError:
                if until:
                    raise TimeoutError("the sentinel did not arrive at " + name) from None
                return frames
            if until and until in frame:
                return frames
            if b"sentinel " not in frame:
                frames.append(frame)

    def send(self, sender, frames):
        """Sends frames and returns what they brought: at the victim, at the bridge's stack, at the uplink.

        Without frames: what is still on its way from before.
        """
        if frames:
            for name in self.sockets:
                self.take(name)
        for frame in frames:
            self.sockets[sender.far].send(frame)
        self.serial += 1
        mark = b"sentinel %d." % self.serial
        sentinel = Ether(src=ROGUE.mac, dst=VICTIM.mac) / IPv6(src=ROGUE.ll, dst=VICTIM.ll) / UDP(sport=9, dport=9)
        self.sockets["g1"].send(bytes(sentinel / Raw(mark)))
        at_victim = self.take("g2", until=mark)
        return at_victim, self.take(self.bridge), self.take("u1")

    def run(self, case):
        sender = ROGUE if case.sender is VICTIM else case.sender
        at_victim, at_host, at_uplink = self.send(sender, case.frames)
        return {
            "name": case.name, "sent": len(case.frames), "port": sender.far, "reasons": case.reasons,
            "victim": len(at_victim), "expectedVictim": case.victim,
            "host": len(at_host), "expectedHost": case.host,
            "uplink": len(at_uplink) if case.host else 0,
            "hostFrames": [frame.hex() for frame in at_host],
        }


def serve(bridge, cases):
    """Runs the cases one by one, each after a line on standard input, and prints what came of it."""
    lab = Lab(bridge)
    for case in cases:
        print(json.dumps(lab.run(case)), flush=True)
        if not sys.stdin.readline():
            return
