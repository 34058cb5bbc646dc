"""Runs the benchmarks that ONLY picks, prints their table, puts their rows into results/latest.json. benchmarks/run starts it, as root
of a network namespace of its own."""
import datetime
import os
import pathlib
import platform
import resource
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import compare
import judge
import mending
import metadata
import paths
import primitives
import results
import server
import servers

only = [word for word in os.environ.get("ONLY", "").split(",") if word]


def picked(name):
    return not only or any(word in name for word in only)


class Bench:
    """What all benchmarks of a run share."""

    def __init__(self, work):
        self.work = work
        cores = sorted(os.sched_getaffinity(0))
        self.server_core, self.load_core = (cores[0], cores[1]) if len(cores) > 1 else (None, None)
        self.ports = {"ours": 8081, "c": 8082, "nginx": 8083}
        self.picked = picked

    @staticmethod
    def say(text):
        print(text, file=sys.stderr, flush=True)

    def note_head(self):
        """The C server answers with the very head that ours answers with."""
        loopback = paths.Loopback(self.ports)
        loopback.set_up(10)
        ours = servers.start("ours", self.ports["ours"], 10, None, self.work)
        answer = servers.read_answer(self.ports["ours"])
        ours.stop()
        loopback.take_down()
        if not answer or len(answer[1]) != servers.body_length:
            raise SystemExit("bench: metadata-bench does not answer with 400 bytes")
        (self.work / "head").write_bytes(answer[0])


def names():
    return [*metadata.names(), *server.names(), *primitives.names(), "rules-mending"]


def take(bench):
    """The rows of all that is picked."""
    rows = []
    if any(picked(name) for name in (*metadata.names(), *server.names())):
        bench.note_head()
    if any(picked(name) for name in metadata.names()):
        loopback, bridge = paths.Loopback(bench.ports), paths.Bridge()
        try:
            for path in (loopback, bridge):
                for vms in (10, 10000):
                    rows += metadata.rows(path, vms, bench)
        finally:
            bridge.end()
    rows += server.rows(bench)
    rows += primitives.rows(bench)
    if picked("rules-mending"):
        rows += mending.rows(bench.work, compare.most_rounds, bench.say)
    return rows


def main():
    if sys.argv[1:] == ["--needs-hummingbird"]:
        raise SystemExit(0 if server.needs_hummingbird(picked) else 1)
    # Thousands of connections, in what is started from here too.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if not any(picked(name) for name in names()):
        raise SystemExit(f"bench: ONLY={','.join(only)} picks nothing of: {' '.join(names())}")
    paths.run("ip", "link", "set", "lo", "up")
    for family in ("tcp_fwmark_accept", "fwmark_reflect"):
        paths.write(f"/proc/sys/net/ipv4/{family}", 1)
    with tempfile.TemporaryDirectory(prefix="uncloud-bench-") as folder:
        write_results(take(Bench(pathlib.Path(folder))))


def write_results(rows):
    print(judge.table(rows))
    taken = {
        "commit": os.environ["UNCLOUD_COMMIT"],
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "load": [round(number, 2) for number in os.getloadavg()],
    }
    results.merge(servers.root / "benchmarks/results/latest.json", [row | taken for row in rows])


main()
