import CLinux
import Glibc
import Runtime
import TestSupport
import Testing

@Suite("a listener")
struct ListenerTests {
    @Test("accepts all of many connections")
    func many() async throws {
        let (descriptor, address) = try Sockets.listening()
        let loop = TestLoops.loop
        let accepted = Recorder<CInt>()
        try await bounded {
            loop.execute { _ = try? Listener(adopting: descriptor, on: loop) { accepted.add($0) } }
            var peers: [Connection] = []
            for _ in 0..<100 { peers.append(try await Connection.connect(to: address, on: TestLoops.other)) }
            let descriptors = try await accepted.wait(for: 100)
            #expect(Set(descriptors).count == 100)
            for descriptor in descriptors { cl_close(descriptor) }
            for peer in peers { #expect(try await peer.read() == nil) }
        }
    }

    @Test(
        "pauses instead of spinning while there are no descriptors or no memory, and then goes on",
        arguments: [EMFILE, ENFILE, ENOBUFS, ENOMEM])
    func exhaustion(errno: CInt) async throws {
        let (descriptor, address) = try Sockets.listening()
        let loop = TestLoops.loop
        let (accepted, attempts) = (Recorder<CInt>(), Recorder<Bool>())
        let listener = Locked<Listener?>(nil)
        try await bounded {
            loop.execute {
                let made = try? Listener(
                    adopting: descriptor, on: loop,
                    accepting: { socket in
                        attempts.add(true)
                        return attempts.values.count <= 3 ? -errno : cl_accept4(socket)
                    }, onAccept: { accepted.add($0) })
                listener.withLock { $0 = made }
            }
            let peer = try await Connection.connect(to: address, on: TestLoops.other)
            cl_close(try await accepted.wait(for: 1)[0])
            #expect(try await peer.read() == nil)
            // Three refusals, each followed by a pause; a spinning one would have tried thousands of times.
            #expect(attempts.values.count < 10)
            #expect(listener.withLock { $0?.pauses } == 3)
        }
    }

    @Test("refuses connections once closed")
    func close() async throws {
        let (descriptor, address) = try Sockets.listening()
        let loop = TestLoops.loop
        try await bounded {
            let closed = Event()
            loop.execute {
                (try? Listener(adopting: descriptor, on: loop) { cl_close($0) })?.close()
                closed.happen()
            }
            try await closed.wait()
            let error = await #expect(throws: UVError.self) {
                // Tests beside this one start processes: each has a copy of the socket until it has become its program.
                while true { _ = try await Connection.connect(to: address, on: TestLoops.other) }
            }
            #expect(error?.isRefused == true)
        }
    }

    @Test("listens at unix paths longer than sockaddr_un, and shares a port where asked")
    func addresses() async throws {
        let directory = try TemporaryDirectory(String(repeating: "long", count: 40))
        let path = directory.file("socket")
        #expect(path.utf8.count > 107)
        let descriptor = try Listener.socket(on: .unix(path: path))
        try await bounded {
            let listener = FDListener(adopting: descriptor, on: TestLoops.loop)
            let peer = try await Connection.connect(to: .unix(path: path), on: TestLoops.other)
            let socket = try await listener.accept()
            try await socket.send([5])
            #expect(try await peer.read() == [5])
        }
        let first = try Listener.socket(on: .ipv4(host: "127.0.0.1", port: 0), reusePort: true)
        let address = try #require(try SocketAddress.local(of: first))
        let second = try Listener.socket(on: address, reusePort: true)
        cl_close(first)
        #expect(throws: SystemError.self) { try Listener.socket(on: address) }
        cl_close(second)
        #expect(throws: SystemError.self) { try Listener.socket(on: .ipv6(host: "no address", port: 1)) }
    }
}
