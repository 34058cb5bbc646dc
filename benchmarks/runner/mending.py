"""How long the VM networks' rules stay away after somebody flushed them: a whole node, flushed again and again."""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import judge
from servers import built

node = built / "uncloud-node"
goal = 50  # milliseconds


def rows(work, rounds, say):
    if not node.exists():
        say("rules-mending: no uncloud-node is built; left out")
        return []
    directory = work / "node"
    directory.mkdir()
    environment = {**os.environ, "UNCLOUD_DIRECTORY": str(directory)}
    arguments = [node, "run", "--directory", directory, "--namespace", "uncloud-bench"]
    with open(directory / "daemon.log", "wb") as log:
        daemon = subprocess.Popen(arguments, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment)
    try:
        call(environment, "status", patience=20)
        call(environment, "network", "create", "default", "--prefix", "fd5c:a11:0:2::/64")
        flusher = pathlib.Path(__file__).resolve().parent / "flush.py"
        said = call(environment, "net", "exec", "--", sys.executable, flusher, str(max(rounds, 6)), "0.5")
        times = [float(line) for line in said.split()]
        say(f"rules-mending: {len(times)} rounds")
        return [judge.plain_row("rules-mending", "time", "ms", goal, times)]
    finally:
        subprocess.run([node, "down", "--force", "--directory", directory], capture_output=True, timeout=60)
        if daemon.poll() is None:
            daemon.send_signal(signal.SIGKILL)
        daemon.wait()
        shutil.rmtree(directory, ignore_errors=True)


def call(environment, *arguments, patience=0):
    end = time.monotonic() + patience
    while True:
        done = subprocess.run([node, *arguments], env=environment, capture_output=True, text=True, timeout=60)
        if done.returncode == 0:
            return done.stdout
        if time.monotonic() > end:
            raise SystemExit(f"bench: {' '.join(arguments)}: {done.stderr.strip()}")
        time.sleep(0.05)
