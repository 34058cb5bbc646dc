import Runtime
import TestSupport
import Testing

/// On the default pool.
private actor PlainActor {
    private(set) var turns = 0

    /// Sends to or receives from a channel that makes it wait, and looks where it is after each.
    func send(to channel: AsyncChannel<Int>, _ numbers: Range<Int>) async throws {
        for number in numbers {
            try await channel.send(number)
            preconditionIsolated("after send")
            turns += 1
        }
    }

    func receive(from channel: AsyncChannel<Int>) async throws -> Int {
        var sum = 0
        while let number = try await channel.receive() {
            preconditionIsolated("after receive")
            turns += 1
            sum += number
        }
        preconditionIsolated("after the end")
        return sum
    }

    func iterate(over channel: UnboundedChannel<Int>) async throws -> Int {
        var sum = 0
        for try await number in channel {
            preconditionIsolated("in the loop's body")
            turns += 1
            sum += number
        }
        return sum
    }

    /// Nothing before the one await, and nothing to wait for.
    func receiveOne(from channel: AsyncChannel<Int>) async throws -> Int? {
        let number = try await channel.receive()
        turns += 1
        preconditionIsolated("after one")
        return number
    }

    func sendOne(to channel: AsyncChannel<Int>) async throws {
        try await channel.send(1)
        turns += 1
        preconditionIsolated("after one")
    }

    func isCancelled(receivingFrom channel: AsyncChannel<Int>) async -> Bool {
        do {
            _ = try await channel.receive()
            return false
        } catch {
            turns += 1
            preconditionIsolated("after the cancellation")
            return error is CancellationError
        }
    }
}

/// The same on a loop.
private actor LoopBound {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init(loop: EventLoop) { self.loop = loop }

    func echo(from source: AsyncChannel<Int>, to target: AsyncChannel<Int>) async throws {
        while let number = try await source.receive() {
            #expect(loop.isCurrent)
            preconditionIsolated("after receive")
            try await target.send(number)
            #expect(loop.isCurrent)
            preconditionIsolated("after send")
        }
        target.finish()
    }
}

@Suite("an actor that waits for a channel")
struct ChannelIsolationTests {
    @Test("is on its own executor again after each element, when it had to wait and when not", arguments: [1, 3, 64])
    func plainActors(capacity: Int) async throws {
        let channel = AsyncChannel<Int>(capacity: capacity)
        let (sender, receiver) = (PlainActor(), PlainActor())
        let sum = try await bounded {
            async let sum = receiver.receive(from: channel)
            try await sender.send(to: channel, 0..<5000)
            channel.finish()
            return try await sum
        }
        #expect(sum == 4999 * 2500)
        #expect(await sender.turns == 5000)
        #expect(await receiver.turns == 5000)
    }

    @Test("and so are those that iterate, with two of them on one channel")
    func iterating() async throws {
        let channel = UnboundedChannel<Int>(reason: "a test's few numbers")
        let actors = [PlainActor(), PlainActor()]
        let sum = try await bounded {
            async let first = actors[0].iterate(over: channel)
            async let second = actors[1].iterate(over: channel)
            for number in 0..<2000 {
                channel.send(number)
                if number % 100 == 0 { await Task.yield() }
            }
            channel.finish()
            return try await first + second
        }
        #expect(sum == 1999 * 1000)
        let turns = await (actors[0].turns, actors[1].turns)
        #expect(turns.0 + turns.1 == 2000)
    }

    @Test("and so are those of two loops that pass elements on")
    func loops() async throws {
        let (there, back) = (AsyncChannel<Int>(capacity: 2), AsyncChannel<Int>(capacity: 2))
        let (near, far) = (PlainActor(), LoopBound(loop: TestLoops.other))
        let sum = try await bounded {
            async let echo: Void = far.echo(from: there, to: back)
            async let sum = near.receive(from: back)
            for number in 0..<1000 { try await there.send(number) }
            there.finish()
            try await echo
            return try await sum
        }
        #expect(sum == 999 * 500)
    }

    @Test("and after the one that it begins with")
    func first() async throws {
        let channel = AsyncChannel<Int>(capacity: 1)
        let actors = (PlainActor(), PlainActor())
        for _ in 0..<200 {
            let sending = spawn(on: TestLoops.loop, "sending") { try await actors.0.sendOne(to: channel) }
            try await sending.value
            let receiving = spawn(on: TestLoops.loop, "receiving") { try await actors.1.receiveOne(from: channel) }
            #expect(try await receiving.value == 1)
        }
    }

    @Test("and after a cancellation")
    func cancelled() async throws {
        let channel = AsyncChannel<Int>(capacity: 1)
        let actor = PlainActor()
        for _ in 0..<200 {
            let waiting = spawn(on: TestLoops.loop, "waiting") { await actor.isCancelled(receivingFrom: channel) }
            waiting.cancel()
            #expect(try await waiting.value)
        }
    }
}
