/// What guests do in these tests, in Python: the standard library has raw sockets, and every test machine has it.
enum GuestScript {
    static let text = #"""
        import os, socket, struct, sys, time

        def addresses(scope):
            found = []
            for line in open('/proc/thread-self/net/if_inet6'):
                text, _, _, kind, flags, device = line.split()
                if device == 'eth0' and kind == scope and not int(flags, 16) & 0x40:
                    found.append(socket.inet_ntop(socket.AF_INET6, bytes.fromhex(text)))
            return found

        def wait_for_address(scope):
            watch = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
            watch.bind((0, 0x100))
            while not addresses(scope):
                watch.recv(65536)
            return addresses(scope)

        def get(host):
            family, kind, _, _, address = socket.getaddrinfo(host, 80, type=socket.SOCK_STREAM)[0]
            s = socket.socket(family, kind)
            s.settimeout(15)
            s.connect(address)
            s.sendall(b'GET /ssh-keys HTTP/1.0\r\nHost: metadata\r\n\r\n')
            data = b''
            while True:
                part = s.recv(65536)
                if not part: break
                data += part
            return data.split(b'\r\n\r\n', 1)[1].decode()

        def dns(name, kind, server):
            query = struct.pack('>HHHHHH', 7, 0x100, 1, 0, 0, 0)
            query += b''.join(bytes([len(l)]) + l.encode() for l in name.split('.')) + b'\0' + struct.pack('>HH', kind, 1)
            s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            s.settimeout(2)
            for _ in range(5):
                s.sendto(query, (server, 53))
                try: answer = s.recv(4096)
                except socket.timeout: continue
                count = struct.unpack('>H', answer[6:8])[0]
                text = socket.inet_ntop(socket.AF_INET6, answer[-16:]) if count and kind == 28 else ''
                return 'rcode=%d answers=%d %s' % (answer[3] & 15, count, text)
            return 'no answer'

        def advertisement():
            s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
            s.setsockopt(socket.IPPROTO_ICMPV6, 1, struct.pack('8I', *([0xffffffff] * 4 + [0xffffffbf] + [0xffffffff] * 3)))
            s.settimeout(3)
            index = socket.if_nametoindex('eth0')
            for _ in range(5):
                s.sendto(struct.pack('>BBHI', 133, 0, 0, 0), ('ff02::2', 0, 0, index))
                try: data, sender = s.recvfrom(2000)
                except socket.timeout: continue
                if data[0] != 134: continue
                facts, at = ['router=' + sender[0].split('%')[0]], 16
                while at < len(data):
                    kind, length = data[at], data[at + 1] * 8
                    body = data[at:at + length]
                    if kind == 3: facts.append('prefix=%s/%d' % (socket.inet_ntop(socket.AF_INET6, body[16:32]), body[2]))
                    if kind == 25: facts.append('rdnss=' + socket.inet_ntop(socket.AF_INET6, body[8:24]))
                    if kind == 31:
                        labels, p = [], 8
                        while body[p]: labels.append(body[p + 1:p + 1 + body[p]].decode()); p += 1 + body[p]
                        facts.append('dnssl=' + '.'.join(labels))
                    if kind == 5: facts.append('mtu=%d' % struct.unpack('>I', body[4:8]))
                    at += length
                return ' '.join(facts)
            return 'no advertisement'

