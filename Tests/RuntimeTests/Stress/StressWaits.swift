import CLinux
import Foundation
import Glibc
import Runtime
import TestSupport
import Testing

/// The waits that a stress run has besides those of streams, channels, timers and processes: each makes what it needs, checks
/// what it got, and leaves nothing, wherever it is cancelled.
struct StressWaits: Sendable {
    /// How many kinds there are.
    static let kinds: UInt64 = 11

    private let loops: [EventLoop]
    private let address: SocketAddress
    private let directory: TemporaryDirectory
    private let pool = BlockingPool(threads: 2, waiting: 16, label: "stress-pool")
    private let echo: UDPSocket
    private let broadcast = BroadcastChannel<Int>(capacity: 8)
    private let follower: BroadcastChannel<Int>.Follower
    private let broadcastSums = StressSums()
    private let merged = [AsyncChannel<Int>(capacity: 2), AsyncChannel<Int>(capacity: 2)]
    private let merge: ChannelMerge<Int>
    private let mergeSums = StressSums()

    /// With an echo of datagrams, and the address of one for connections.
    init(on loops: [EventLoop], echo address: SocketAddress) throws {
        self.loops = loops
        self.address = address
        directory = try TemporaryDirectory()
        try directory.write(String(repeating: "stress", count: 10_000), to: "file")
        echo = try UDPSocket(on: .ipv6(host: "::1", port: 0), loop: loops[1])
        follower = broadcast.follow()
        merge = ChannelMerge(merged[0], merged[1])
        spawn(on: loops[1], "datagrams' echo") { [echo] in
            while true {
                let datagram = try await echo.receive()
                try await echo.send(datagram.bytes, to: datagram.source)
            }
        }
    }

    /// One wait, of a kind.
    func `await`(_ kind: UInt64, _ choice: UInt64, on loop: EventLoop) async throws {
        switch kind {
        case 0: try await tellAll(choice)
        case 1: try await receiveMerged(choice)
        case 2: try await oneShot(choice, on: loop)
        case 3: try await datagram(choice, on: loop)
        case 4: try await descriptors(choice, on: loop)
        case 5: try await readiness(choice, on: loop)
        case 6: try await connectByName(choice, on: loop)
        case 7: try await file(choice)
        case 8: try await children(choice, on: loop)
        case 9: #expect(try await pool.run { choice } == choice)
        default: try await loop.clock.sleep(for: .microseconds(Int(choice >> 8) % 3000))
        }
    }

    /// Nothing waits any more: what was sent has been received or is still there.
    func settle() {
        while let received = follower.tryReceive() { note(received) }
        while merge.tryReceive() != nil { mergeSums.received() }
        #expect(broadcastSums.difference == 0, "an element was lost or doubled on its way to all; seed \(Stress.seed)")
        #expect(mergeSums.difference == 0, "an element was lost or doubled in a merge; seed \(Stress.seed)")
    }

    func end() async {
        echo.close()
        await pool.shutdown()
    }

    private func tellAll(_ choice: UInt64) async throws {
        if choice & 0x100 != 0 {
            if broadcast.send(1) { broadcastSums.sent() }
        } else if let received = try await follower.receive() {
            note(received)
        }
    }

    private func note(_ received: BroadcastChannel<Int>.Received) {
        switch received {
        case .element: broadcastSums.received()
        case .lagged(let count): broadcastSums.received(count)
        }
    }

    private func receiveMerged(_ choice: UInt64) async throws {
        if choice & 0x100 != 0 {
            try await merged[Int(choice >> 9) & 1].send(1)
            mergeSums.sent()
        } else if try await merge.receive() != nil {
            mergeSums.received()
        }
    }

    private func oneShot(_ choice: UInt64, on loop: EventLoop) async throws {
        let shot = OneShot<UInt64>()
        let timer = loop.schedule(after: .microseconds(Int(choice >> 8) % 2000)) { shot.resolve(.success(choice)) }
        defer { timer.cancel() }
        #expect(try await shot.wait() == choice)
    }

