import Runtime
import TLS
import TestSupport
import Testing

@Suite("connections")
struct TLSConnectionTests {
    @Test("what is written comes back, in both versions, and half a connection is still one")
    func echo() async throws {
        try await bounded {
            let server = try await EchoServer(try serverContext { $0.applicationProtocols = ["echo"] })
            let connection = try await connect(
                to: server.address, try clientContext { $0.applicationProtocols = ["echo"] })
            #expect(connection.info.version == .tls13 && connection.info.applicationProtocol == "echo")
            try await connection.write("hello, ")
            #expect(try await connection.read(exactly: 7) == Array("hello, ".utf8))
            try await connection.write("world")
            try await connection.shutdownWrite()
            #expect(try await connection.readToEnd() == "world")
            #expect(try await connection.read() == nil)
            let ends = try await server.ends.wait(for: 1)
            #expect(ends.count == 1 && ends[0] == nil)
        }
    }

    @Test("megabytes go both ways while the reader is slower than the writer")
    func large() async throws {
        // Not on a loop, which others use too.
        let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 13) }
        try await bounded {
            let server = try await EchoServer(try serverContext())
            let connection = try await connect(to: server.address, try clientContext())
            let writer = spawn(on: TestLoops.other, "writer") {
                try await connection.write(bytes)
                try await connection.shutdownWrite()
            }
            var received: [UInt8] = []
            while let more = try await connection.read(upTo: 1000 + received.count % 9000) { received += more }
            #expect(received == bytes)
            try await writer.value
        }
    }

    @Test("a reader that stops is felt by the writer: nothing grows without bound")
    func backPressure() async throws {
        try await bounded {
            let server = try await EchoServer(try serverContext())
            let connection = try await connect(to: server.address, try clientContext())
            // The echo can't get rid of these bytes while nobody reads here, so that it stops reading too.
            let written = Recorder<Int>()
            let writer = spawn(on: TestLoops.other, "writer") {
                for index in 0..<48 {
                    try await connection.write([UInt8](repeating: UInt8(index), count: 1 << 20))
                    written.add(index)
                }
                try await connection.shutdownWrite()
            }
            try await rest(of: written)
            #expect(written.values.count < 48)
            var count = 0
            var last: UInt8 = 0
            while let more = try await connection.read() {
                #expect(more.first.map { $0 >= last } == true)
                last = more.last ?? last
                count += more.count
            }
            #expect(count == 48 << 20)
            try await writer.value
        }
    }

    /// Waits until nothing is added for many turns of both loops: then whoever adds is waiting for something else.
    private func rest(of recorder: Recorder<Int>) async throws {
        var (seen, quiet) = (-1, 0)
        while quiet < 300 {
            for loop in [TestLoops.loop, TestLoops.other] { try await spawn(on: loop, "turn") {}.value }
            let now = recorder.values.count
            quiet = now == seen ? quiet + 1 : 0
            seen = now
        }
    }

    @Test("a cancelled read loses nothing, and a cancelled connect leaves nothing open")
    func cancellation() async throws {
        try await bounded {
            let server = try await EchoServer(try serverContext())
            let connection = try await connect(to: server.address, try clientContext())
            let reader = spawn(on: TestLoops.other, "reader") { try await connection.read() }
            reader.cancel()
            await #expect(throws: CancellationError.self) { try await reader.value }
            try await connection.write("after")
            #expect(try await connection.read(exactly: 5) == Array("after".utf8))

            // A listener that accepts nothing: the handshake never ends.
            let descriptor = try Listener.socket(on: .ipv4(host: "127.0.0.1", port: 0))
            let silent = FileDescriptor(owning: descriptor)
            let address = try #require(try SocketAddress.local(of: descriptor))
            let context = try clientContext()
            let name = try ServerName("localhost")
            let waiting = spawn(on: TestLoops.other, "connect") {
                try await TLSConnection.connect(to: address, name: name, on: TestLoops.other, with: context)
            }
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            let late = await #expect(throws: DeadlineError.self) {
                try await TLSConnection.connect(
                    to: address, name: name, on: TestLoops.other, with: context, timeout: .milliseconds(200))
            }
            #expect(late?.what.contains("handshake with localhost") == true)
            silent.close()
        }
    }

    @Test("an end without close_notify is an error on either side, whatever was read before")
    func truncated() async throws {
        try await bounded {
            let server = try await EchoServer(try serverContext())
            let relay = try await Relay(to: server.address)
            let connection = try await connect(to: relay.address, try clientContext())
            try await connection.write("before")
            #expect(try await connection.read(exactly: 6) == Array("before".utf8))
            relay.endBoth()
            let error = await #expect(throws: TLSError.self) { try await connection.read() }
            #expect(error?.code == .truncated)
            let ends = try await server.ends.wait(for: 1)
            #expect((ends[0] as? TLSError)?.code == .truncated)
        }
    }

    @Test("a changed byte on the way ends the connection on both sides, and each knows why")
    func changed() async throws {
        try await bounded {
            let server = try await EchoServer(try serverContext())
            let relay = try await Relay(to: server.address)
            let connection = try await connect(to: relay.address, try clientContext())
            try await connection.write("good")
            #expect(try await connection.read(exactly: 4) == Array("good".utf8))
            relay.spoil()
            try await connection.write("bad")
            let error = await #expect(throws: TLSError.self) { try await connection.read() }
            #expect(error?.code == .refusedByPeer && error?.alert == 20)
            let ends = try await server.ends.wait(for: 1)
            #expect((ends[0] as? TLSError)?.code == .brokenRecord)
        }
    }

    @Test("a close says goodbye, a reset does not")
    func ends() async throws {
        try await bounded {
            let server = try await EchoServer(try serverContext())
            let closing = try await connect(to: server.address, try clientContext())
            closing.close()
            _ = try await server.ends.wait(for: 1)
            #expect(server.ends.values[0] == nil)
            let resetting = try await connect(to: server.address, try clientContext())
            resetting.reset()
            let ends = try await server.ends.wait(for: 2)
            #expect((ends[1] as? UVError)?.isReset == true)
            await #expect(throws: UVError.self) { try await resetting.read() }
        }
    }

    @Test("a client certificate that is missing: the server says so, and the client reads it")
    func clientCertificate() async throws {
        try await bounded {
            let server = try await EchoServer(
                try serverContext { $0.clientCertificates = .required(Certificates.roots) })
            let connection = try await connect(to: server.address, try clientContext())
            let error = await #expect(throws: TLSError.self) { try await connection.read() }
            #expect(error?.code == .refusedByPeer && error?.alert == 116)
            #expect("\(try #require(error))".contains("requires a client certificate"))
            let ends = try await server.ends.wait(for: 1)
            #expect((ends[0] as? TLSError)?.code == .certificateMissing)
            let good = try await connect(to: server.address, try clientContext { $0.identity = Certificates.client })
            try await good.write("hi")
            #expect(try await good.read(exactly: 2) == Array("hi".utf8))
            #expect(server.agreed.values.last?.peerCertificates.first?.subject == "CN=alice")
        }
    }

    @Test("a server that is not who it should be is left, and the error names the certificate")
    func wrongServer() async throws {
        try await bounded {
            let server = try await EchoServer(try serverContext([Certificates.selfSigned]))
            let error = await #expect(throws: TLSError.self) {
                try await connect(to: server.address, try clientContext())
            }
            #expect(error?.code == .unknownIssuer && error?.certificate == Certificates.selfSigned.certificate)
            let ends = try await server.ends.wait(for: 1)
            #expect((ends[0] as? TLSError)?.alert == 48)
        }
    }

    @Test("what is written before the handshake has ended is sent after it")
    func heldWrites() async throws {
        try await bounded {
            let server = try await EchoServer(try serverContext())
            let engine = try TLSEngine(client: try clientContext(), serverName: try ServerName("localhost"))
            let filter = TLSStream(engine)
            let raw = try await Connection.connect(to: server.address, on: TestLoops.other, filter: filter)
            try await raw.write(Array("one".utf8))
            try await raw.write(Array("two".utf8))
            try await raw.shutdownWrite()
            var bytes: [UInt8] = []
            while let more = try await raw.read() { bytes += more }
            #expect(bytes == Array("onetwo".utf8))
            #expect(filter.info?.version == .tls13)
        }
    }

    @Test("a peer that has us answer and takes no answer is cut")
    func flood() async throws {
        try await bounded {
            let relay = try await Relay(to: nil)
            let peer = try Renegotiator(try await Connection.connect(to: relay.address, on: TestLoops.other))
            let filter = TLSStream(try TLSEngine(server: try serverContext()), maxUntaken: 16)
            let connection = Connection(
                adopting: try await relay.accepted().release(), on: TestLoops.loop, filter: filter)
            try await peer.shakeHands()
            #expect(try await filter.handshake().version == .tls12)
            // More than the kernel takes, so that the answer has to wait.
            let begun = Event()
            let writer = spawn(on: TestLoops.loop, "writer") {
                begun.happen()
                try await connection.write([UInt8](repeating: 0, count: 16 << 20))
            }
            try await begun.wait()
            // On its own loop a write is with the kernel, as far as that goes, before another task has a turn.
            try await spawn(on: TestLoops.loop, "turn") {}.value
            try await peer.renegotiate()
            await #expect(throws: UVError.self) { try await writer.value }
            #expect(filter.failure?.code == .flooded)
        }
    }

    @Test("certificates are renewed while a connection goes on")
    func reload() async throws {
        try await bounded {
            let server = try await EchoServer(try serverContext())
            let old = try await connect(to: server.address, try clientContext())
            try server.context.reload(
                TLSServerConfiguration(identities: [Certificates.selfSigned]), keepsTickets: false)
            try await old.write("old")
            #expect(try await old.read(exactly: 3) == Array("old".utf8))
            let trusting = try clientContext(TrustRoots([Certificates.selfSigned.certificate]))
            let new = try await connect(to: server.address, trusting)
            #expect(new.info.peerCertificates.first == Certificates.selfSigned.certificate)
        }
    }

    @Test("a handshake that is never finished is cut at its deadline")
    func slowHandshake() async throws {
        try await bounded {
            let pair = try await Relay(to: nil)
            let peer = try await Connection.connect(to: pair.address, on: TestLoops.other)
            let accepted = try await pair.accepted()
            let context = try serverContext()
            let accepting = spawn(on: TestLoops.loop, "accept") {
                try await TLSConnection.accept(
                    accepted.release(), on: TestLoops.loop, with: context, timeout: .milliseconds(200))
            }
            try await peer.write([0x16, 3, 1])
            await #expect(throws: DeadlineError.self) { try await accepting.value }
            // The peer sees an end, or a reset if its bytes had not been read yet, but not silence.
            while let bytes = try? await peer.read() { _ = bytes }
        }
    }
}
