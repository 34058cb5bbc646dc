"""The two ways a request takes to a server: loopback, and a guest's port with bridge and the product's own rules."""
import contextlib
import json
import os
import pathlib
import socket
import subprocess
import time

from servers import ours, tools

identity = 0x80000000


def run(*arguments, text=None):
    """Runs a command to its end; what it says matters only when it fails."""
    done = subprocess.run([str(a) for a in arguments], input=text, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"bench: {' '.join(map(str, arguments))[:200]}: {done.stderr.strip()[:400]}")
    return done.stdout


def write(path, value):
    pathlib.Path(path).write_text(str(value))


class Loopback:
    """On lo. nftables marks each connection by a hash of its port, so that they spread over all VMs."""

    name = "loopback"
    exclusive = False  # the servers run side by side, each on its port

    def __init__(self, ports):
        self.ports = ports

    def set_up(self, vms):
        """`vms`: how many there are, or how many behind each of the ports' names."""
        rules = "table inet bench\ndelete table inet bench\ntable inet bench {\nchain out {\n"
        rules += "type filter hook output priority mangle; policy accept;\n"
        for name, port in self.ports.items():
            count = vms[name] if isinstance(vms, dict) else vms
            rules += self.marking(port, count)
        run("nft", "-f", "-", text=rules + "}\n}\n")

    @staticmethod
    def marking(port, count):
        return f"tcp dport {port} meta mark set jhash tcp sport mod {count} seed 0x5eed offset {identity + 1:#x}\n"

    def mark(self, port, count):
        """Connections to one more port, of so many VMs."""
        run("nft", "-f", "-", text=f"add rule inet bench out {self.marking(port, count)}")

    def load(self, port, arguments, core):
        return load(["--address", "::1", "--port", port, *arguments], core)

    @contextlib.contextmanager
    def holding(self, port, arguments, core):
        """While the load has answered its requests and keeps its connections open."""
        command = loading(["--address", "::1", "--port", port, *arguments, "--hold"], core)
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            if not process.stdout.readline():
                raise SystemExit("bench: the load ended early")
            yield
        finally:
            process.stdin.close()
            process.wait()

    @contextlib.contextmanager
    def waiting(self, port, count, answered_port):
        """While so many connections wait for an answer that does not come; another port says when all were read."""
        request = b"GET /ssh-keys HTTP/1.1\r\nHost: metadata\r\n\r\n"
        peers = []
        try:
            for _ in range(count):
                peers.append(socket.create_connection(("::1", port)))
                peers[-1].sendall(request)
            # The server is one thread, and serves who came first first; the second time nothing can be left.
            for _ in range(2):
                with socket.create_connection(("::1", answered_port)) as peer:
                    peer.sendall(request)
                    peer.recv(1)
            yield
        finally:
            for peer in peers:
                peer.close()

    def take_down(self):
        run("nft", "delete", "table", "inet", "bench")


class Bridge:
    """Guests' ends of veth pairs in a namespace of their own, a bridge with the product's rules here.

    Each pair is a VM; where more VMs are wanted than pairs, the rules hold the rest without a port. The servers take
    turns on port 80, the only one that the rules let guests reach.
    """

    name = "bridge"
    exclusive = True
    pairs = 64

    def __init__(self):
        self.guests = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        self.made = 0
        while os.readlink(f"/proc/{self.guests.pid}/ns/net") == os.readlink("/proc/self/ns/net"):
            time.sleep(0.01)
        self._inside("sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad")

    def _inside(self, *arguments, text=None):
        return run("nsenter", "-t", self.guests.pid, "-n", *arguments, text=text)

    def set_up(self, vms):
        self.made = min(vms, self.pairs)
        run("ip", "link", "add", "bench0", "address", "42:00:00:00:ff:ff", "type", "bridge", "mcast_snooping", "0")
        write("/proc/sys/net/ipv6/conf/bench0/accept_dad", 0)
        run("ip", "link", "set", "bench0", "up")
        mac = json.loads(run("ip", "-j", "link", "show", "bench0"))[0]["address"]
        links, inside = [], []
        # Answers leave by mark, not by neighbour, as the net-helper sets it up.
        addresses = [
            "address add fe80::a9fe:a9fe/64 dev bench0",
            "address add fd00:ec2::254/128 dev bench0",
            "rule add fwmark 0x80000000/0x80000000 lookup 100",
            "route add default via fe80::dead dev bench0 onlink table 100",
            "neigh add fe80::dead lladdr 02:00:00:00:00:99 dev bench0 nud permanent",
        ]
        for i in range(self.made):
            links.append(f"link add v{i} type veth peer name g{i} address {self.mac(i)} netns {self.guests.pid}")
            links.append(f"link set v{i} master bench0 up")
            addresses.append(f"neigh add {self.link_local(i)} lladdr {self.mac(i)} dev bench0 nud permanent")
            inside.append(f"link set g{i} up")
            inside.append(f"neigh replace fe80::a9fe:a9fe lladdr {mac} dev g{i} nud permanent")
        run("ip", "-batch", "-", text="\n".join(links) + "\n")
        run("ip", "-6", "-batch", "-", text="\n".join(addresses) + "\n")
        self._inside("ip", "-6", "-batch", "-", text="\n".join(inside) + "\n")
        for i in range(self.made):
            run("bridge", "link", "set", "dev", f"v{i}", "learning", "off")
            run("bridge", "fdb", "replace", self.mac(i), "dev", f"v{i}", "master", "static")
        rules = run(ours, "rules", "--vms", vms, "--pairs", self.made, "--bridge", "bench0", "--bridge-mac", mac)
        run("nft", "-f", "-", text=rules)
        self._await_addresses()

    def _await_addresses(self):
        # They need no duplicate address detection, but a carrier, which comes a moment after the link is up.
        for _ in range(500):
            shown = self._inside("ip", "-6", "-o", "address", "show", "scope", "link", "-tentative")
            if len(shown.splitlines()) == self.made:
                return
            time.sleep(0.01)
        raise SystemExit("bench: the guests' interfaces got no addresses")

    def load(self, port, arguments, core):
        target = ["--address", "fe80::a9fe:a9fe", "--port", port, "--devices", "g", self.made]
        return load([*target, *arguments], core, ["nsenter", "-t", str(self.guests.pid), "-n"])

    @staticmethod
    def mac(i):
        return f"42:00:00:00:{(i + 1) >> 8:02x}:{(i + 1) & 255:02x}"

    @staticmethod
    def link_local(i):
        return f"fe80::4000:ff:fe00:{i + 1:x}"

    def take_down(self):
        run("nft", "flush", "ruleset")
        run("ip", "link", "delete", "bench0")
        for i in range(self.made):
            run("ip", "link", "delete", f"v{i}")
        run("ip", "-6", "rule", "delete", "fwmark", "0x80000000/0x80000000")
        self.made = 0

    def end(self):
        self.guests.kill()
        self.guests.wait()


def loading(arguments, core, prefix=()):
    pin = ["taskset", "-c", str(core)] if core is not None else []
    return [str(argument) for argument in (*prefix, *pin, tools / "load", *arguments)]


def load(arguments, core, prefix=()):
    """What one run of the load generator measured."""
    return json.loads(run(*loading(arguments, core, prefix)))
