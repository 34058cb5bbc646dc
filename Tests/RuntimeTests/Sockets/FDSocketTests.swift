import CLinux
import Glibc
import Runtime
import TestSupport
import Testing

@Suite("a socket with descriptors")
struct FDSocketTests {
    @Test("passes open descriptors, close-on-exec, which outlive the sender's")
    func passing() async throws {
        let (near, far) = try FDSocket.pair(on: TestLoops.loop)
        let directory = try TemporaryDirectory()
        try directory.write("content", to: "file")
        try await bounded {
            let files = try (0..<3).map { _ in
                FileDescriptor(
                    owning: try SystemError.check(open(directory.file("file"), O_RDONLY | O_CLOEXEC), "open"))
            }
            try await near.send(Array("three".utf8), descriptors: files.map(\.number))
            for file in files { file.close() }
            let message = try #require(try await far.receive())
            #expect(message.bytes == Array("three".utf8))
            #expect(message.descriptors.count == 3)
            for descriptor in message.descriptors {
                #expect(fcntl(descriptor.number, F_GETFD) & FD_CLOEXEC != 0)
                var bytes = [UInt8](repeating: 0, count: 100)
                lseek(descriptor.number, 0, SEEK_SET)
                let count = read(descriptor.number, &bytes, 100)
                #expect(bytes.prefix(max(count, 0)) == Array("content".utf8)[...])
            }
        }
    }

    @Test("never sends what was cancelled before the kernel took any of it")
    func cancelledSend() async throws {
        let (near, far) = try FDSocket.pair(on: TestLoops.loop)
        try await bounded(on: TestLoops.loop) {
            // So many that they fill the socket. Each is small enough for the kernel to take all of it or nothing.
            let sends = (0..<2000).map { _ in
                spawn(on: TestLoops.loop, "send") { try await near.send([UInt8](repeating: 1, count: 1000)) }
            }
            await Task.yield()
            for send in sends { send.cancel() }
            var sent = 0
            for send in sends { if case .success = await send.result { sent += 1 } }
            #expect(sent > 0 && sent < sends.count)
            let last = spawn(on: TestLoops.loop, "last") { try await near.send([2]) }
            var received: [UInt8] = []
            while received.last != 2, let message = try await far.receive() { received += message.bytes }
            #expect(received.count == sent * 1000 + 1)
            try await last.value
        }
    }

    @Test("passes a listening socket that goes on accepting elsewhere")
    func passingListener() async throws {
        let (near, far) = try FDSocket.pair(on: TestLoops.loop)
        let (descriptor, address) = try Sockets.listening()
        try await bounded {
            try await near.send([0], descriptors: [descriptor])
            cl_close(descriptor)
            let passed = try #require(try await far.receive()?.descriptors.first)
            let listener = FDListener(adopting: passed.release(), on: TestLoops.other)
            let peer = try await Connection.connect(to: address, on: TestLoops.loop)
            try await listener.accept().send([7])
            #expect(try await peer.read() == [7])
        }
    }

    @Test("knows who is at the other end")
    func credentials() async throws {
        let directory = try TemporaryDirectory()
        let listener = try FDListener(path: directory.file("socket"), on: TestLoops.loop)
        try await bounded {
            let near = try await FDSocket.connect(to: directory.file("socket"), on: TestLoops.other)
            let far = try await listener.accept()
            let us = PeerCredentials(pid: getpid(), uid: geteuid(), gid: getegid())
            #expect(near.peer == us && far.peer == us)
            let (descriptor, address) = try Sockets.listening()
            let tcp = try await Connection.connect(to: address, on: TestLoops.loop)
            #expect(tcp.peerCredentials() == nil)
            cl_close(descriptor)
        }
    }

    @Test("makes the sender wait when the receiver does not read, and keeps the order")
    func backPressure() async throws {
        let (near, far) = try FDSocket.pair(on: TestLoops.loop)
        try await bounded {
            let sender = spawn(on: TestLoops.other, "sender") {
                for number in 0..<50 {
                    try await near.send([UInt8](repeating: UInt8(number), count: 40_000), descriptors: [0])
                }
                near.close()
            }
            var received: [UInt8] = []
            var descriptors = 0
            while let message = try await far.receive() {
                received += message.bytes
                descriptors += message.descriptors.count
            }
            try await sender.value
            #expect(received == (0..<50).flatMap { [UInt8](repeating: UInt8($0), count: 40_000) })
            #expect(descriptors == 50)
        }
    }

    @Test("loses nothing when a receive is cancelled, and closes for all who wait")
    func cancellation() async throws {
        let (near, far) = try FDSocket.pair(on: TestLoops.loop)
        try await bounded {
            let started = Event()
            let receiver = spawn(on: TestLoops.other, "receiver") {
                started.happen()
                return try await far.receive()
            }
            try await started.wait()
            receiver.cancel()
            await #expect(throws: CancellationError.self) { _ = try await receiver.value }
            try await near.send([1])
            #expect(try await far.receive()?.bytes == [1])
            let waiting = spawn(on: TestLoops.loop, "waiting") { try await far.receive() }
            await Task.yield()
            far.close()
            await #expect(throws: UVError.self) { _ = try await waiting.value }
            // A child that another test is just starting may hold a copy of the far end for a moment, until its exec.
            await #expect(throws: SystemError.self) { while true { try await near.send([2]) } }
        }
    }
}

