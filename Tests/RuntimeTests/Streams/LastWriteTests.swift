import CLinux
import Glibc
import Runtime
import TestSupport
import Testing

@Suite("the last write of a stream")
struct LastWriteTests {
    /// A TCP stream on the loop with its witness, and the far end, whose descriptor stays the test's.
    private func make(_ witness: Witness) async throws -> (StreamHandle, Connection, CInt) {
        let (listening, _) = try Sockets.listening()
        defer { cl_close(listening) }
        let near = try SystemError.check(cl_socket(AF_INET6, CInt(SOCK_STREAM.rawValue), 0), "socket")
        cl_nonblocking(near, 0)
        var native = cl_address()
        try SystemError.check(cl_getsockname(listening, &native), "getsockname")
        try SystemError.check(cl_connect(near, &native), "connect")
        let peer = Connection(adopting: near, on: TestLoops.other)
        cl_nonblocking(listening, 0)
        let descriptor = try SystemError.check(accept(listening, nil, nil), "accept")
        let stream = StreamHandle(adopting: descriptor, on: TestLoops.loop, kind: .tcp)
        TestLoops.loop.execute { stream.delegate = witness }
        return (stream, peer, near)
    }

    /// How many segments a socket has received: `tcpi_segs_in` (Linux, include/uapi/linux/tcp.h, `struct tcp_info`).
    private static func segmentsIn(_ descriptor: CInt) throws -> UInt32 {
        var info = [UInt8](repeating: 0, count: 232)
        var size = socklen_t(info.count)
        try SystemError.check(getsockopt(descriptor, CInt(IPPROTO_TCP), TCP_INFO, &info, &size), "TCP_INFO")
        return info.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 140, as: UInt32.self) }
    }

    private func everything(_ peer: Connection) async throws -> [UInt8] {
        var all: [UInt8] = []
        while let bytes = try await peer.read() { all += bytes }
        return all
    }

    private func segments(_ write: @escaping @Sendable (StreamHandle) -> Void) async throws -> UInt32 {
        let witness = Witness()
        let (stream, peer, descriptor) = try await make(witness)
        let before = try Self.segmentsIn(descriptor)
        TestLoops.loop.execute {
            write(stream)
            stream.close()
        }
        #expect(try await everything(peer) == [1, 2, 3])
        try await witness.closed.wait()
        return try Self.segmentsIn(descriptor) - before
    }

    @Test("bytes and end are one segment in the place of two")
    func oneSegment() async throws {
        try await bounded {
            let two = try await segments { $0.write([1, 2, 3]) }
            let one = try await segments { $0.writeLast([1, 2, 3].span) }
            #expect(two == 2 && one == 1)
        }
    }

    @Test("what the peer sent meanwhile and nobody read costs it nothing of the answer")
    func unread() async throws {
        try await bounded {
            let witness = Witness()
            let (stream, peer, _) = try await make(witness)
            try await peer.write([UInt8](repeating: 7, count: 100))
            TestLoops.loop.execute {
                stream.writeLast([1, 2, 3].span)
                stream.close()
            }
            try await witness.closed.wait()
            #expect(try await peer.read() == [1, 2, 3])
        }
    }

    @Test("what the kernel does not take at once follows, and then the end")
    func large() async throws {
        try await bounded {
            let witness = Witness()
            let (stream, peer, _) = try await make(witness)
            let bytes = [UInt8](repeating: 9, count: 16 << 20)
            let taken = Recorder<Bool>()
            TestLoops.loop.execute {
                taken.add(stream.writeLast(bytes.span))
                stream.closeWhenFlushed()
            }
            #expect(try await taken.wait(for: 1) == [false])
            #expect(try await everything(peer).count == bytes.count)
            try await witness.closed.wait()
        }
    }
}
