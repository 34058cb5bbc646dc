"""A client that asks without end over one connection and waits for no answer before it asks again: `greedy.py PORT`."""
import select
import socket
import sys

requests = b"GET /ssh-keys HTTP/1.1\r\nHost: metadata\r\n\r\n" * 1000
answers = bytearray(1 << 20)
connection = socket.create_connection(("::1", int(sys.argv[1])))
connection.setblocking(False)
rest = memoryview(requests)
while True:
    readable, writable, _ = select.select([connection], [connection], [])
    if readable and connection.recv_into(answers) == 0:
        raise SystemExit("greedy: the server hung up")
    if writable:
        try:
            rest = rest[connection.send(rest):]
        except BlockingIOError:
            continue
        if not rest:
            rest = memoryview(requests)
