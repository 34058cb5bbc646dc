import Glibc
import HTTP
import Runtime
import TestSupport
import Testing

private let okAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/// A server of system calls, so that a test decides what it sends, and when.
private final class RawServer: Sendable {
    private let listening: CInt
    let address: SocketAddress
    // Kept for longer than any test takes: only what comes on it ends a connection.
    let pool = ClientPool(on: TestLoops.other, idleTimeout: .seconds(3600))
    let client: Client

    init() throws {
        listening = try Listener.socket(on: .ipv4(host: "127.0.0.1", port: 0))
        _ = fcntl(listening, F_SETFL, fcntl(listening, F_GETFL) & ~O_NONBLOCK)
        // A connection that never comes is a failure, and no test without an end.
        var limit = timeval(tv_sec: Int(guardTime.components.seconds) / 2, tv_usec: 0)
        setsockopt(listening, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        address = try #require(try SocketAddress.local(of: listening))
        client = Client(address: address, pool: pool)
    }

    deinit { closeDescriptor(listening) }

    /// Sends a request, whose body's text is the result.
    func request(_ path: String) -> Task<String, any Error> {
        spawn(on: TestLoops.other, "request") { [client] in
            let response = try await client.send(ClientRequest(path: path))
            return String(decoding: try await response.body.collect(limit: 100), as: UTF8.self)
        }
    }

    /// The next connection, once its request is there, answered by these bytes.
    func serve(_ answer: String) throws -> RawSocket {
        let socket = RawSocket(adopting: accept(listening, nil, nil))
        try #require(socket.receive("\r\n\r\n") && socket.send(answer))
        return socket
    }

    /// A connection that the client keeps after one request.
    func keptConnection() async throws -> RawSocket {
        let first = request("/1")
        let socket = try serve(okAnswer)
        try #require(try await first.value == "ok")
        try await waitUntilKept(1)
        return socket
    }

    func waitUntilKept(_ count: Int) async throws {
        while pool.counts != (used: 0, idle: count) { try await TestLoops.other.sleep(for: .milliseconds(2)) }
    }
}

@Suite("what a server sends that nobody has asked for")
struct UnsolicitedTests {
    private static let evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL"

    @Test(
        "bytes on a connection that is kept end it, and are no answer",
        arguments: [evil, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n", "\r\n"])
    func kept(_ unsolicited: String) async throws {
        try await guarded {
            let server = try RawServer()
            let socket = try await server.keptConnection()
            socket.send(unsolicited)
            try await server.waitUntilKept(0)
            #expect(socket.receive() == [])
            let second = server.request("/2")
            let other = try server.serve(okAnswer)
            #expect(try await second.value == "ok")
            withExtendedLifetime(other) {}
        }
    }

    @Test("the end of a connection that is kept takes it out of the pool")
    func ended() async throws {
        try await guarded {
            let server = try RawServer()
            let socket = try await server.keptConnection()
            socket.shutdownWrite()
            try await server.waitUntilKept(0)
        }
    }

    @Test("bytes that come right behind an answer end the connection with it")
    func behind() async throws {
        try await guarded {
            let server = try RawServer()
            let first = server.request("/1")
            let socket = try server.serve(okAnswer + Self.evil)
            #expect(try await first.value == "ok")
            try await server.waitUntilKept(0)
            #expect(socket.receive() ?? [] == [])
        }
    }

    @Test("bytes that the loop has not read when the next request is sent are no answer to it either")
    func unread() async throws {
        try await guarded {
            let server = try RawServer()
            let socket = try await server.keptConnection()
            // Both in one turn of the client's loop, which looks at its sockets only after it.
            let second = spawn(on: TestLoops.other, "in one turn") {
                socket.send(Self.evil)
                let response = try await server.client.send(ClientRequest(path: "/2"))
                return String(decoding: try await response.body.collect(limit: 100), as: UTF8.self)
            }
            let other = try server.serve(okAnswer)
            #expect(try await second.value == "ok")
            withExtendedLifetime(other) {}
        }
    }
}
