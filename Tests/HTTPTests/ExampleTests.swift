import Foundation
import Glibc
import HTTP
import Runtime
import TestSupport
import Testing

/// `Examples/http-hello` as a child process: what it does, and what a held request costs it, where nothing else runs.
@Suite("the example program", .serialized)
struct ExampleTests {
    /// Runs the program; it must end well when it's asked to.
    private func withExample(
        _ body: @escaping @Sendable (SocketAddress, ChildProcess) async throws -> Void
    ) async throws {
        var ends: [CInt] = [0, 0]
        try #require(openPipe(&ends))
        let spec = ProcessSpec(
            executable: builtProgram("example-http-hello"), arguments: ["0"], inheritedDescriptors: [1: ends[1]],
            deathSignal: SIGKILL)
        let child = try await ChildProcess.spawn(spec, on: TestLoops.other)
        closeDescriptor(ends[1])
        let output = Connection(adopting: ends[0], on: TestLoops.other)
        do {
            let line = String(decoding: try await output.read() ?? [], as: UTF8.self)
            let port = try #require(line.split(separator: ":").last.flatMap { UInt16($0.dropLast()) })
            try await guarded { try await body(.ipv4(host: "127.0.0.1", port: port), child) }
            try child.kill(SIGTERM)
        } catch {
            try? child.kill()
            throw error
        }
        #expect(try await child.waitForExit() == .exited(0))
    }

    @Test("greets, waits for a change, counts a body, and answers who waits when it stops")
    func program() async throws {
        let waiting = Locked<Task<String, any Error>?>(nil)
        try await withExample { address, _ in
            let peer = try await Peer(address)
            try await peer.send(get("/greeting"))
            let first = try await peer.receive("hello\n")
            let tag = try #require(first.split(separator: "\r\n").first { $0.hasPrefix("ETag: ") })
            try await peer.send(get("/greeting", "If-None-Match: \(tag.dropFirst(6))\r\n"))
            #expect(try await peer.receive("\r\n\r\n").hasPrefix("HTTP/1.1 304 "))
            let next = try await Peer(address)
            try await next.send(get("/greeting/next"))
            try await peer.send("POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
            #expect(try await peer.receive("3\n").hasPrefix("HTTP/1.1 200 "))
            // Read in the order of sending, or not yet waited for: either way it is the new one.
            try await peer.send("PUT /greeting HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nnew")
            #expect(try await peer.receive("\r\n\r\n").hasPrefix("HTTP/1.1 204 "))
            try await peer.send(get("/hello/a%20b"))
            #expect(try await peer.receive("a b\n").hasSuffix("hello, a b\n"))
            #expect(try await next.receive("new").hasPrefix("HTTP/1.1 200 "))
            try await next.send(get("/greeting/next"))
            waiting.withLock { waiting in
                waiting = spawn(on: TestLoops.other, "waiting") { try await next.receiveToEnd() }
            }
        }
        let last = try await #require(waiting.withLock { $0 }).value
        #expect(last == "" || last.hasSuffix("new"))
    }

    @Test("10,000 held requests take at most 2.5 KB of memory each")
    func heldMemory() async throws { try await expectMemory(of: "/greeting/next", atMost: 2560) }

    @Test("10,000 idle connections that have been answered take at most 512 bytes of memory each")
    func idleMemory() async throws { try await expectMemory(of: "/greeting", atMost: 512) }

    /// Opens connections, asks for the path on each, and compares the program's memory.
    private func expectMemory(of path: String, atMost limit: Int) async throws {
        // Sanitizers keep books beside every allocation.
        if Sanitizer.isPresent { return }
        var files = rlimit()
        let resource = __rlimit_resource_t(7 /* RLIMIT_NOFILE */)
        try #require(getrlimit(resource, &files) == 0)
        var former = files
        defer { setrlimit(resource, &former) }
        files.rlim_cur = max(files.rlim_cur, min(files.rlim_max, 12_000))
        setrlimit(resource, &files)
        let count = min(10_000, Int(clamping: files.rlim_cur) - 500)
        try #require(count >= 500, "the test may open too few files")
        try await withExample { address, child in
            let few = count / 10
            let peers = BarePeers()
            defer { peers.close() }
            // The first ones pay for what the process needs once: arenas, the loop's buffers, the runtime's tables.
            try peers.ask(few, path, at: address)
            try await Self.waitUntilAsked(few, address, child.pid)
            let before = try Self.memory(of: child.pid)
            try peers.ask(count - few, path, at: address)
            try await Self.waitUntilAsked(count, address, child.pid)
            let each = (try Self.memory(of: child.pid) - before) / (count - few)
            #expect(each <= limit, "\(each) bytes for each of \(count - few)")
            #expect(each > 100, "nothing was held")
        }
    }

    /// Waits until the child has as many connections, and has read what came on them: requests behind them were answered.
    private static func waitUntilAsked(_ count: Int, _ address: SocketAddress, _ pid: Int32) async throws {
        while try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count < count {
            try await TestLoops.other.sleep(for: .milliseconds(20))
        }
        for _ in 0..<2 { _ = try await exchange(address, get("/greeting", "Connection: close\r\n")) }
    }

    /// Anonymous memory in use, in bytes: proc(5), `RssAnon` of status.
    private static func memory(of pid: Int32) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("RssAnon:") })
        return try #require(line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }) * 1024
    }
}

/// Sockets that have sent a request and are not read: they cost the test nothing but their descriptors.
private final class BarePeers: @unchecked Sendable {
    // SAFETY: used by one test's task, one call after the other.
    private var sockets: [RawSocket] = []

    func ask(_ count: Int, _ path: String, at address: SocketAddress) throws {
        for _ in 0..<count {
            let socket = try RawSocket(address)
            guard socket.send(get(path)) else { throw SystemError(errno: EPIPE, operation: "send") }
            sockets.append(socket)
        }
    }

    func close() { sockets = [] }
}
