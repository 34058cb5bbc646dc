import CLinux
import Glibc
import Runtime
import TestSupport
import Testing

/// Counts what a greedy one gets while a modest one, which is ready, waits for its turn. On one loop.
// SAFETY: all members are used on the loop's thread.
private final class Contest: @unchecked Sendable {
    /// What the greedy one had before the modest one was served, each time.
    let served = Recorder<Int>()
    private var had = 0
    private var isReady = false
    private let ours: StreamHandle
    private let modest: Modest
    private let theirs: CInt
    private let rounds: Int

    /// The one that asks for a byte at a time.
    private final class Modest: StreamDelegate {
        var didRead: () -> Void = {}
        func stream(_ stream: StreamHandle, didRead bytes: Span<UInt8>) { didRead() }
        func streamDidEnd(_ stream: StreamHandle) {}
    }

    init(rounds: Int, on loop: EventLoop) throws {
        let ends = try Sockets.pair()
        self.rounds = rounds
        theirs = ends.1
        ours = StreamHandle(adopting: ends.0, on: loop)
        modest = Modest()
    }

    func start() {
        modest.didRead = { [unowned self] in
            served.add(had)
            had = 0
            isReady = false
        }
        ours.delegate = modest
        ours.startReading()
    }

    var isOver: Bool { served.values.count >= rounds }

    /// The greedy one got something.
    func greedy(_ amount: Int) {
        had += amount
        if isReady || isOver { return }
        isReady = true
        had = 0
        cl_send(theirs, [1], 1)
    }

    func end() {
        ours.close()
        cl_close(theirs)
    }
}

/// A peer that always has more: what is read is there again before the read's callback returns.
// SAFETY: all members are used on the loop's thread.
private final class Flood: StreamDelegate, @unchecked Sendable {
    private let theirs: CInt
    private let contest: Contest
    private let bytes = [UInt8](repeating: 7, count: 65536)
    /// What becomes of a number of bytes.
    var onRead: (Int) -> Void = { _ in }

    init(from theirs: CInt, _ contest: Contest) {
        self.theirs = theirs
        self.contest = contest
        refill()
    }

    func stream(_ stream: StreamHandle, didRead bytes: Span<UInt8>) {
        onRead(bytes.count)
        refill()
        if contest.isOver { stream.pauseReading() }
    }

    func streamDidEnd(_ stream: StreamHandle) {}

    private func refill() { while cl_send(theirs, bytes, bytes.count) > 0 {} }
}

/// What is to be done on the loop at the end.
// SAFETY: used on the loop's thread.
private final class Ending: @unchecked Sendable {
    var body: () -> Void = {}
}

@Suite("fairness between those on one loop")
struct FairnessTests {
    /// Runs a contest on a loop of its own; what the greedy one had each time. `begin` runs on the loop.
    private func measured(
        rounds: Int = 100, _ begin: @escaping @Sendable (EventLoop, Contest) -> () -> Void
    ) async throws -> [Int] {
        let group = try EventLoopGroup(loops: 1, label: "fair")
        let loop = group.loops[0]
        let contest = try Contest(rounds: rounds, on: loop)
        let end = Ending()
        let ended = Event()
        loop.execute {
            contest.start()
            end.body = begin(loop, contest)
        }
        let result = try await bounded { try await contest.served.wait(for: rounds) }
        loop.execute {
            end.body()
            contest.end()
            ended.happen()
        }
        try await bounded { try await ended.wait() }
        await group.shutdown()
        return result
    }

    private static func flood(
        _ loop: EventLoop, _ contest: Contest, _ onRead: @escaping (Int) -> Void
    ) -> () -> Void {
        guard let ends = try? Sockets.pair() else { return {} }
        let stream = StreamHandle(adopting: ends.0, on: loop)
        let flood = Flood(from: ends.1, contest)
        flood.onRead = onRead
        stream.delegate = flood
        stream.startReading()
        return {
            stream.close()
            cl_close(ends.1)
        }
    }

    @Test("one huge body gets at most two turns' bytes before whoever is ready is served")
    func bytes() async throws {
        let had = try await measured { loop, contest in
            Self.flood(loop, contest) { contest.greedy($0) }
        }
        // The rest of the turn in which the other became ready, and at most one more.
        let turn = readBudget * 65536
        #expect(had.allSatisfy { $0 <= 2 * turn }, "\(had.max() ?? 0)")
        // It isn't starved either.
        #expect(had.reduce(0, +) >= had.count * 65536 / 2)
    }

    @Test("a connection that pipelines without end gets at most two turns' jobs before whoever is ready is served")
    func jobs() async throws {
        let had = try await measured(rounds: 20) { loop, contest in
            Self.flood(loop, contest) { _ in
                // As if each read held 5,000 requests that become jobs.
                for _ in 0..<5000 { loop.execute { contest.greedy(1) } }
            }
        }
        #expect(had.allSatisfy { $0 <= 2 * drainBudget }, "\(had.max() ?? 0)")
    }

    @Test("many ready streams together get no more jobs a turn than one")
    func manyStreams() async throws {
        let had = try await measured(rounds: 20) { loop, contest in
            let ends = (0..<20).map { _ in
                Self.flood(loop, contest) { _ in for _ in 0..<500 { loop.execute { contest.greedy(1) } } }
            }
            return { for end in ends { end() } }
        }
        #expect(had.allSatisfy { $0 <= 2 * drainBudget }, "\(had.max() ?? 0)")
    }

    @Test("a storm of connections gets at most two turns' accepts before whoever is ready is served")
    func accepts() async throws {
        let (descriptor, address) = try Sockets.listening(backlog: 1000)
        var peers: [Connection] = []
        for _ in 0..<500 {
            peers.append(try await Connection.connect(to: address, on: TestLoops.loop))
        }
        let had = try await measured(rounds: 1) { loop, contest in
            // A listener takes twice as many each time, so that the first turns say nothing.
            var count = 0
            let listener = try? Listener(adopting: descriptor, on: loop) {
                count += 1
                if count > 200 { contest.greedy(1) }
                cl_close($0)
            }
            return { listener?.close() }
        }
        withExtendedLifetime(peers) {}
        #expect(had.allSatisfy { $0 <= 2 * 64 }, "\(had.max() ?? 0)")
    }
}
