"""What one request costs the metadata server, in counts that no busy machine changes: allocations, system calls, futex
calls, executor jobs, jobs from other threads, user instructions (callgrind); and the instructions of the runtime's
primitives. Each is the difference of two runs of different length, divided by the difference of their requests.
benchmarks/count starts it in namespaces of its own.

    counts.py [--check]     with --check it fails where a count is over its limit in limits.json
"""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "runner"))

import paths
import primitives
import servers

port = 8081
vms = 1000
# One request at a time: what the server does for each is the same then. Short and long run of each kind.
modes = {"keep-alive": ["--connections", "64", "--inflight", "1"], "fresh": ["--inflight", "1", "--fresh"]}
environment = {**os.environ, "SWIFT_BACKTRACE": "enable=no", "SWIFT_DETERMINISTIC_HASHING": "1"}


def run(prefix, mode, requests, more=None):
    """Serves that many requests under `prefix`; what the server said at its end."""
    command = [*prefix, str(servers.tools / "metadata-bench"), "--port", str(port), "--vms", str(vms)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**environment, **(more or {})})
    try:
        line = process.stdout.readline().split()
        if not line or line[0] != "ready":
            raise SystemExit(f"counts: the server did not start: {' '.join(command)}")
        paths.load(["--address", "::1", "--port", port, "--requests", requests, *modes[mode]], None)
        os.kill(int(line[1]), signal.SIGTERM)
        rest, _ = process.communicate(timeout=60)
        return rest
    finally:
        process.kill()


def difference(measure, short, long):
    """The counts of each request between a short and a long run."""
    one, two = measure(short), measure(long)
    return {name: (two[name] - one.get(name, 0)) / (long - short) for name in two}


def allocations(mode, work):
    def measure(requests):
        file = work / "allocations"
        run([], mode, requests, {"LD_PRELOAD": str(servers.tools / "liballocations.so"), "ALLOCATIONS_FILE": str(file)})
        return {"allocations": int(file.read_text())}

    return difference(measure, 2000, 12000)


def jobs(mode, work):
    def measure(requests):
        return {name: int(value) for name, value in re.findall(r"(\S+)=(\d+)", run([], mode, requests))}

    counts = difference(measure, 2000, 12000)
    return {"jobs": counts["jobs"], "hops": counts["hops"]}


def system_calls(mode, work):
    def measure(requests):
        file = work / "strace"
        run(["strace", "-f", "-c", "-U", "name,calls", "-o", str(file)], mode, requests)
        calls = dict(re.findall(r"^(\w+)\s+(\d+)$", file.read_text(), re.M))
        calls.pop("total", None)
        return {name: int(number) for name, number in calls.items()}

    calls = difference(measure, 500, 2500)
    told = ", ".join(f"{name} {number:.2f}" for name, number in sorted(calls.items()) if number > 0.01)
    print(f"{mode}: system calls a request: {told}", file=sys.stderr)
    return {"system calls": sum(calls.values()), "futex": calls.get("futex", 0)}


def instructions(mode, work):
    def measure(requests):
        file = work / "callgrind"
        run(["valgrind", "--tool=callgrind", "--quiet", f"--callgrind-out-file={file}"], mode, requests)
        return {"instructions": int(re.search(r"^(?:summary|totals): (\d+)", file.read_text(), re.M).group(1))}

    return difference(measure, 500, 5500)


def count():
    paths.run("ip", "link", "set", "lo", "up")
    paths.write("/proc/sys/net/ipv4/tcp_fwmark_accept", 1)
    paths.Loopback({"ours": port}).set_up(vms)
    with tempfile.TemporaryDirectory(prefix="uncloud-counts-") as folder:
        work = pathlib.Path(folder)
        measures = (allocations, jobs, system_calls, instructions)
        counts = {mode: {k: v for measure in measures for k, v in measure(mode, work).items()} for mode in modes}
        for what in primitives.all_counted:
            counts[what] = {"instructions": primitives.instructions(what, work)}
        return counts


def main():
    limits = json.loads((here / "limits.json").read_text())
    wrong = 0
    for mode, counts in count().items():
        for name, number in counts.items():
            limit = limits[mode][name]
            # A few events of the whole run are not the requests': a timer's tick, a buffer that grew once; and sometimes two
            # requests are read in one turn, in one run more than in the other.
            is_over = number > limit + 0.1
            wrong += is_over
            print(f"{mode:12} {name:14} {number:10.2f}   at most {limit:6}   {'OVER' if is_over else 'ok'}")
    if wrong and "--check" in sys.argv:
        raise SystemExit(f"counts: {wrong} over the limits of benchmarks/counts/limits.json; no request may cost more")


main()
