import CLinux
import Glibc
import Runtime
import TestSupport
import Testing

@Suite("a connection")
struct ConnectionTests {
    @Test("carries megabytes both ways at once, the slower side setting the pace")
    func bothWays() async throws {
        let (near, far) = try Sockets.connected(on: TestLoops.loop, TestLoops.other)
        let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let echoed = try await bounded {
            let echo = spawn(on: TestLoops.other, "echo") {
                while let more = try await far.read(upTo: 10_000) { try await far.write(more) }
                try await far.shutdownWrite()
            }
            let writer = spawn(on: TestLoops.loop, "writer") {
                for start in stride(from: 0, to: bytes.count, by: 100_000) {
                    try await near.write(Array(bytes[start..<start + 100_000]))
                }
                try await near.shutdownWrite()
            }
            var received: [UInt8] = []
            while let more = try await near.read() { received += more }
            try await writer.value
            try await echo.value
            return received
        }
        #expect(echoed == bytes)
    }

    @Test("makes a writer wait whose peer does not read")
    func backPressure() async throws {
        let (near, far) = try Sockets.connected(on: TestLoops.loop, TestLoops.other)
        let loop = TestLoops.loop
        try await bounded {
            let done = Event()
            let writer = spawn(on: loop, "writer") {
                try await near.write([UInt8](repeating: 1, count: 8_000_000))
                done.happen()
            }
            try await loop.sleep(for: .milliseconds(50))
            #expect(!done.hasHappened)
            var count = 0
            while count < 8_000_000, let more = try await far.read() { count += more.count }
            try await writer.value
            #expect(count == 8_000_000)
        }
    }

    @Test("gives what the peer had sent before it took no more, also after a write that failed")
    func earlyAnswer() async throws {
        let (listening, address) = try Sockets.listening()
        defer { cl_close(listening) }
        let loop = TestLoops.loop
        try await bounded(on: loop) {
            let connection = try await Connection.connect(to: address, on: loop)
            let peer = accept(listening, nil, nil)
            try #require(peer >= 0)
            try await connection.write([1])
            // On the loop's thread, which sees nothing of it meanwhile. With a byte unread the close is a reset.
            #expect(send(peer, "no", 2, 0) == 2)
            cl_close(peer)
            // A busy kernel may take its time with the reset.
            await #expect(throws: UVError.self) { while true { try await connection.write([2]) } }
            #expect(try await connection.read() == Array("no".utf8))
            await #expect(throws: UVError.self) { try await connection.read() }
        }
    }

    @Test("reads no more than asked, and keeps the rest")
    func limits() async throws {
        let (near, far) = try Sockets.connected(on: TestLoops.loop, TestLoops.other)
        try await bounded {
            try await far.write([1, 2, 3, 4, 5])
            far.close()
            #expect(try await near.read(upTo: 2) == [1, 2])
            #expect(try await near.read(upTo: 2) == [3, 4])
            #expect(try await near.read(upTo: 2) == [5])
            #expect(try await near.read(upTo: 2) == nil)
        }
    }

    @Test("loses no byte when a read is cancelled")
    func cancelRead() async throws {
        let (near, far) = try Sockets.connected(on: TestLoops.loop, TestLoops.other)
        try await bounded {
            for round in 0..<20 {
                let started = Event()
                let reader = spawn(on: TestLoops.group.loops[round % 2], "reader") {
                    started.happen()
                    return try await near.read()
                }
                try await started.wait()
                reader.cancel()
                await #expect(throws: CancellationError.self) { try await reader.value }
                try await far.write([UInt8(round)])
                #expect(try await near.read() == [UInt8(round)])
            }
        }
    }

    @Test("turns a second reader away, and leaves the first and itself as they are")
    func secondReader() async throws {
        let (near, far) = try Sockets.connected(on: TestLoops.loop, TestLoops.other)
        try await bounded(on: TestLoops.loop) {
            let started = Event()
            let first = spawn(on: TestLoops.loop, "first") {
                started.happen()
                return try await near.read()
            }
            try await started.wait()
            let error = await #expect(throws: UVError.self) { _ = try await near.read() }
            #expect(error?.isBusy == true)
            try await far.write([1])
            #expect(try await first.value == [1])
            try await far.write([2])
            #expect(try await near.read() == [2])
        }
    }

