"""metadata-*: the latency of a guest's request and what it costs the server, by loopback and by bridge, beside C and nginx."""
import compare
import judge
import servers

modes = {
    # 1,000 kept connections, 16 requests in flight at a time
    "keep-alive": ["--requests", 20000, "--warm-up", 2000, "--connections", 1000, "--inflight", 16],
    "fresh": ["--requests", 5000, "--warm-up", 500, "--inflight", 16, "--fresh"],
}
# The best that the facts promise: C with libuv is what the kernel allows, nginx does more for each request.
goals = {"c": 1.1, "nginx": 1.0}
figures = {"p50": "us", "p99": "us", "p99.9": "us", "cpu": "us/request"}


def names():
    return [f"metadata-{mode}-{vms}-{path}" for path in ("loopback", "bridge") for vms in (10, 10000) for mode in modes]


def measure(path, server, arguments, load_core):
    """One load: quantiles of the latency, and the server's processor time a request."""
    before = server.cpu()
    result = path.load(server.port, arguments, load_core)
    requests = sum(arguments[arguments.index(name) + 1] for name in ("--requests", "--warm-up"))
    result["cpu"] = (server.cpu() - before) / requests * 1e6
    return result


def rows_of(name, samples):
    return [
        judge.ratio_row(
            name, figure, unit, peer, goal, samples["ours"][figure], samples[peer][figure],
            samples[peer + " again"][figure])
        for peer, goal in goals.items() for figure, unit in figures.items()
    ]


def rows(path, vms, bench):
    """The rows of one path and number of VMs that are picked."""
    wanted = [mode for mode in modes if bench.picked(f"metadata-{mode}-{vms}-{path.name}")]
    if not wanted:
        return []
    found, running = [], {}
    path.set_up(vms)
    try:
        if not path.exclusive:
            for kind in ("ours", "c", "nginx"):
                running[kind] = servers.start(kind, bench.ports[kind], vms, bench.server_core, bench.work)

        def one(kind, arguments):
            if not path.exclusive:
                return measure(path, running[kind], arguments, bench.load_core)
            server = servers.start(kind, 80, vms, bench.server_core, bench.work)
            try:
                return measure(path, server, arguments, bench.load_core)
            finally:
                server.stop()

        for mode in wanted:
            name = f"metadata-{mode}-{vms}-{path.name}"
            takes = ["ours", "c", "nginx", "c again", "nginx again"]
            found += compare.rounds(
                name, takes, lambda kind: one(kind, modes[mode]), lambda samples: rows_of(name, samples), bench.say)
    finally:
        for server in running.values():
            server.stop()
        path.take_down()
    return found