    private func datagram(_ choice: UInt64, on loop: EventLoop) async throws {
        let socket = try UDPSocket(on: .ipv6(host: "::1", port: 0), loop: loop)
        defer { socket.close() }
        let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: choice >> 8), count: Int(choice >> 16) % 1000 + 1)
        try await socket.send(bytes, to: .ipv6(host: "::1", port: echo.address?.port ?? 0))
        #expect(try await socket.receive().bytes == bytes)
    }

    private func descriptors(_ choice: UInt64, on loop: EventLoop) async throws {
        let (near, far) = try FDSocket.pair(on: loop)
        let count = Int(choice >> 16) % 300_000 + 1
        let sender = spawn(on: loops[Int(choice >> 8) & 1], "sender") {
            let file = FileDescriptor(owning: try SystemError.check(open("/dev/null", O_RDONLY | O_CLOEXEC), "open"))
            try await near.send([UInt8](repeating: 1, count: count), descriptors: [file.number])
            file.close()
        }
        defer { sender.cancel() }
        var (received, passed) = (0, 0)
        while received < count, let message = try await far.receive() {
            received += message.bytes.count
            passed += message.descriptors.count
        }
        #expect(received == count && passed == 1, "a byte or descriptor was lost; seed \(Stress.seed)")
    }

    private func readiness(_ choice: UInt64, on loop: EventLoop) async throws {
        let (reading, writing) = try Sockets.pair()
        let writer = FileDescriptor(owning: writing)
        let source = PollSource(reading, on: loop, closesDescriptor: true)
        defer { source.close() }
        try await source.writable()
        let timer = loop.schedule(after: .microseconds(Int(choice >> 8) % 2000)) { _ = cl_send(writer.number, [1], 1) }
        defer { timer.cancel() }
        try await source.readable()
    }

    private func connectByName(_ choice: UInt64, on loop: EventLoop) async throws {
        let pacing = ConnectPacing(attemptDelay: .milliseconds(10), resolutionDelay: .milliseconds(1))
        let connection = try await Connection.connect(
            toHost: "stress.test", port: address.port ?? 0, on: loop,
            resolver: StressResolver(address: address, loop: loop, delay: .microseconds(Int(choice >> 8) % 3000)),
            pacing: pacing)
        defer { connection.close() }
        try await connection.write([1])
        #expect(try await connection.read() == [1])
    }

    private func file(_ choice: UInt64) async throws {
        let files = Files(on: pool)
        if choice & 0x100 != 0 {
            var count = 0
            for try await piece in files.pieces(of: directory.file("file"), size: 7000) { count += piece.count }
            #expect(count == 60_000)
            return
        }
        let file = try await files.open(directory.file("file"), for: .reading)
        #expect(try await file.read(upTo: 6, at: 6) == Array("stress".utf8))
    }

    private func children(_ choice: UInt64, on loop: EventLoop) async throws {
        let other = loops[Int(choice >> 8) & 1]
        if choice & 0x200 != 0 {
            try await withLoopDiscardingTaskGroup(on: other) { group in
                for _ in 0..<3 { group.addTask("child") { try await loop.sleep(for: .microseconds(500)) } }
            }
            return
        }
        let sum = try await withLoopTaskGroup(of: Int.self, on: other) { group in
            for number in 1...3 {
                group.addTask("child") {
                    try await loop.sleep(for: .microseconds(Int(choice >> 16) % 1000))
                    return number
                }
            }
            var sum = 0
            while let number = try await group.next() { sum += number }
            return sum
        }
        #expect(sum == 6)
    }
}

/// Knows one address, and takes its time; of the other family the name has one where nobody listens.
private struct StressResolver: AddressResolver {
    let address: SocketAddress
    let loop: EventLoop
    let delay: Duration

    func addresses(of host: String, port: UInt16, family: AddressFamily) async throws -> [SocketAddress] {
        if family == .ipv4 { return [.ipv4(host: "127.0.0.1", port: 1)] }
        try await loop.sleep(for: delay)
        return [address]
    }
}

/// How many elements went in and came out.
final class StressSums: Sendable {
    private let sums = Locked((sent: 0, received: 0))

    var difference: Int { sums.withLock { $0.sent - $0.received } }

    func sent() { sums.withLock { $0.sent += 1 } }
    func received(_ count: Int = 1) { sums.withLock { $0.received += count } }
}
