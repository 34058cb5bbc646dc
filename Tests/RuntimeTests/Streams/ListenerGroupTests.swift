import CLinux
import Glibc
import Runtime
import TestSupport
import Testing

/// Accepts on loops from what they were dealt, and sends each peer its loop's index.
private final class Accepters: Sendable {
    private let served: Recorder<Int>
    private let listeners = Locked<[(loop: EventLoop, listener: Listener)]>([])

    init(_ served: Recorder<Int>) { self.served = served }

    /// Accepts from the new copies, and then no longer from the old ones.
    func accept(_ group: ListenerGroup, on loops: [EventLoop]) async throws {
        let before = listeners.withLock { listeners in
            defer { listeners = [] }
            return listeners
        }
        for (loop, sockets) in zip(loops, try group.deal(to: loops.count)) {
            for socket in sockets { try await listen(socket, on: loop) }
        }
        for (loop, listener) in before { try await Self.on(loop) { listener.close() } }
    }

    func close() async throws {
        for (loop, listener) in listeners.withLock({ $0 }) { try await Self.on(loop) { listener.close() } }
    }

    private func listen(_ socket: FileDescriptor, on loop: EventLoop) async throws {
        let served = served
        let listener = try await Self.on(loop) {
            try Listener(adopting: socket.release(), on: loop) { descriptor in
                served.add(loop.index)
                cl_send(descriptor, [UInt8(loop.index)], 1)
                cl_close(descriptor)
            }
        }
        listeners.withLock { $0.append((loop, listener)) }
    }

    private static func on<T: Sendable>(_ loop: EventLoop, _ body: @escaping @Sendable () throws -> T) async throws -> T
    {
        let outcome = OneShot<T>()
        loop.execute { outcome.resolve(Result(catching: body)) }
        return try await outcome.wait()
    }
}

@Suite("a group of listening sockets")
struct ListenerGroupTests {
    /// One connection; what it was sent until its end.
    private static func visit(_ address: SocketAddress) async throws -> [UInt8] {
        let connection = try await Connection.connect(to: address, on: TestLoops.other)
        var bytes: [UInt8] = []
        while let more = try await connection.read() { bytes += more }
        return bytes
    }

    @Test("refuses and loses nobody while the number of its loops goes from 1 to 4 to 2")
    func changes() async throws {
        let loops = try EventLoopGroup(loops: 4, label: "listening")
        let group = try ListenerGroup(on: .ipv6(host: "::1", port: 0))
        let served = Recorder<Int>()
        let accepters = Accepters(served)
        let (over, failures) = (Event(), Recorder<String>())
        try await accepters.accept(group, on: [loops.loops[0]])
        try await bounded {
            let visitors = (0..<16).map { _ in
                spawn(on: TestLoops.other, "visitor") {
                    while !over.hasHappened {
                        do {
                            let bytes = try await Self.visit(group.address)
                            if bytes.count != 1 { failures.add("sent \(bytes)") }
                        } catch {
                            failures.add("\(error)")
                        }
                    }
                }
            }
            for count in [1, 4, 2, 3, 1, 4, 2] {
                let some = Array(loops.loops.prefix(count))
                try await accepters.accept(group, on: some)
                let before = served.values.count
                // Until each of them has served some since, and nobody else does.
                var reached = before
                while Set(served.values.dropFirst(before)).count < count || reached < before + 200 {
                    reached = try await served.wait(for: reached + 50).count
                }
                #expect(Set(served.values.dropFirst(before)) == Set(0..<count))
            }
            #expect(group.count == 4)
            over.happen()
            for visitor in visitors { try await visitor.value }
        }
        #expect(failures.values == [])
        try await accepters.close()
        await loops.shutdown()
    }

    @Test("keeps who waits while nobody accepts, for the fewer loops that come next")
    func waiting() async throws {
        let group = try ListenerGroup(on: .ipv4(host: "127.0.0.1", port: 0))
        let served = Recorder<Int>()
        let accepters = Accepters(served)
        try await bounded {
            // Four sockets, and nobody who accepts from them.
            #expect(try group.deal(to: 4).map(\.count) == [1, 1, 1, 1])
            var waiting: [Connection] = []
            for _ in 0..<64 { waiting.append(try await Connection.connect(to: group.address, on: TestLoops.other)) }
            #expect(try group.deal(to: 3).map(\.count) == [2, 1, 1])
            try await accepters.accept(group, on: TestLoops.group.loops)
            for connection in waiting { #expect(try await connection.read()?.count == 1) }
            #expect(served.values.count == 64 && group.count == 4)
            try await accepters.close()
        }
    }

    @Test("goes with the last copy, and is for TCP alone")
    func ends() async throws {
        let group = try ListenerGroup(on: .ipv6(host: "::1", port: 0))
        let hands = try group.deal(to: 1)
        group.close()
        group.close()
        #expect(group.count == 0)
        #expect(throws: SystemError.self) { try group.deal(to: 1) }
        try await bounded {
            let last = try await Connection.connect(to: group.address, on: TestLoops.loop)
            hands[0][0].close()
            // Tests beside this one start processes: each has a copy of the socket until it has become its program, which
            // resets whoever has come meanwhile.
            var isRefused = false
            while !isRefused {
                do {
                    _ = try await Connection.connect(to: group.address, on: TestLoops.loop)
                } catch let error as UVError {
                    isRefused = error.isRefused
                }
            }
            last.close()
        }
        #expect(throws: SystemError.self) { try ListenerGroup(on: .unix(path: "/nowhere")) }
    }
}