@Suite("a datagram socket")
struct UDPSocketTests {
    @Test("tells by which address, interface and hop limit a datagram came, and answers from there")
    func controlMessages() async throws {
        let server = try UDPSocket(on: .ipv6(host: "::", port: 0), loop: TestLoops.loop)
        let client = try UDPSocket(on: .ipv6(host: "::1", port: 0), loop: TestLoops.other)
        let port = try #require(server.address?.port)
        try await bounded {
            try await client.send([1, 2], to: .ipv6(host: "::1", port: port))
            let request = try await server.receive()
            #expect(request.bytes == [1, 2] && request.source == client.address)
            #expect(request.destination == [UInt8](repeating: 0, count: 15) + [1])
            #expect(request.interface == if_nametoindex("lo"))
            #expect(request.hopLimit == 64 && !request.isTruncated)
            try await server.send([3], to: request.source, answering: request)
            let answer = try await client.receive()
            #expect(answer.bytes == [3] && answer.source == .ipv6(host: "::1", port: port))
        }
    }

    @Test("tells the mark that a datagram carries")
    func marks() async throws {
        guard try Requirement.need("root", "nft") else { return }
        let namespace = try await bounded { try await TestNamespace.make() }
        try await bounded {
            try await namespace.succeed(
                "nft", "-f", "-",
                input: """
                    table inet t {
                        chain c {
                            type filter hook input priority 0
                            meta mark set 0x80000007
                        }
                    }
                    """)
            let descriptors = try await namespace.inside {
                try (0..<2).map { _ -> CInt in
                    let descriptor = try SystemError.check(cl_socket(AF_INET6, CInt(SOCK_DGRAM.rawValue), 0), "socket")
                    var address = cl_address()
                    cl_address_ipv6("::1", 0, 0, &address)
                    try SystemError.check(cl_bind(descriptor, &address), "bind")
                    return descriptor
                }
            }
            let sockets = descriptors.map { UDPSocket(adopting: $0, on: TestLoops.loop) }
            try await sockets[0].send([1], to: try #require(sockets[1].address))
            #expect(try await sockets[1].receive().mark == 0x8000_0007)
        }
    }
}

extension UDPSocketTests {
    @Test("sends no datagram whose task was cancelled while the kernel took none")
    func cancelledSend() async throws {
        guard try Requirement.need("root", "ip") else { return }
        let namespace = try await bounded { try await TestNamespace.make() }
        try await bounded(on: TestLoops.loop) {
            // Datagrams to a neighbour that nobody has seen wait in the kernel, until the socket's buffer is full.
            try await namespace.succeed("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1")
            for name in ["v0", "v1"] { try await namespace.succeed("ip", "link", "set", name, "up") }
            try await namespace.succeed("ip", "address", "add", "192.0.2.1/24", "dev", "v0")
            let descriptor = try await namespace.inside {
                try SystemError.check(cl_socket(AF_INET, CInt(SOCK_DGRAM.rawValue), 0), "socket")
            }
            var small: CInt = 1
            setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &small, socklen_t(MemoryLayout<CInt>.size))
            let socket = UDPSocket(adopting: descriptor, on: TestLoops.loop)
            let neighbour = SocketAddress.ipv4(host: "192.0.2.2", port: 9)
            let sends = (0..<16).map { _ in
                spawn(on: TestLoops.loop, "send") {
                    try await socket.send([UInt8](repeating: 0, count: 1000), to: neighbour)
                }
            }
            await Task.yield()
            var sent = 0
            for send in sends {
                send.cancel()
                if case .success = await send.result { sent += 1 }
            }
            #expect(sent > 0 && sent < sends.count)
            try await namespace.succeed(
                "ip", "neigh", "replace", "192.0.2.2", "lladdr", "02:00:00:00:00:02", "dev", "v0")
            try await socket.send([1], to: neighbour)
            let counters = try await namespace.succeed("cat", "/proc/net/snmp")
            let lines = counters.split(separator: "\n").filter { $0.hasPrefix("Udp:") }.map { $0.split(separator: " ") }
            let column = try #require(lines.first?.firstIndex(of: "OutDatagrams"))
            #expect(lines.last?[column] == "\(sent + 1)")
        }
    }
}

@Suite("a poll source")
struct PollSourceTests {
    @Test("tells when a descriptor is readable, to tasks and to a handler")
    func readable() async throws {
        let (reading, writing) = try Sockets.pair()
        defer { cl_close(writing) }
        let source = PollSource(reading, on: TestLoops.loop, closesDescriptor: true)
        try await bounded {
            let started = Event()
            let waiter = spawn(on: TestLoops.other, "waiter") {
                started.happen()
                try await source.readable()
            }
            try await started.wait()
            try SystemError.check(cl_send(writing, [1], 1), "send")
            try await waiter.value
            try await source.writable()
            let handled = Recorder<Int>()
            source.onReadable {
                var bytes = [UInt8](repeating: 0, count: 10)
                let count = cl_recv(reading, &bytes, 10)
                if count > 0 { handled.add(count) }
            }
            #expect(try await handled.wait(for: 1) == [1])
            try SystemError.check(cl_send(writing, [1, 2], 2), "send")
            #expect(try await handled.wait(for: 2) == [1, 2])
            source.onReadable(nil)
            let cancelled = spawn(on: TestLoops.loop, "cancelled") { try await source.readable() }
            cancelled.cancel()
            await #expect(throws: CancellationError.self) { try await cancelled.value }
            let waiting = spawn(on: TestLoops.loop, "waiting") { try await source.readable() }
            await Task.yield()
            source.close()
            await #expect(throws: UVError.self) { try await waiting.value }
        }
    }
}
