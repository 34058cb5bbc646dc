import Runtime
import TestSupport
import Testing

@Suite("a channel")
struct AsyncChannelTests {
    @Test("gives elements in the order of sending")
    func order() async throws {
        let channel = AsyncChannel<Int>(capacity: 3)
        let sender = spawn(on: TestLoops.other, "sender") {
            for number in 0..<2000 { try await channel.send(number) }
            channel.finish()
        }
        let received = try await bounded {
            var received: [Int] = []
            for try await number in channel { received.append(number) }
            return received
        }
        try await sender.value
        #expect(received == Array(0..<2000))
    }

    @Test("makes the sender wait when full, until somebody receives")
    func backPressure() async throws {
        let channel = AsyncChannel<Int>(capacity: 2)
        let sent = Recorder<Int>()
        #expect(channel.trySend(1) && channel.trySend(2) && !channel.trySend(3))
        let loop = TestLoops.loop
        try await bounded(on: loop) {
            let sender = spawn(on: loop, "sender") {
                try await channel.send(3)
                sent.add(3)
            }
            // The sender is on this loop: after these turns it has come as far as it gets.
            for _ in 0..<10 { await Task.yield() }
            #expect(sent.values.isEmpty && channel.count == 2)
            #expect(try await channel.receive() == 1)
            try await sender.value
            #expect(sent.values == [3])
            #expect(try await channel.receive() == 2)
            #expect(try await channel.receive() == 3)
        }
    }

    @Test("lets a waiting sender be cancelled, and then has not sent")
    func cancelSender() async throws {
        let channel = AsyncChannel<Int>(capacity: 1)
        let loop = TestLoops.loop
        try await bounded(on: loop) {
            try await channel.send(1)
            let sender = spawn(on: loop, "sender") { try await channel.send(2) }
            for _ in 0..<10 { await Task.yield() }
            sender.cancel()
            await #expect(throws: CancellationError.self) { try await sender.value }
            #expect(try await channel.receive() == 1)
            #expect(channel.tryReceive() == nil)
        }
    }

    @Test("lets a waiting receiver be cancelled, and then loses nothing")
    func cancelReceiver() async throws {
        let channel = AsyncChannel<Int>(capacity: 1)
        let loop = TestLoops.loop
        try await bounded(on: loop) {
            let receiver = spawn(on: loop, "receiver") { try await channel.receive() }
            for _ in 0..<10 { await Task.yield() }
            receiver.cancel()
            await #expect(throws: CancellationError.self) { try await receiver.value }
            try await channel.send(1)
            #expect(channel.tryReceive() == 1)
        }
    }

    @Test("refuses a task that is cancelled already")
    func alreadyCancelled() async throws {
        let channel = AsyncChannel<Int>(capacity: 1)
        try await bounded {
            let task = spawn(on: TestLoops.loop, "cancelled") {
                withUnsafeCurrentTask { $0?.cancel() }
                try await channel.send(1)
            }
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(channel.count == 0)
        }
    }

    @Test("loses and doubles nothing when senders and receivers are cancelled at random")
    func cancellationStorm() async throws {
        let channel = AsyncChannel<Int>(capacity: 4)
        let (sent, received) = (Recorder<Int>(), Recorder<Int>())
        try await bounded {
            var tasks: [Task<Void, any Error>] = []
            for number in 0..<400 {
                tasks.append(
                    spawn(on: TestLoops.group.loops[number % 2], "sender") {
                        try await channel.send(number)
                        sent.add(number)
                    })
                tasks.append(
                    spawn(on: TestLoops.group.loops[(number + 1) % 2], "receiver") {
                        if let value = try await channel.receive() { received.add(value) }
                    })
                if number % 3 == 0 { tasks[(number * 7) % tasks.count].cancel() }
            }
            channel.finish()
            for task in tasks { _ = try? await task.value }
            while let left = channel.tryReceive() { received.add(left) }
        }
        #expect(sent.values.sorted() == received.values.sorted())
    }

    @Test("ends for its receivers only when empty, and for its senders at once")
    func finish() async throws {
        let channel = AsyncChannel<Int>(capacity: 1)
        let loop = TestLoops.loop
        try await bounded(on: loop) {
            try await channel.send(1)
            let sender = spawn(on: loop, "sender") { try await channel.send(2) }
            for _ in 0..<10 { await Task.yield() }
            channel.finish()
            channel.finish()
            await #expect(throws: ChannelClosed.self) { try await sender.value }
            await #expect(throws: ChannelClosed.self) { try await channel.send(3) }
            #expect(!channel.trySend(4))
            #expect(try await channel.receive() == 1)
            #expect(try await channel.receive() == nil)
            #expect(try await channel.receive() == nil)
        }
    }

    @Test("wakes every waiting receiver at the end")
    func finishReceivers() async throws {
        let channel = AsyncChannel<Int>(capacity: 1)
        let loop = TestLoops.loop
        try await bounded(on: loop) {
            let receivers = (0..<5).map { _ in spawn(on: loop, "receiver") { try await channel.receive() } }
            for _ in 0..<10 { await Task.yield() }
            channel.finish()
            for receiver in receivers {
                let received = try await receiver.value
                #expect(received == nil)
            }
        }
    }
}
