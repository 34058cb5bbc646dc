"""Runs inside a node's network namespace: flushes its rules again and again, and prints for each time how many milliseconds
the rules were away. The kernel says when: each transaction that took effect ends with a message (NFT_MSG_NEWGEN, linux/netfilter/
nf_tables.h) to those who listen. Counted is from the flush's to that of the last transaction by the time a listing showed
the rules whole again. Arguments: how often, and the pause between in seconds."""
import socket
import struct
import subprocess
import sys
import threading
import time

NETLINK_NETFILTER = 12
NFNLGRP_NFTABLES = 7
NEWGEN = 10 << 8 | 15  # NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWGEN
DELTABLE = 10 << 8 | 2


class Transactions(threading.Thread):
    """Notes when each transaction took effect, and whether it took a table away."""

    def __init__(self):
        super().__init__(daemon=True)
        self.seen = []
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind((0, 1 << NFNLGRP_NFTABLES - 1))
        self.start()

    def run(self):
        takes_table = False
        while True:
            message = self.socket.recv(1 << 20)
            now = time.monotonic()
            while len(message) >= 16:
                length, kind = struct.unpack_from("=IH", message)
                takes_table = takes_table or kind == DELTABLE
                if kind == NEWGEN:
                    self.seen.append((now, takes_table))
                    takes_table = False
                message = message[length + 3 & ~3 :]


def nft(*arguments):
    return subprocess.run(["nft", *arguments], check=True, capture_output=True, text=True, timeout=20).stdout


def listing():
    return nft("--stateless", "list", "ruleset")


def hole(transactions, whole):
    """Flushes, waits until all is whole again, and gives the seconds between."""
    known = len(transactions.seen)
    end = time.monotonic() + 10
    # Not waited for: the kernel lets it return only after a grace period, long after its change has taken effect.
    flush = subprocess.Popen(["nft", "flush", "ruleset"])
    while True:
        if time.monotonic() > end:
            sys.exit("the rules did not come back within 10 s")
        seen = transactions.seen[known:]
        flushed = next((at for at, takes_table in seen if takes_table), None)
        if flushed is None or seen[-1][0] == flushed:
            time.sleep(0.001)
        elif listing() == whole:
            break
    if flush.wait(timeout=20) != 0:
        sys.exit("nft flush ruleset failed")
    # One that came during the listing may have been the last that was needed.
    return transactions.seen[-1][0] - flushed


whole = listing()
if "uncloud" not in whole:
    sys.exit("the node's namespace holds no rules")
transactions = Transactions()
for _ in range(int(sys.argv[1])):
    print(hole(transactions, whole) * 1000, flush=True)
    time.sleep(float(sys.argv[2]))
