"""runtime-*: what the runtime's primitives cost. Instructions by callgrind, which no busy machine changes; time between loops."""
import json
import re
import subprocess

import compare
import judge
from servers import built, tools

goals = {"channel": 600, "timer": 300, "spawn": 2500, "actor": 500}
# What `make count` holds, too.
all_counted = [*goals, "hand-over"]


def names():
    return [*(f"runtime-{what}" for what in goals), "runtime-stream", "runtime-ping-pong"]


def instructions(what, work):
    """Of each, as the difference of two runs."""
    binary, file = work / "runtime-bench", work / "callgrind"
    if not binary.exists():  # valgrind 3.19 gives up on Swift's debug information
        subprocess.run(["strip", "--strip-debug", "-o", binary, built / "runtime-bench"], check=True)
    totals = []
    for count in (2000, 12000):
        command = ["valgrind", "--tool=callgrind", "--quiet", f"--callgrind-out-file={file}", binary, what, str(count)]
        subprocess.run(command, check=True, capture_output=True, timeout=300)
        totals.append(int(re.search(r"^(?:summary|totals): (\d+)", file.read_text(), re.M).group(1)))
    return (totals[1] - totals[0]) / 10000


def timed(*command):
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout)


def stream(bench):
    count = 200000
    took = [timed(built / "runtime-bench", "stream", str(count))["cpu"] / count * 1e6 for _ in range(9)]
    return judge.plain_row("runtime-stream", "cpu", "us/item", 1, took)


def ping_pong(bench):
    commands = {"ours": [built / "runtime-bench", "ping-pong", "20000"], "c": [tools / "pingpong", "20000"]}

    def rows_of(samples):
        return [
            judge.ratio_row(
                "runtime-ping-pong", figure, "s", "c", 1.3, samples["ours"][figure], samples["c"][figure],
                samples["c again"][figure])
            for figure in ("seconds", "cpu")
        ]

    return compare.rounds(
        "runtime-ping-pong", ["ours", "c", "c again"], lambda kind: timed(*commands[kind]), rows_of, bench.say, least=9)


def rows(bench):
    found = [
        judge.counted_row(f"runtime-{what}", "instructions", "each", goal, instructions(what, bench.work))
        for what, goal in goals.items() if bench.picked(f"runtime-{what}")
    ]
    if bench.picked("runtime-stream"):
        found.append(stream(bench))
    if bench.picked("runtime-ping-pong"):
        found += ping_pong(bench)
    return found
