internal import Runtime

/// Primitives on one loop, each done `count` times, as the code of this project does them: from an actor of the loop.
actor Primitives {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init(loop: EventLoop) { self.loop = loop }

    /// An item is sent and received, 50 at a time, with nobody waiting.
    func channel(_ count: Int) async throws {
        let channel = AsyncChannel<Int>(capacity: 64)
        for first in stride(from: 0, to: count, by: 50) {
            for number in first..<first + 50 { try await channel.send(number) }
            for _ in first..<first + 50 { _ = try await channel.receive() }
        }
    }

    /// A task sends more than there is room for, another one receives it.
    func handOver(_ count: Int) async throws {
        let channel = AsyncChannel<Int>(capacity: 64)
        let sender = Runtime.spawn(on: loop, "sender") {
            for number in 0..<count { try await channel.send(number) }
            channel.finish()
        }
        while try await channel.receive() != nil {}
        _ = try await sender.value
    }

    /// A timer is started and stopped.
    func timers(_ count: Int) {
        for _ in 0..<count { loop.schedule(after: .seconds(60)) {}.cancel() }
    }

    /// A task starts the next one in its first line.
    func spawns(_ count: Int) async throws {
        let end = AsyncChannel<Void>(capacity: 1)
        Self.next(count, loop, end)
        _ = try await end.receive()
    }

    private static func next(_ left: Int, _ loop: EventLoop, _ end: AsyncChannel<Void>) {
        Runtime.spawn(on: loop, "next") {
            if left > 0 { next(left - 1, loop, end) } else { _ = end.trySend(()) }
        }
    }

    /// Another actor of the same loop is called.
    func actorCalls(_ count: Int) async {
        let counter = Counter(loop: loop)
        for _ in 0..<count { await counter.add() }
    }
}

private actor Counter {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    private var value = 0

    init(loop: EventLoop) { self.loop = loop }

    @inline(never)
    func add() { value &+= 1 }
}
