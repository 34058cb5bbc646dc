import Glibc
import HTTP
import Runtime
import TestSupport
import Testing

/// A handler made of a closure.
struct TestHandler: RequestHandler {
    let body: @Sendable (borrowing RequestView, ConnectionContext) -> Answer

    init(_ body: @escaping @Sendable (borrowing RequestView, ConnectionContext) -> Answer) { self.body = body }

    func handle(
        _ request: borrowing RequestView, from context: ConnectionContext, isolation: isolated LoopActor
    ) -> Answer { body(request, context) }
}

/// Nothing in these tests takes longer, but for a bug.
let guardTime = Duration.seconds(60).patient

/// Runs the body, on no loop, and fails if it doesn't come to its end.
func guarded(_ body: @escaping @Sendable () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Bool.self) { group in
        group.addTask {
            try await body()
            return true
        }
        group.addTask {
            try await TestLoops.other.sleep(for: guardTime)
            return false
        }
        let ended = try await group.next()
        #expect(ended == true, "the test hangs")
        group.cancelAll()
    }
}

/// Loops for tests whose own slowness would change what they see: nothing else runs on them.
let quietLoops: [EventLoop] = {
    do {
        return try EventLoopGroup(loops: 2, label: "quiet").loops
    } catch {
        fatalError("no event loops: \(error)")
    }
}()

/// Runs a server on a loopback port for the length of the body; every connection must be gone at the end.
func withServer(
    isQuiet: Bool = false,
    _ configure: (inout ServerConfiguration) -> Void = { _ in },
    handler: @escaping @Sendable (borrowing RequestView, ConnectionContext) -> Answer,
    _ body: @escaping @Sendable (Server, SocketAddress) async throws -> Void
) async throws {
    var configuration = ServerConfiguration()
    configuration.sendsDate = false
    // All tests share two loops, and a sanitizer makes them many times slower: only a test that sets a time-out is about one.
    for timeout in [\ServerConfiguration.headTimeout, \.bodyTimeout, \.idleTimeout, \.writeTimeout, \.halfCloseGrace] {
        configuration[keyPath: timeout] = configuration[keyPath: timeout].patient
    }
    configure(&configuration)
    let server = Server(
        loop: isQuiet ? quietLoops[0] : TestLoops.loop, configuration: configuration, handler: TestHandler(handler))
    let address = try await server.listen(on: .ipv4(host: "127.0.0.1", port: 0))
    do {
        if isQuiet {
            try await withDeadline(guardTime, on: quietLoops[1], "the test") { try await body(server, address) }
        } else {
            try await guarded { try await body(server, address) }
        }
    } catch {
        await server.stop(within: .zero)
        throw error
    }
    await server.stop(within: .zero)
    #expect(await server.counters.connections == 0)
}

/// A peer that speaks raw bytes.
final class Peer: Sendable {
    let connection: Connection
    private let received = Locked<[UInt8]>([])

    init(_ address: SocketAddress, on loop: EventLoop = TestLoops.other) async throws {
        connection = try await Connection.connect(to: address, on: loop, timeout: .seconds(5).patient)
    }

    func send(_ text: String) async throws { try await connection.write(Array(text.utf8)) }

    /// Reads until what was received, and not yet taken, satisfies the predicate; takes all of it.
    func receive(_ enough: (String) -> Bool) async throws -> String {
        try await receive(untilBytes: { enough(String(decoding: $0, as: UTF8.self)) })
    }

    /// Reads until the text has come.
    func receive(_ text: String) async throws -> String {
        let end = Array(text.utf8)
        return try await receive(untilBytes: { $0.suffix(end.count).elementsEqual(end) })
    }

    private func receive(untilBytes enough: ([UInt8]) -> Bool) async throws -> String {
        while true {
            let taken: [UInt8]? = received.withLock { bytes in
                guard enough(bytes) else { return nil }
                defer { bytes = [] }
                return bytes
            }
            if let taken { return String(decoding: taken, as: UTF8.self) }
            guard let bytes = try await connection.read() else {
                let rest = received.withLock { String(decoding: $0, as: UTF8.self) }
                Issue.record("the connection ended after \(rest.debugDescription)")
                throw CancellationError()
            }
            received.withLock { $0 += bytes }
        }
    }

    /// All until the server closes.
    func receiveToEnd() async throws -> String {
        var bytes = received.withLock { bytes in
            defer { bytes = [] }
            return bytes
        }
        while let more = try await connection.read() { bytes += more }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// How many bytes come until the server closes, and the last few of them.
    func countToEnd() async throws -> (count: Int, last: String) {
        var count = 0
        var last: [UInt8] = []
        while let bytes = try await connection.read() {
            count += bytes.count
            last = (last + bytes.suffix(16)).suffix(16)
        }
        return (count, String(decoding: last, as: UTF8.self))
    }

    /// Sends and reads until the server closes.
    func exchange(_ text: String) async throws -> String {
        try await send(text)
        return try await receiveToEnd()
    }
}

/// Something that happens once, and who waits for it.
final class Gate: Sendable {
    private let channel = AsyncChannel<Int>(capacity: 1)

    func open() { channel.finish() }

    /// Waits until it's open. Throws when the waiting task is cancelled.
    func pass() async throws { _ = try await channel.receive() }
}

let hello = PreparedResponse(status: 200, text: "hello")
let helloBytes = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\n\r\nhello"
let helloClosing =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"

func get(_ path: String, _ fields: String = "") -> String { "GET \(path) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n" }
func post(_ fields: String, _ body: String) -> String { "POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n\(body)" }

/// Sends on a fresh connection and reads until the server closes it.
func exchange(_ address: SocketAddress, _ text: String) async throws -> String {
    try await Peer(address).exchange(text)
}

func processID() -> Int32 { getpid() }
func userID() -> UInt32 { getuid() }

func openPipe(_ ends: inout [CInt]) -> Bool { pipe(&ends) == 0 }
func closeDescriptor(_ descriptor: CInt) { close(descriptor) }