        def checksum(source, target, protocol, body):
            data = source + target + struct.pack('>II', len(body), protocol) + body
            if len(data) % 2: data += b'\0'
            total = sum(struct.unpack('>%dH' % (len(data) // 2), data))
            while total >> 16: total = (total & 0xffff) + (total >> 16)
            return ~total & 0xffff

        def ipv6(mac_to, mac_from, source, target, body):
            body = body[:2] + struct.pack('>H', checksum(source, target, 58, body)) + body[4:]
            head = struct.pack('>IHBB', 0x60000000, len(body), 58, 255)
            return mac_to + mac_from + b'\x86\xdd' + head + source + target + body

        def address(text): return socket.inet_pton(socket.AF_INET6, text)
        def mac(text): return bytes.fromhex(text.replace(':', ''))

        def solicit(source, target, own):
            group = address('ff02::1:ff00:0')[:13] + target[13:]
            body = struct.pack('>BBHI', 135, 0, 0, 0) + target + b'\x01\x01' + own
            return ipv6(b'\x33\x33\xff' + target[13:], own, source, group, body)

        def raw():
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x86dd))
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            s.bind(('eth0', 0))
            return s

        # Each of COUNT addresses asks for the target's hardware address and then sends it an echo request; prints how many
        # of them got an echo reply.
        def crowd(first, count, target, own, bridge):
            s, own, target = raw(), mac(own), address(target)
            base = int.from_bytes(address(first), 'big')
            answered, n = set(), 0
            s.settimeout(0.5)
            for round in range(4):
                for i in range(count):
                    if i in answered: continue
                    source = (base + i).to_bytes(16, 'big')
                    s.send(solicit(source, target, own))
                    s.send(ipv6(mac(bridge), own, source, target, struct.pack('>BBHHH', 128, 0, 0, 7, i)))
                    n += 1
                    if n % 32: continue
                    drain(s, answered, target, base, 0)
                drain(s, answered, target, base, 0.5)
                if len(answered) == count: break
            return str(len(answered))

        def drain(s, answered, target, base, wait):
            s.settimeout(wait) if wait else s.setblocking(False)
            try:
                while True:
                    frame = s.recv(2000)
                    if frame[12:14] == b'\x86\xdd' and frame[20] == 58 and frame[54] == 129 and frame[22:38] == target:
                        answered.add(int.from_bytes(frame[38:54], 'big') - base)
            except (BlockingIOError, socket.timeout): pass

        # COUNT solicitations, each from another forged source.
        def forge(count, target, own):
            s, own, target = raw(), mac(own), address(target)
            frame = bytearray(solicit(address('fe80::6666:0:0:0'), target, own))
            before = checksum(bytes(frame[22:38]), bytes(frame[38:54]), 58, bytes(frame[54:56]) + b'\0\0' + bytes(frame[58:]))
            for i in range(count):
                struct.pack_into('>I', frame, 34, i)
                total = (~before & 0xffff) + (i >> 16) + (i & 0xffff)
                while total >> 16: total = (total & 0xffff) + (total >> 16)
                struct.pack_into('>H', frame, 56, ~total & 0xffff)
                s.send(frame)
            return 'sent'

        everyone, foreign = mac('33:33:00:00:00:01'), mac('02:66:66:66:66:66')

        # An echo request to all nodes: NUMBER 98 is forged, 99 is honest and the last.
        def shout(s, own, source, number, text=b''):
            s.send(ipv6(everyone, own, source, address('ff02::1'), struct.pack('>BBHHH', 128, 0, 0, number, 0) + text))

        # COUNT forged frames, one a millisecond, each with its time; then an honest one.
        def spray(count, own):
            s, source = raw(), address(addresses('20')[0])
            for i in range(count):
                due = time.monotonic() + 0.001
                shout(s, foreign, address('fe80::6666'), 98, struct.pack('>Q', time.monotonic_ns()))
                while time.monotonic() < due: pass
            shout(s, mac(own), source, 99)
            return 'sent'

        # The times of the forged frames that came, until the honest one. Tells that it listens by a forged one of its own.
        def watch():
            s, times = raw(), []
            s.settimeout(40)
            shout(s, foreign, address('fe80::6667'), 98, struct.pack('>Q', 0))
            while True:
                frame = s.recv(2000)
                if frame[12:14] != b'\x86\xdd' or frame[20] != 58 or frame[54] != 128: continue
                number = struct.unpack('>H', frame[58:60])[0]
                if number == 99: return ' '.join(times)
                if number == 98 and frame[6:12] == foreign and frame[22:38] != address('fe80::6667'):
                    times.append(str(struct.unpack('>Q', frame[62:70])[0]))

        commands = {
            'spray': lambda count, own: spray(int(count), own),
            'watch': watch,
            'address': lambda scope: ' '.join(wait_for_address(scope)),
            'get': get,
            'dns': lambda name, kind, server: dns(name, int(kind), server),
            'ra': advertisement,
            'crowd': lambda first, count, target, own, bridge: crowd(first, int(count), target, own, bridge),
            'forge': lambda count, target, own: forge(int(count), target, own),
        }
        print(commands[sys.argv[1]](*sys.argv[2:]))
        """#

    /// Connects to a unix socket as whoever runs it, and hands the connection to the socket that is its descriptor 3.
    static let connect = #"""
        import socket, sys
        ours = socket.socket(fileno=3)
        theirs = socket.socket(socket.AF_UNIX)
        theirs.connect(sys.argv[1])
        socket.send_fds(ours, [b'x'], [theirs.fileno()])
        """#
}
