"""server-*: what a request costs the server with 10,000 VMs beside C, nginx and Hummingbird; and how it holds up: at a given
rate, while the directory changes, beside a greedy client, with more loops, with more VMs, with idle connections. All on
loopback."""
import contextlib
import pathlib
import re
import subprocess
import sys

import compare
import judge
import paths
import servers
from metadata import measure

vms = 10000
loads = {
    "server-keep-alive-64": ["--requests", 20000, "--warm-up", 2000, "--connections", 64, "--inflight", 16],
    "server-keep-alive-1000": ["--requests", 20000, "--warm-up", 2000, "--connections", 1000, "--inflight", 16],
    "server-fresh": ["--requests", 5000, "--warm-up", 500, "--inflight", 16, "--fresh"],
}
cpu_goals = {
    "server-keep-alive-64": {"c": 1.10, "nginx": 0.90, "hummingbird": 0.25},
    "server-keep-alive-1000": {"c": 1.10, "nginx": 0.90, "hummingbird": 0.25},
    "server-fresh": {"c": 1.06, "nginx": 1.00, "hummingbird": 0.40},
}
others = ("server-open-loop", "server-look-up", "server-changes", "server-fairness", "server-loops", "server-memory")
kept = loads["server-keep-alive-1000"]


def names():
    return [*loads, *others]


def needs_hummingbird(picked):
    return any(picked(name) for name in loads)


class Stage:
    """Servers by name on ports of their own, each core's share settled; down again at the end of `with`."""

    def __init__(self, bench, kinds):
        # name: (kind, VMs, further arguments)
        self.bench, self.kinds = bench, kinds
        self.path = paths.Loopback({name: 8100 + number for number, name in enumerate(kinds)})
        self.running = {}

    def __enter__(self):
        self.path.set_up({name: wanted for name, (_, wanted, _) in self.kinds.items()})
        for name, (kind, wanted, more) in self.kinds.items():
            core = None if "--loops" in more else self.bench.server_core
            self.running[name] = servers.start(kind, self.path.ports[name], wanted, core, self.bench.work, more)
        return self

    def __exit__(self, *_):
        for server in self.running.values():
            server.stop()
        self.path.take_down()

    def load(self, name, arguments):
        return measure(self.path, self.running[name], arguments, self.bench.load_core)

    def peak(self, name):
        """Requests a second, as fast as answers come."""
        result = self.load(name, kept)
        return result["requests"] / result["seconds"]


def ratio_rows(name, figure, unit, goals):
    def rows_of(samples):
        return [
            judge.ratio_row(
                name, figure, unit, peer, goal, samples["ours"][figure], samples[peer][figure],
                samples[peer + " again"][figure])
            for peer, goal in goals.items()
        ]

    return rows_of


def compared(bench, name, figure, unit, goals, one):
    takes = ["ours", *goals, *(f"{peer} again" for peer in goals)]
    return compare.rounds(name, takes, one, ratio_rows(name, figure, unit, goals), bench.say, least=9)


def cost(bench):
    wanted = [name for name in loads if bench.picked(name)]
    if not wanted:
        return []
    with Stage(bench, {kind: (kind, vms, ()) for kind in ("ours", "c", "nginx", "hummingbird")}) as stage:
        return [
            row for name in wanted
            for row in compared(
                bench, name, "cpu", "us/request", cpu_goals[name], lambda kind: stage.load(kind, loads[name]))
        ]


def at_rate(rate, seconds=1, connections=1000):
    return [
        "--requests", int(rate * seconds), "--warm-up", int(rate / 10), "--connections", connections, "--rate",
        int(rate)]


def open_loop(bench):
    """The slowest of a thousand answers at half of what the slower of both can do."""
    with Stage(bench, {kind: (kind, vms, ()) for kind in ("ours", "nginx")}) as stage:
        rate = min(stage.peak("ours"), stage.peak("nginx")) / 2
        return compared(
            bench, "server-open-loop", "p99.9", "us", {"nginx": 1.10}, lambda kind: stage.load(kind, at_rate(rate)))


