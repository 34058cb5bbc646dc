import Runtime
import TestSupport
import Testing

@Suite("an unbounded channel")
struct UnboundedChannelTests {
    @Test("takes what is sent without waiting, gives it in order, and says why it has no bound")
    func order() async throws {
        let channel = UnboundedChannel<Int>(reason: "a test sends 100,000")
        let sent = (0..<100_000).count { channel.send($0) }
        #expect(sent == 100_000)
        #expect(channel.count == 100_000 && channel.highWater == 100_000)
        #expect(channel.reason == "a test sends 100,000")
        channel.finish()
        #expect(!channel.send(1))
        let received = try await bounded {
            var received: [Int] = []
            for try await number in channel { received.append(number) }
            return received
        }
        #expect(received == Array(0..<100_000))
        #expect(channel.isFinished && channel.count == 0)
    }

    @Test("loses nothing by receivers that are cancelled")
    func cancellation() async throws {
        let channel = UnboundedChannel<Int>(reason: "a test")
        let received = Recorder<Int>()
        try await bounded { () async throws in
            var tasks: [Task<Void, any Error>] = []
            for number in 0..<300 {
                tasks.append(
                    spawn(on: TestLoops.group.loops[number % 2], "receiver") {
                        if let value = try await channel.receive() { received.add(value) }
                    })
                if number % 3 == 0 { tasks[(number * 7) % tasks.count].cancel() }
                channel.send(number)
            }
            channel.finish()
            for task in tasks { _ = try? await task.value }
            while let left = channel.tryReceive() { received.add(left) }
        }
        #expect(received.values.sorted() == Array(0..<300))
    }
}

@Suite("a one-shot")
struct OneShotTests {
    @Test("gives its first result to all who wait, before and after, and refuses a second")
    func first() async throws {
        let oneShot = OneShot<Int>()
        try await bounded { () async throws in
            let before = spawn(on: TestLoops.loop, "before") { try await oneShot.wait() }
            let other = spawn(on: TestLoops.other, "other") { try await oneShot.wait() }
            #expect(oneShot.result == nil)
            #expect(oneShot.resolve(.success(1)))
            #expect(!oneShot.resolve(.success(2)))
            #expect(try await before.value == 1)
            #expect(try await other.value == 1)
            #expect(try await oneShot.wait() == 1)
            let kept = try oneShot.result?.get()
            #expect(kept == 1)
        }
    }

    @Test("ends one waiting by its cancellation, and no other")
    func cancellation() async throws {
        let oneShot = OneShot<Int>()
        let loop = TestLoops.loop
        try await bounded(on: loop) { () async throws in
            let gone = spawn(on: loop, "gone") { try await oneShot.wait() }
            let stays = spawn(on: loop, "stays") { try await oneShot.wait() }
            for _ in 0..<10 { await Task.yield() }
            gone.cancel()
            await #expect(throws: CancellationError.self) { try await gone.value }
            oneShot.resolve(.failure(ChannelClosed()))
            await #expect(throws: ChannelClosed.self) { try await stays.value }
        }
    }
}

@Suite("a broadcast channel")
struct BroadcastChannelTests {
    private typealias Received = BroadcastChannel<Int>.Received

    /// What a follower received, in a form that can be compared: elements, and what was missed as negative numbers.
    private static func flat(_ received: Received?) -> Int? {
        switch received {
        case .element(let number): number
        case .lagged(let count): -count
        case nil: nil
        }
    }

    @Test("gives each element to each follower, from where it began to follow")
    func everybody() async throws {
        let channel = BroadcastChannel<Int>(capacity: 2000)
        let early = channel.follow()
        for number in 0..<10 { channel.send(number) }
        let late = channel.follow()
        try await bounded { () async throws in
            let tasks = [early, late].map { follower in
                spawn(on: TestLoops.other, "follower") {
                    var received: [Int?] = []
                    for try await item in follower { received.append(Self.flat(item)) }
                    return received
                }
            }
            for number in 10..<1000 { channel.send(number) }
            channel.finish()
            #expect(!channel.send(1000))
            #expect(try await tasks[0].value == Array(0..<1000))
            #expect(try await tasks[1].value == Array(10..<1000))
        }
    }

    @Test("tells a slow follower how many it missed, then goes on with the oldest that is kept")
    func lag() async throws {
        let channel = BroadcastChannel<Int>(capacity: 4)
        let (slow, quick) = (channel.follow(), channel.follow())
        for number in 0..<10 {
            channel.send(number)
            #expect(Self.flat(quick.tryReceive()) == number)
        }
        let received = (0..<6).map { _ in Self.flat(slow.tryReceive()) }
        #expect(received == [-6, 6, 7, 8, 9, nil])
        channel.send(10)
        channel.finish()
        #expect(Self.flat(try await slow.receive()) == 10)
        #expect(try await slow.receive() == nil)
        #expect(try await slow.receive() == nil)
    }

