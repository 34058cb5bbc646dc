"""Opens many connections and forgets them: for the test of a server that is left alone with them.

  abandon.py PORT COUNT

Each connection is brought into one of six states, in turn: nothing sent, a part of the request line, a part of the fields, a
part of a body, a request answered, a request that waits. Prints "open" when all are; at the first line of standard input a
third of them is closed and a third reset, then it prints "left"; at the end of standard input it ends.
"""
import resource
import socket
import struct
import sys

port, count = int(sys.argv[1]), int(sys.argv[2])
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
states = [
    b"",
    b"GET /aaaaaaaaaaaaaaaa",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n0123456789",
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n",
]
peers = []
for index in range(count):
    peer = socket.create_connection(("127.0.0.1", port))
    peer.sendall(states[index % len(states)])
    peers.append(peer)
print("open", flush=True)
sys.stdin.readline()
for index, peer in enumerate(peers):
    if index % 7 % 3 == 0:
        peer.close()
    elif index % 7 % 3 == 1:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
print("left", flush=True)
sys.stdin.read()