    @Test("reads again at once after a cancelled read that has not reached its loop yet")
    func cancelledOnItsWay() async throws {
        let (near, far) = try Sockets.connected(on: TestLoops.loop, TestLoops.other)
        try await bounded {
            let (started, ended) = (Event(), Event())
            let reader = spawn(on: TestLoops.other, "reader") {
                defer { ended.happen() }
                started.happen()
                return try await near.read()
            }
            // Waits with the thread of the connection's loop, so that nothing reaches it meanwhile.
            while !started.hasHappened { usleep(100) }
            usleep(5000)
            reader.cancel()
            while !ended.hasHappened { usleep(100) }
            usleep(5000)
            await #expect(throws: CancellationError.self) { try await reader.value }
            let writer = spawn(on: TestLoops.other, "writer") { try await far.write([1]) }
            #expect(try await near.read() == [1])
            try await writer.value
        }
    }

    @Test("sends all or nothing of a write that is cancelled")
    func cancelWrite() async throws {
        let (near, far) = try Sockets.connected(on: TestLoops.loop, TestLoops.other)
        try await bounded {
            let early = spawn(on: TestLoops.other, "cancelled before") {
                withUnsafeCurrentTask { $0?.cancel() }
                try await near.write([0])
            }
            await #expect(throws: CancellationError.self) { try await early.value }
            let writer = spawn(on: TestLoops.other, "cancelled during") {
                try await near.write([UInt8](repeating: 1, count: 2_000_000))
            }
            // One byte shows that it has begun, and it cannot have ended: nobody reads the others.
            #expect(try await far.read(upTo: 1) == [1])
            writer.cancel()
            await #expect(throws: CancellationError.self) { try await writer.value }
            let second = spawn(on: TestLoops.other, "second") {
                try await near.write([2])
                try await near.shutdownWrite()
            }
            var received: [UInt8] = []
            while let more = try await far.read() { received += more }
            try await second.value
            #expect(received.count == 2_000_000 && received.last == 2)
        }
    }

    @Test("fails who reads or writes when it is closed")
    func close() async throws {
        let (near, far) = try Sockets.connected(on: TestLoops.loop, TestLoops.other)
        // Let go, it would be closed, and the read end by that.
        defer { far.close() }
        try await bounded {
            let started = Event()
            let reader = spawn(on: TestLoops.other, "reader") {
                started.happen()
                return try await near.read()
            }
            try await started.wait()
            near.close()
            near.close()
            let error = await #expect(throws: UVError.self) { try await reader.value }
            #expect(error?.isCancelled == true)
            await #expect(throws: UVError.self) { try await near.write([1]) }
        }
    }

    @Test("closes when nobody holds it")
    func letGo() async throws {
        var pair: (Connection, Connection)? = try Sockets.connected(on: TestLoops.loop, TestLoops.other)
        let far = try #require(pair?.1)
        pair = nil
        #expect(try await bounded { try await far.read() } == nil)
    }

    @Test("gives a peer's reset as an error after everything received before")
    func reset() async throws {
        let (descriptor, address) = try Sockets.listening()
        let listener = FDListener(adopting: descriptor, on: TestLoops.loop)
        try await bounded {
            let near = try await Connection.connect(to: address, on: TestLoops.loop)
            let far = Connection(adopting: try await listener.acceptDescriptor(), on: TestLoops.other)
            try await far.write([1])
            #expect(try await near.read() == [1])
            far.reset()
            let error = await #expect(throws: UVError.self) { try await near.read() }
            #expect(error?.isReset == true)
        }
    }

