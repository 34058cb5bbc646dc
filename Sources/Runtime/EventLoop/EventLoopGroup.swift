internal import Glibc
internal import Synchronization

/// A number of event loops, made together and shut down together.
///
/// A program makes one, with a loop for each core that it means to use.
public final class EventLoopGroup: Sendable {
    /// The loops, by index.
    public let loops: [EventLoop]
    private let cursor = Atomic<Int>(0)
    /// How the shutdown went: claimed by whoever asked for it first.
    private let outcome = OneShot<Bool>()

    /// Makes the loops and starts their threads.
    ///
    /// SIGPIPE is ignored in the whole process from here on: a write to a closed peer is an error like any other.
    ///
    /// - Parameters:
    ///   - count: how many, at least 1.
    ///   - label: the threads' name; "-" and the loop's index are added. Linux shows 15 bytes of it.
    ///   - time: where the loops' timers take their time from; nil for the system's monotonic clock. Tests put a clock here
    ///     that they move by hand. The grace of `shutdown` is counted by it too.
    ///   - watchdog: who is told when something holds a loop for too long; nil for nobody.
    ///   - measuresJobs: measures each job, for `LoopCounters.longestJob`: two readings of the clock a job. For looking for
    ///     what is slow.
    /// - Throws: `UVError` when the process may not open more files, `SystemError` when it may not have more threads.
    public init(
        loops count: Int, label: String, time: (any LoopTimeSource)? = nil, watchdog: LoopWatchdog? = nil,
        measuresJobs: Bool = false
    ) throws {
        precondition(count > 0, "a group without loops")
        _ = signal(SIGPIPE, SIG_IGN)
        var made: [EventLoop] = []
        do {
            for index in 0..<count {
                let label = "\(label)-\(index)"
                made.append(try EventLoop(index: index, label: label, time: time, measuresJobs: measuresJobs))
            }
            for loop in made { try loop.start() }
            try watchdog?.start(for: made)
        } catch {
            for loop in made { loop.discard() }
            throw error
        }
        loops = made
        for loop in loops { time?.attach(LoopTimeFollower(loop: loop)) }
    }

    /// The loops in turn, to spread what has no place of its own.
    public func next() -> EventLoop {
        let turn = UInt(bitPattern: cursor.wrappingAdd(1, ordering: .relaxed).oldValue)
        return loops[Int(turn % UInt(loops.count))]
    }

    /// Ends the loops: cancels the tasks that `spawn` started and waits for them, fails what still waits for I/O, closes all
    /// handles and joins the threads. Not from a task on one of these loops.
    ///
    /// The tasks of all loops are cancelled at once and get `grace` together to heed that; whoever takes longer finds I/O on
    /// the loop failing, and its jobs run on a thread kept for that. None is lost. Whoever calls this again, also in the
    /// meantime, waits for the same end: the first call's grace counts. Does not heed cancellation: what it began has to end.
    ///
    /// - Parameter grace: how long to wait for tasks.
    /// - Returns: whether all tasks had ended in time.
    @discardableResult
    public func shutdown(grace: Duration = .seconds(10)) async -> Bool {
        precondition(!loops.contains { $0.isCurrent }, "a loop cannot await its own end")
        guard outcome.claim() else { return (try? await outcome.value()) ?? false }
        for loop in loops { loop.tasks.cancelAll() }
        let timer = loops[0].schedule(after: grace) { [loops] in for loop in loops { loop.tasks.abandon() } }
        let orderly = await tasksEnd()
        timer.cancel()
        for loop in loops { loop.stop() }
        for loop in loops { try? await loop.ended.value() }
        outcome.fulfil(.success(orderly))
        return orderly
    }

    /// Waits until no loop has a task; false once they are abandoned. What a task of one loop does at its end may start one
    /// on another that was found without: it is over when all were, and none has been started meanwhile.
    private func tasksEnd() async -> Bool {
        var started: Int
        repeat {
            started = tasksStarted
            for loop in loops {
                do { try await loop.tasks.drained().value() } catch { return false }
            }
        } while started != tasksStarted
        return true
    }

    private var tasksStarted: Int { loops.reduce(0) { $0 + $1.tasks.started } }
}
