import Glibc
import Runtime
import TestSupport
import Testing

@Suite("awaits that are cancelled at any moment")
struct CancellationStressTests {
    @Test("no task, descriptor, element or byte is left", .disabled(if: Sanitizer.isPresent, "a fork"))
    func alone() async {
        let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
            try await StressRun.run(isAlone: true)
        }
        print(String(decoding: result?.standardOutputContent ?? [], as: UTF8.self), terminator: "")
    }

    @Test("no task or element is left, seen by a sanitizer", .enabled(if: Sanitizer.isPresent))
    func sanitized() async throws { try await StressRun.run(isAlone: false) }
}

/// All that can be waited for, each cancelled after a moment of chance.
private struct StressRun: Sendable {
    let group: EventLoopGroup
    let channel = AsyncChannel<Int>(capacity: 4)
    let listener: FDListener
    let address: SocketAddress
    let worker = BlockingExecutor(label: "stress")
    let waits: StressWaits
    private let channelSums = StressSums()

    static func run(isAlone: Bool) async throws {
        if isAlone { Holdings.forgetThrownErrors() }
        #expect(await (try EventLoopGroup(loops: 2, label: "first")).shutdown())
        let descriptors = Holdings.descriptors
        let run = try StressRun()
        let acceptor = spawn(on: run.group.loops[1], "acceptor") {
            while true {
                let connection = Connection(adopting: try await run.listener.acceptDescriptor(), on: run.group.loops[0])
                spawn(on: run.group.loops[0], "echo") {
                    while let bytes = try await connection.read() { try await connection.write(bytes) }
                }
            }
        }
        _ = try await run.phase(Stress.duration / 5)
        let before = Holdings.heapBytes
        let (started, finished) = try await run.phase(Stress.duration * 4 / 5)
        let growth = Holdings.heapBytes - before
        print("\(started) awaits, \(finished) of them to their end, \(growth) bytes more in use; seed \(Stress.seed)")
        #expect(finished > 0 && finished < started)
        if isAlone { #expect(growth < 512 * 1024 + started / 4, "\(growth) bytes were leaked; seed \(Stress.seed)") }
        acceptor.cancel()
        run.listener.close()
        await run.worker.shutdown()
        await run.waits.end()
        #expect(await run.group.shutdown(), "a task was left; seed \(Stress.seed)")
        let left = isAlone ? Holdings.descriptors.subtracting(descriptors) : []
        #expect(left == [], "\(left) are left; seed \(Stress.seed)")
    }

    private init() throws {
        group = try EventLoopGroup(loops: 2, label: "stress")
        let (descriptor, address) = try Sockets.listening()
        listener = FDListener(adopting: descriptor, on: group.loops[1])
        self.address = address
        waits = try StressWaits(on: group.loops, echo: address)
    }

    /// Awaits until the time is over; then what was sent and not received must be in the channel.
    private func phase(_ duration: Duration) async throws -> (started: Int, finished: Int) {
        let counts = try await Stress.run(for: duration, workers: 24, on: group.loops) { try await self.await($0) }
        while channel.tryReceive() != nil { channelSums.received() }
        #expect(channelSums.difference == 0, "an element was lost or doubled; seed \(Stress.seed)")
        waits.settle()
        return counts
    }

    private func `await`(_ choice: UInt64) async throws {
        let loop = group.loops[Int(choice >> 40) % 2]
        let kind = choice % (7 + StressWaits.kinds)
        switch kind {
        case 0: try await loop.sleep(for: .microseconds(Int(choice >> 8) % 3000))
        case 1:
            try await channel.send(1)
            channelSums.sent()
        case 2: if try await channel.receive() != nil { channelSums.received() }
        case 3: try await echo(choice, on: loop)
        case 4: _ = try await worker.run { usleep(UInt32((choice >> 8) % 200)) }
        case 5:
            try await withDeadline(.microseconds(Int(choice >> 8) % 2000), on: loop, "a sleep") {
                try await loop.sleep(for: .milliseconds(1))
            }
        case 7...: try await waits.await(kind - 7, choice, on: loop)
        default:
            guard choice >> 8 & 15 == 0 else { return await Task.yield() }
            let output = try await runProcess(ProcessSpec(executable: "/bin/echo", arguments: ["hello"]), on: loop)
            #expect(output.text == "hello\n")
        }
    }

    private func echo(_ choice: UInt64, on loop: EventLoop) async throws {
        let connection = try await Connection.connect(to: address, on: loop)
        defer { if choice & 0x100 == 0 { connection.close() } else { connection.reset() } }
        let sent = (0..<(Int(choice >> 16) % 100_000 + 1)).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let writer = spawn(on: loop, "writer") { try await connection.write(sent) }
        defer { writer.cancel() }
        var received: [UInt8] = []
        while received.count < sent.count, let more = try await connection.read() { received += more }
        #expect(received == sent, "a byte was lost; seed \(Stress.seed)")
    }
}
