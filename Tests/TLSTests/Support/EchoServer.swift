import Runtime
import TLS
import TestSupport
import Testing

/// A TLS server that sends back what it gets, and keeps what became of each connection.
final class EchoServer: Sendable {
    let address: SocketAddress
    let context: TLSServerContext
    /// What was agreed upon with each client.
    let agreed = Recorder<TLSSessionInfo>()
    /// How each connection ended; nil for an orderly end.
    let ends = Recorder<(any Error)?>()
    private let listener: Handle

    // SAFETY: the listener is used on the test's loop alone.
    private final class Handle: @unchecked Sendable {
        var listener: Listener?
    }

    init(_ context: TLSServerContext) async throws {
        self.context = context
        let (agreed, ends, handle) = (agreed, ends, Handle())
        listener = handle
        let descriptor = try Listener.socket(on: .ipv4(host: "127.0.0.1", port: 0))
        address = try #require(try SocketAddress.local(of: descriptor))
        let loop = TestLoops.loop
        try await spawn(on: loop, "listen") {
            try await Self.listen(descriptor, handle, isolation: loop.actor) { accepted in
                spawn(on: loop, "echo") {
                    do {
                        try await Self.serve(accepted, context, agreed)
                        ends.add(nil)
                    } catch {
                        ends.add(error)
                    }
                }
            }
        }.value
    }

    deinit {
        let handle = listener
        TestLoops.loop.run { handle.listener?.close() }
    }

    private static func listen(
        _ descriptor: CInt, _ handle: Handle, isolation: isolated LoopActor, _ onAccept: @escaping (CInt) -> Void
    ) async throws {
        handle.listener = try Listener(adopting: descriptor, on: isolation.loop, onAccept: onAccept)
    }

    private static func serve(
        _ descriptor: CInt, _ context: TLSServerContext, _ agreed: Recorder<TLSSessionInfo>
    ) async throws {
        let connection = try await TLSConnection.accept(
            descriptor, on: TestLoops.loop, with: context, timeout: .seconds(30).patient)
        agreed.add(connection.info)
        while let bytes = try await connection.read() { try await connection.write(bytes) }
        try await connection.shutdownWrite()
        connection.close()
    }
}

/// Connects on the other loop, with patience.
func connect(
    to address: SocketAddress, _ client: TLSClientContext, name: String = "localhost"
) async throws -> TLSConnection {
    try await TLSConnection.connect(
        to: address, name: try ServerName(name), on: TestLoops.other, with: client, timeout: .seconds(30).patient)
}

extension TLSConnection {
    /// Reads exactly so many bytes.
    func read(exactly count: Int) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            guard let more = try await read(upTo: count - bytes.count) else { break }
            bytes += more
        }
        return bytes
    }

    func write(_ text: String) async throws { try await write(Array(text.utf8)) }

    /// All until the peer's end, as text.
    func readToEnd() async throws -> String {
        var bytes: [UInt8] = []
        while let more = try await read() { bytes += more }
        return String(decoding: bytes, as: UTF8.self)
    }
}