    @Test("loses nothing by a follower that is cancelled while it waits")
    func cancellation() async throws {
        let channel = BroadcastChannel<Int>(capacity: 4)
        let follower = channel.follow()
        let loop = TestLoops.loop
        try await bounded(on: loop) { () async throws in
            let waiting = spawn(on: loop, "follower") { Self.flat(try await follower.receive()) }
            for _ in 0..<10 { await Task.yield() }
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            channel.send(5)
            #expect(Self.flat(try await follower.receive()) == 5)
        }
    }
}

@Suite("a merge of channels")
struct ChannelMergeTests {
    private enum Item: Equatable {
        case bounded(Int)
        case unbounded(String)
        case missed(Int)
        case over(Bool)
    }

    @Test("receives whichever has something, of all kinds, and ends when all have ended")
    func kinds() async throws {
        let numbers = AsyncChannel<Int>(capacity: 2)
        let words = UnboundedChannel<String>(reason: "a test")
        let broadcast = BroadcastChannel<Int>(capacity: 1)
        let over = OneShot<Void>()
        let merge = ChannelMerge<Item>([
            .from(numbers) { .bounded($0) }, .from(words) { .unbounded($0) },
            .from(broadcast.follow()) { if case .lagged(let count) = $0 { .missed(count) } else { .missed(0) } },
            .from(over) { result in .over((try? result.get()) != nil) },
        ])
        let loop = TestLoops.loop
        try await bounded(on: loop) { () async throws in
            /// What a receiver that waits already is given by `send`.
            func next(after send: @escaping @Sendable () -> Void) async throws -> Item? {
                let receiver = spawn(on: loop, "receiver") { try await merge.receive() }
                for _ in 0..<10 { await Task.yield() }
                send()
                return try await receiver.value
            }
            #expect(try await next { words.send("a") } == .unbounded("a"))
            #expect(try await next { numbers.trySend(1) } == .bounded(1))
            #expect(try await next { over.resolve(.success(())) } == .over(true))
            broadcast.send(1)
            broadcast.send(2)
            #expect(try await merge.receive() == .missed(1))
            #expect(merge.tryReceive() == .missed(0))
            words.finish()
            broadcast.finish()
            #expect(try await next { numbers.finish() } == nil)
            #expect(try await merge.receive() == nil)
        }
    }

    @Test("serves each channel in turn while all have something")
    func fairness() async throws {
        let channels = (0..<4).map { _ in AsyncChannel<Int>(capacity: 100) }
        for (index, channel) in channels.enumerated() {
            for _ in 0..<(index == 0 ? 100 : 20) { channel.trySend(index) }
        }
        let merge = ChannelMerge<Int>(channels.map { .from($0) { $0 } })
        let first = (0..<80).compactMap { _ in merge.tryReceive() }
        // The first has five times as much as each other, and gets no more turns for it.
        for index in 0..<4 { #expect(first.count { $0 == index } == 20) }
        for start in stride(from: 0, to: 80, by: 4) { #expect(Set(first[start..<start + 4]).count == 4) }
        #expect((0..<81).compactMap { _ in merge.tryReceive() }.count == 80)
    }

    @Test("takes nothing when cancelled, and doubles nothing between several receivers")
    func cancellationStorm() async throws {
        let channels = (0..<3).map { _ in AsyncChannel<Int>(capacity: 3) }
        let merge = ChannelMerge(channels[0], channels[1], channels[2])
        let (sent, received) = (Recorder<Int>(), Recorder<Int>())
        try await bounded { () async throws in
            var tasks: [Task<Void, any Error>] = []
            for number in 0..<400 {
                tasks.append(
                    spawn(on: TestLoops.group.loops[number % 2], "sender") {
                        try await channels[number % 3].send(number)
                        sent.add(number)
                    })
                tasks.append(
                    spawn(on: TestLoops.group.loops[(number + 1) % 2], "receiver") {
                        if let value = try await merge.receive() { received.add(value) }
                    })
                if number % 3 == 0 { tasks[(number * 7) % tasks.count].cancel() }
            }
            _ = try await sent.wait(for: 100)
            for channel in channels { channel.finish() }
            for task in tasks { _ = try? await task.value }
            while let left = merge.tryReceive() { received.add(left) }
        }
        #expect(sent.values.sorted() == received.values.sorted())
    }
}