    @Test("is refused where nobody listens")
    func refused() async throws {
        let directory = try TemporaryDirectory()
        let (descriptor, address) = try Sockets.listening()
        cl_close(descriptor)
        for target in [address, .unix(path: directory.file("nobody"))] {
            let error = await #expect(throws: UVError.self) {
                try await bounded { try await Connection.connect(to: target, on: TestLoops.loop) }
            }
            #expect(error?.isRefused == true)
        }
    }

    @Test("gives up connecting at its deadline, and when cancelled")
    func connectTimeout() async throws {
        // A listener whose queue is full drops what comes: its peers wait.
        let (descriptor, address) = try Sockets.listening(backlog: 0)
        defer { cl_close(descriptor) }
        try await bounded {
            var filling: [Connection] = []
            while true {
                do {
                    filling.append(
                        try await Connection.connect(to: address, on: TestLoops.loop, timeout: .milliseconds(300)))
                    try #require(filling.count < 20)
                } catch is DeadlineError {
                    break
                }
            }
            let started = Event()
            let attempt = spawn(on: TestLoops.other, "attempt") {
                started.happen()
                return try await Connection.connect(to: address, on: TestLoops.loop, timeout: .seconds(1000))
            }
            try await started.wait()
            attempt.cancel()
            await #expect(throws: CancellationError.self) { _ = try await attempt.value }
        }
    }

    @Test("waits for a unix socket whose queue is full, until there is room")
    func fullUnixQueue() async throws {
        let directory = try TemporaryDirectory()
        let address = SocketAddress.unix(path: directory.file("full"))
        let listener = FDListener(adopting: try Listener.socket(on: address, backlog: 0), on: TestLoops.loop)
        try await bounded {
            let first = try await Connection.connect(to: address, on: TestLoops.loop)
            await #expect(throws: DeadlineError.self) {
                try await Connection.connect(to: address, on: TestLoops.loop, timeout: .milliseconds(30))
            }
            let second = spawn(on: TestLoops.other, "second") {
                try await Connection.connect(to: address, on: TestLoops.other)
            }
            let accepted = try await listener.accept()
            try await second.value.write([1])
            #expect(try await listener.accept().receive()?.bytes == [1])
            accepted.close()
            #expect(try await first.read() == nil)
        }
    }

    @Test("fails to connect when the loop ends, also to a unix socket whose queue is full")
    func fullUnixQueueAtTheEnd() async throws {
        let directory = try TemporaryDirectory()
        let address = SocketAddress.unix(path: directory.file("full"))
        let descriptor = try Listener.socket(on: address, backlog: 0)
        defer { cl_close(descriptor) }
        let group = try EventLoopGroup(loops: 1, label: "leaving")
        try await bounded(on: TestLoops.other) {
            let first = try await Connection.connect(to: address, on: TestLoops.loop)
            let second = spawn(on: TestLoops.other, "second") {
                try await Connection.connect(to: address, on: group.loops[0], timeout: .seconds(1000))
            }
            // Sent off after it from the same loop, hence run after it.
            let begun = Event()
            spawn(on: TestLoops.other, "behind it") { group.loops[0].execute { begun.happen() } }
            try await begun.wait()
            await group.shutdown()
            let error = await #expect(throws: UVError.self) { _ = try await second.value }
            #expect(error?.isCancelled == true)
            // And where the loop has ended already.
            await #expect(throws: UVError.self) { _ = try await Connection.connect(to: address, on: group.loops[0]) }
            first.close()
        }
    }

    @Test("fails where the descriptor can't be waited for", arguments: ["file", "directory", "/dev/null"])
    func unpollable(what: String) async throws {
        let directory = try TemporaryDirectory()
        try directory.write("text", to: "file")
        let path = what == "directory" ? directory.path : what == "file" ? directory.file(what) : what
        let descriptor = try SystemError.check(open(path, O_RDONLY | O_CLOEXEC), "open")
        try await bounded {
            let connection = Connection(adopting: descriptor, on: TestLoops.loop)
            let error = await #expect(throws: UVError.self) { try await connection.read() }
            #expect(error?.code == -EPERM)
            await #expect(throws: UVError.self) { try await connection.write([1]) }
        }
    }

    @Test("continues a stream that callbacks have served, with what they had read beyond")
    func continuing() async throws {
        let ends = try Sockets.pair()
        let loop = TestLoops.loop
        try await bounded {
            let peer = Connection(adopting: ends.1, on: TestLoops.other)
            let taken = AsyncChannel<Connection>(capacity: 1)
            loop.execute {
                let stream = StreamHandle(adopting: ends.0, on: loop, accepted: true)
                let witness = Witness()
                witness.onRead = { stream, bytes in
                    taken.trySend(Connection(continuing: stream, read: Array(bytes.dropFirst())))
                }
                stream.delegate = witness
                stream.startReading()
            }
            try await peer.write([1, 2, 3])
            let connection = try #require(try await taken.receive())
            #expect(try await connection.read() == [2, 3])
            try await peer.write([4])
            #expect(try await connection.read() == [4])
            try await connection.write([5])
            #expect(try await peer.read() == [5])
        }
    }
}