def look_up(bench):
    with Stage(bench, {"ours": ("ours", vms, ()), "10 VMs": ("ours", 10, ())}) as stage:
        return compared(
            bench, "server-look-up", "cpu", "us/request", {"10 VMs": 1.10}, lambda kind: stage.load(kind, kept))


def loops(bench):
    """The cost of a request must not grow with the loops."""
    kinds = {"ours": ("ours", vms, ("--loops", "2")), "1 loop": ("ours", vms, ("--loops", "1"))}
    with Stage(bench, kinds) as stage:
        return compared(
            bench, "server-loops", "cpu", "us/request", {"1 loop": 1.08}, lambda kind: stage.load(kind, kept))


def changes(bench):
    """100 changes a second at 70 % of the peak: how long each takes, and what the requests notice of it."""
    kinds = {"ours": ("ours", vms, ("--changes", "100")), "no changes": ("ours", vms, ())}
    with Stage(bench, kinds) as stage:
        rate = stage.peak("no changes") * 0.7
        rows = compared(
            bench, "server-changes", "p99", "us", {"no changes": 1.2}, lambda kind: stage.load(kind, at_rate(rate)))
        said = stage.running["ours"].end()
    took = [float(text) / 1000 for text in re.findall(r"change-p99=([0-9.]+)", said)]
    return [*rows, judge.plain_row("server-changes", "change-p99", "ms", 2, took)]


@contextlib.contextmanager
def greedy(port, core):
    """A client that asks that server without end."""
    pin = ["taskset", "-c", str(core)] if core is not None else []
    client = subprocess.Popen([*pin, sys.executable, pathlib.Path(__file__).with_name("greedy.py"), str(port)])
    try:
        yield
        if client.poll() is not None:
            raise SystemExit("bench: the greedy client ended early")
    finally:
        client.kill()
        client.wait()


def fairness(bench):
    """What 999 connections notice of one that asks without end, beside what they notice of a process on the same core that
    does the very same work: another server, asked likewise."""
    with Stage(bench, {"ours": ("ours", vms, ()), "apart": ("ours", vms, ())}) as stage:
        rate = stage.peak("ours") * 0.3

        def one(take):
            with greedy(stage.path.ports[take], bench.load_core):
                return stage.load("ours", at_rate(rate, connections=999))

        return compared(bench, "server-fairness", "p99", "us", {"apart": 1.2}, one)


def memory(bench):
    """What an open connection that waits for a request takes of the server's own memory."""
    few, many = 1000, 9000
    taken = []
    for _ in range(9):
        # So many guests that none has more connections than it may.
        with Stage(bench, {"ours": ("ours", 100, ())}) as stage:
            server = stage.running["ours"]
            sizes = []
            for count in (few, many):
                arguments = ["--requests", count, "--connections", count, "--inflight", 16]
                with stage.path.holding(server.port, arguments, bench.load_core):
                    sizes.append(server.memory())
            taken.append((sizes[1] - sizes[0]) / (many - few))
    return [judge.plain_row("server-memory", "idle", "bytes/connection", 512, taken), held_memory(bench, few, many)]


def held_memory(bench, few, many):
    """The same of one whose request is held."""
    port, taken = 8099, []
    for _ in range(9):
        with Stage(bench, {"ours": ("ours", 100, ("--hold", str(port)))}) as stage:
            stage.path.mark(port, 100)
            server = stage.running["ours"]
            sizes = []
            for count in (few, many):
                with stage.path.waiting(port, count, server.port):
                    sizes.append(server.memory())
            taken.append((sizes[1] - sizes[0]) / (many - few))
    return judge.plain_row("server-memory", "held", "bytes/connection", 2560, taken)


def rows(bench):
    found = cost(bench)
    for name, function in zip(others, (open_loop, look_up, changes, fairness, loops, memory)):
        if bench.picked(name):
            found += function(bench)
    return found
