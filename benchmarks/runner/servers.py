"""The servers that are measured: ours, the C one, nginx, Hummingbird. Each is one process that answers as many bytes."""
import os
import pathlib
import signal
import socket
import subprocess
import time

root = pathlib.Path(__file__).resolve().parent.parent.parent
tools = root / "benchmarks/.build/release"
built = pathlib.Path(os.environ.get("UNCLOUD_BUILD") or root / ".build/release")
ours = built / "metadata-bench"
body_length = 400


class Server:
    """A running server; `cpu` is the processor time it has had so far, in seconds."""

    def __init__(self, name, arguments, port, core, work):
        self.name, self.port, self.work = name, port, work
        self.log = open(work / f"{name}.log", "ab")
        pin = ["taskset", "-c", str(core)] if core is not None else []
        self.process = subprocess.Popen([*pin, *arguments], stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        self._wait(work)

    def _wait(self, work):
        end = time.monotonic() + 20
        while time.monotonic() < end:
            if self.process.poll() is not None:
                text = (work / f"{self.name}.log").read_text(errors="replace")[-400:]
                raise SystemExit(f"bench: {self.name} ended at once: {text}")
            try:
                socket.create_connection(("::1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.01)
        self.stop()
        raise SystemExit(f"bench: {self.name} does not listen")

    def cpu(self):
        total = 0
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            with open(f"/proc/{self.process.pid}/task/{task}/schedstat") as file:
                total += int(file.read().split()[0])
        return total / 1e9

    def memory(self):
        """Bytes of memory that is its own, not the kernel's for it and not shared."""
        with open(f"/proc/{self.process.pid}/smaps_rollup") as file:
            return sum(int(line.split()[1]) for line in file if line.startswith("Private_Dirty:")) * 1024

    def end(self):
        """Has it end by itself, and gives what it said."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=20)
        return (self.work / f"{self.name}.log").read_text(errors="replace")

    def stop(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.log.close()


def read_answer(port):
    """One answer of the server on that port of this machine, its head apart from its body; None if it hangs up."""
    with socket.create_connection(("::1", port), timeout=5) as connection:
        connection.sendall(b"GET /ssh-keys HTTP/1.1\r\nHost: metadata\r\n\r\n")
        answer = b""
        while b"\r\n\r\n" not in answer or len(answer) < answer.index(b"\r\n\r\n") + 4 + body_length:
            piece = connection.recv(65536)
            if not piece:
                return None
            answer += piece
    end = answer.index(b"\r\n\r\n") + 4
    return answer[:end], answer[end:]


def nginx_configuration(port, work):
    (work / "nginx").mkdir(exist_ok=True)
    body = "ssh-ed25519 nginx ".ljust(body_length, "A")
    file = work / f"nginx-{port}.conf"
    file.write_text(
        f"""daemon off; master_process off; worker_processes 1; error_log stderr crit; pid {work}/nginx/{port}.pid;
events {{ worker_connections 8192; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; server_tokens off; default_type text/plain;
  client_body_temp_path {work}/nginx/body; proxy_temp_path {work}/nginx/proxy; fastcgi_temp_path {work}/nginx/fastcgi;
  uwsgi_temp_path {work}/nginx/uwsgi; scgi_temp_path {work}/nginx/scgi;
  server {{ listen [::]:{port} reuseport backlog=4096; location = /ssh-keys {{ return 200 "{body}"; }} }}
}}
"""
    )
    return file


def start(kind, port, vms, core, work, more=()):
    if kind == "ours":
        arguments = [ours, "--port", port, "--vms", vms, *more]
    elif kind == "c":
        arguments = [tools / "c-server", "--port", port, "--vms", vms, "--head", work / "head"]
    elif kind == "hummingbird":
        arguments = [os.environ["UNCLOUD_HUMMINGBIRD"], port, body_length]
    else:
        arguments = [os.environ["UNCLOUD_NGINX"], "-p", work / "nginx", "-c", nginx_configuration(port, work)]
    return Server(f"{kind}-{port}", [str(argument) for argument in arguments], port, core, work)
