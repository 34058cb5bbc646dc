import Glibc
import HTTP
import Runtime
import TestSupport
import Testing

@Suite("requests that are cancelled at any moment")
struct CancellationStressTests {
    @Test(
        "no task, descriptor or byte is left, and no answer is another's", .disabled(if: Sanitizer.isPresent, "a fork"))
    func alone() async {
        let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
            try await StressRun.run()
        }
        print(String(decoding: result?.standardOutputContent ?? [], as: UTF8.self), terminator: "")
    }

    @Test("no task is left, and no answer is another's, seen by a sanitizer", .enabled(if: Sanitizer.isPresent))
    func sanitized() async throws { try await StressRun.run() }
}

/// A server and clients on loops of their own; requests of all kinds, each cancelled after a moment of chance.
private struct StressRun: Sendable {
    let group: EventLoopGroup
    let server: Server
    let clients: [Client]
    let address: SocketAddress
    let running: Gauge

    /// Runs for the time that is set; the memory is compared after a fifth of it, when everything has been used once, and at
    /// its end.
    static func run() async throws {
        // What the process opens once for all.
        #expect(await (try EventLoopGroup(loops: 2, label: "first")).shutdown())
        if !Sanitizer.isPresent { Holdings.forgetThrownErrors() }
        let descriptors = Holdings.descriptors
        let run = try await StressRun()
        _ = try await run.phase(Stress.duration / 5)
        let before = Holdings.heapBytes
        let (started, finished) = try await run.phase(Stress.duration * 4 / 5)
        let growth = Holdings.heapBytes - before
        print("\(started) requests, \(finished) of them to their end, \(growth) bytes more in use; seed \(Stress.seed)")
        #expect(finished > 0 && finished < started)
        if !Sanitizer.isPresent {
            // What is not there from the start: caches and pools that grow with the load, more so on a machine that is busy.
            #expect(growth < 512 * 1024 + started / 4, "memory was leaked: \(growth) bytes; seed \(Stress.seed)")
        }
        for client in run.clients { client.close() }
        await run.server.stop(within: .seconds(5).patient)
        #expect(await run.server.counters.connections == 0)
        #expect(run.running.value == 0, "a handler's task was left; seed \(Stress.seed)")
        #expect(await run.group.shutdown(), "a task was left; seed \(Stress.seed)")
        let left = Sanitizer.isPresent ? [] : Holdings.descriptors.subtracting(descriptors)
        #expect(left == [], "\(left) are left; seed \(Stress.seed)")
    }

    private init() async throws {
        let group = try EventLoopGroup(loops: 2, label: "stress")
        let running = Gauge()
        server = Server(loop: group.loops[0], handler: StressHandler(running: running))
        let address = try await server.listen(on: .ipv4(host: "127.0.0.1", port: 0))
        clients = group.loops.map { Client(address: address, on: $0) }
        self.group = group
        self.running = running
        self.address = address
    }

    /// Requests until the time is over, then until nothing is under way.
    private func phase(_ duration: Duration) async throws -> (started: Int, finished: Int) {
        let counts = try await Stress.run(for: duration, workers: 24, on: group.loops) { try await self.request($0) }
        try await withDeadline(guardTime, on: group.loops[1], "the handlers' end") {
            while running.value > 0 { try await group.loops[1].sleep(for: .milliseconds(10)) }
        }
        return counts
    }

    private func request(_ choice: UInt64) async throws {
        let client = clients[Int(choice >> 8) % clients.count]
        switch choice % 6 {
        case 0: try await get(client, path: "/short/\(choice)")
        case 1: try await get(client, path: "/late/\(choice)")
        case 2: try await echo(client, choice)
        case 3: try await stream(client)
        case 4: try await upgrade(client)
        default: try await raw(choice)
        }
    }

    private func get(_ client: Client, path: String) async throws {
        let response = try await client.send(ClientRequest(path: path), timeout: guardTime)
        let body = try await response.body.collect(limit: 1000)
        #expect(String(decoding: body, as: UTF8.self) == path, "another's answer; seed \(Stress.seed)")
    }

    private func echo(_ client: Client, _ choice: UInt64) async throws {
        let body = [UInt8](repeating: UInt8(truncatingIfNeeded: choice), count: Int(choice >> 16) % 200_000)
        let request = ClientRequest(method: "PUT", path: "/echo", body: body)
        let response = try await client.send(request, timeout: guardTime)
        #expect(try await response.body.collect(limit: 200_000) == body, "another's body; seed \(Stress.seed)")
    }

    private func stream(_ client: Client) async throws {
        let response = try await client.send(ClientRequest(path: "/stream"), timeout: guardTime)
        var next = 0
        for try await line in response.body.lines() {
            #expect(line == Array("\(next)".utf8), "a line is missing; seed \(Stress.seed)")
            next += 1
        }
        #expect(next == 50)
    }

    private func upgrade(_ client: Client) async throws {
        let connection = try await client.upgrade(path: "/upgrade", protocol: "echo", timeout: guardTime)
        defer { connection.close() }
        try await connection.write([1, 2, 3])
        var received: [UInt8] = []
        while received.count < 3, let more = try await connection.read() { received += more }
        #expect(received == [1, 2, 3])
    }

    /// A part of a request, and then nothing any more.
    private func raw(_ choice: UInt64) async throws {
        let connection = try await Connection.connect(to: address, on: group.loops[Int(choice >> 8) % 2])
        let text = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
        try await connection.write(Array(text.utf8.prefix(Int(choice >> 16) % (text.utf8.count + 1))))
        if choice & 0x80 == 0 { connection.reset() } else { connection.close() }
    }
}

private struct StressHandler: RequestHandler {
    let running: Gauge

    func handle(
        _ request: borrowing RequestView, from context: ConnectionContext, isolation: isolated LoopActor
    ) -> Answer {
        let path = request.pathText
        if path.hasPrefix("/short") { return .respond(.text(path)) }
        if path == "/upgrade" {
            let body = Response.Body.upgrade(protocol: "echo") { [running] connection in
                running.add(1)
                defer { running.add(-1) }
                while let bytes = try? await connection.read() { try? await connection.write(bytes) }
            }
            return .respond(Response(status: 101, body: body))
        }
        return .task { [running] request in
            running.add(1)
            defer { running.add(-1) }
            if path == "/echo" { return .bytes(request.body, type: "application/octet-stream") }
            try await request.context.loop.sleep(for: .microseconds(path.utf8.count * 100))
            guard path == "/stream" else { return .text(path) }
            let body = Response.Body.stream { writer in
                running.add(1)
                defer { running.add(-1) }
                for number in 0..<50 {
                    try await writer.write("\(number)\n")
                    if number % 10 == 0 { try await request.context.loop.sleep(for: .microseconds(200)) }
                }
            }
            return Response(status: 200, body: body)
        }
    }
}
