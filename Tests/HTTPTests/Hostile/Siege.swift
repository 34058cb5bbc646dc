import Foundation
import Glibc
import HTTP
import Runtime
import Synchronization
import TestSupport
import Testing

/// A server under attack, and an honest client that is served all the while.
///
/// It has loops of its own: the server's, and one for the honest client; attackers block the thread of the test.
final class Siege: Sendable {
    let group: EventLoopGroup
    let server: Server
    let address: SocketAddress
    /// Tasks of handlers that have begun and not ended.
    let running: Gauge
    private let served = Gauge()
    private let opened = Gauge()

    private init(_ configure: (inout ServerConfiguration) -> Void) async throws {
        group = try EventLoopGroup(loops: 2, label: "siege")
        var configuration = ServerConfiguration()
        configure(&configuration)
        let running = Gauge()
        self.running = running
        server = Server(
            loop: group.loops[0], configuration: configuration, handler: SiegeHandler(running: running))
        address = try await server.listen(on: .ipv4(host: "127.0.0.1", port: 0))
    }

    /// Runs the attack; then every connection but the honest one must end by itself, and the server leave nothing open.
    static func run(
        _ configure: (inout ServerConfiguration) -> Void = { _ in }, attack: (Siege) async throws -> Void
    ) async throws {
        let siege = try await Siege(configure)
        let honest = siege.startHonestClient()
        do {
            try await attack(siege)
            try await siege.waitUntilAccepted()
            try await siege.waitUntil("the attackers' connections have ended") { $0.connections <= 1 }
            let before = siege.served.value
            try await siege.waitUntil("one more is served") { _ in siege.served.value > before + 1 }
        } catch {
            Issue.record("the attack ended early: \(error)")
        }
        honest.cancel()
        do { try await honest.value } catch is CancellationError {} catch { Issue.record("honest client: \(error)") }
        await siege.server.stop(within: .zero)
        #expect(await siege.group.shutdown())
        #expect(siege.running.value == 0, "a handler's task was left")
        #expect(siege.openDescriptors == 0, "a descriptor was left")
    }

    /// Requests one after the other until it is cancelled; each must be answered in time.
    private func startHonestClient() -> Task<Void, any Error> {
        spawn(on: group.loops[1], "honest client") { [self] in
            let client = Client(address: address, on: group.loops[1])
            defer { client.close() }
            while true {
                try Task.checkCancellation()
                let response = try await client.send(ClientRequest(path: "/"), timeout: .seconds(10).patient)
                guard response.status == 200, try await response.body.collect(limit: 100).count == 5 else {
                    Issue.record("the honest client was answered \(response.status)")
                    return
                }
                served.add(1)
                try await group.loops[1].sleep(for: .milliseconds(2))
            }
        }
    }

    /// Looks again and again until the counters satisfy the condition.
    func waitUntil(_ what: String, _ condition: @escaping @Sendable (ServerCounters) -> Bool) async throws {
        try await withDeadline(guardTime, on: group.loops[1], what) { [self] in
            while !condition(await server.counters) { try await group.loops[1].sleep(for: .milliseconds(10)) }
        }
    }

    /// Lets the server read what has been sent to it: a turn of its loop reads what was there when it began.
    func letRead() async { for _ in 0..<3 { _ = await server.counters } }

    func connect(receiveBuffer: CInt? = nil) throws -> RawSocket {
        opened.add(1)
        return try RawSocket(address, receiveBuffer: receiveBuffer)
    }

    /// Waits until the server has seen each connection of the attack: those in the kernel's queue are none of its counters.
    func waitUntilAccepted() async throws {
        let opened = opened.value
        try await waitUntil("all are accepted") { $0.accepted + $0.turnedAway > opened }
    }

    /// The descriptors of this process whose local port is the server's.
    private var openDescriptors: Int {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return (0..<CInt(min(limit.rlim_cur, 65536))).count { descriptor in
            var native = sockaddr_in()
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let code = withUnsafeMutablePointer(to: &native) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
            }
            return code == 0 && native.sin_family == sa_family_t(AF_INET)
                && UInt16(bigEndian: native.sin_port) == address.port
        }
    }
}

/// Answers by the path: `/wait` waits until it is cancelled, `/stream` writes without end, `/large` is 4 MB, `/upgrade`
/// becomes an echo; a body is read and counted, everything else is a short text.
private struct SiegeHandler: RequestHandler {
    let running: Gauge
    private let large = PreparedResponse(status: 200, body: [UInt8](repeating: 0x61, count: 4 * 1024 * 1024))
    private let short = PreparedResponse(status: 200, body: Array("hello".utf8))

    func handle(
        _ request: borrowing RequestView, from context: ConnectionContext, isolation: isolated LoopActor
    ) -> Answer {
        if request.pathIs("/large") { return .prepared(large) }
        if request.pathIs("/wait") {
            return counted { request in
                try await request.context.loop.sleep(for: .seconds(3600))
                return .text("late")
            }
        }
        if request.pathIs("/stream") {
            return counted { _ in
                Response(
                    status: 200,
                    body: .stream { writer in
                        while true { try await writer.write([UInt8](repeating: 0x62, count: 32 * 1024)) }
                    })
            }
        }
        if request.pathIs("/upgrade") {
            let body = Response.Body.upgrade(protocol: "echo") { connection in
                while let bytes = try? await connection.read() { try? await connection.write(bytes) }
            }
            return .respond(Response(status: 101, body: body))
        }
        return request.hasBody ? counted { .text("\($0.body.count)") } : .prepared(short)
    }

    private func counted(_ body: @escaping @Sendable (Request) async throws -> Response) -> Answer {
        .task { [running] request in
            running.add(1)
            defer { running.add(-1) }
            return try await body(request)
        }
    }
}

/// A number that several threads change.
final class Gauge: Sendable {
    private let number = Atomic<Int>(0)

    var value: Int { number.load(ordering: .relaxed) }

    func add(_ amount: Int) { number.add(amount, ordering: .relaxed) }
}

/// The memory that the process has in use.
func residentBytes() -> Int {
    let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
    return (text?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 4096
}
