import CLinux
import Glibc
import Runtime
import TestSupport
import Testing

@Suite("the options of a TCP connection")
struct TCPOptionsTests {
    private static func option(_ descriptor: CInt, _ level: CInt, _ name: CInt) -> CInt {
        var (value, length) = (CInt(-1), socklen_t(MemoryLayout<CInt>.size))
        getsockopt(descriptor, level, name, &value, &length)
        return value
    }

    private static func isUndelayed(_ descriptor: CInt) -> Bool {
        option(descriptor, CInt(IPPROTO_TCP), TCP_NODELAY) != 0
    }

    /// The descriptor of this process that is bound to an address.
    private static func descriptor(bound address: SocketAddress) -> CInt? {
        (3..<4096).first { (try? SocketAddress.local(of: $0)) == address }
    }

    /// A connected pair: a client by one of the ways to connect, and what was accepted.
    private static func pair(
        _ connect: (SocketAddress) async throws -> Connection
    ) async throws -> (client: Connection, clientDescriptor: CInt, accepted: CInt) {
        let (listening, address) = try Sockets.listening()
        let listener = FDListener(adopting: listening, on: TestLoops.loop)
        defer { listener.close() }
        let client = try await connect(address)
        let accepted = try await listener.acceptDescriptor()
        let peer = try #require(try SocketAddress.peer(of: accepted))
        return (client, try #require(descriptor(bound: peer)), accepted)
    }

    @Test("let small pieces out at once, on both sides, unless told otherwise")
    func noDelay() async throws {
        try await bounded {
            let (client, own, accepted) = try await Self.pair {
                try await Connection.connect(to: $0, on: TestLoops.loop)
            }
            #expect(Self.isUndelayed(own))
            let server = Connection(adopting: accepted, on: TestLoops.other)
            #expect(Self.isUndelayed(accepted))
            try await client.setOptions(TCPOptions(noDelay: false))
            #expect(!Self.isUndelayed(own))
            server.close()

            let patient = TCPOptions(noDelay: false)
            let (named, ownNamed, acceptedNamed) = try await Self.pair {
                try await Connection.connect(toHost: "::1", port: $0.port ?? 0, on: TestLoops.loop, options: patient)
            }
            #expect(!Self.isUndelayed(ownNamed))
            cl_close(acceptedNamed)
            withExtendedLifetime((client, named)) {}
        }
    }

    @Test("have a quiet peer probed as they say")
    func keepAlive() async throws {
        try await bounded {
            let probing = TCPOptions(keepAlive: .init(idle: .seconds(20), interval: .seconds(5), probes: 4))
            let (client, own, accepted) = try await Self.pair {
                try await Connection.connect(to: $0, on: TestLoops.loop, options: probing)
            }
            #expect(Self.option(own, SOL_SOCKET, SO_KEEPALIVE) == 1)
            let times = [TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT].map { Self.option(own, CInt(IPPROTO_TCP), $0) }
            #expect(times == [20, 5, 4])
            await #expect(throws: SystemError.self) {
                try await client.setOptions(TCPOptions(keepAlive: .init(idle: .seconds(1_000_000))))
            }
            client.close()
            await #expect(throws: UVError.self) { try await client.setOptions(TCPOptions()) }
            cl_close(accepted)
            let (near, far) = try Sockets.connected(on: TestLoops.loop, TestLoops.loop)
            try await near.setOptions(probing)
            far.close()
        }
    }
}
