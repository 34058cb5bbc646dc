internal import Foundation
internal import Glibc
public import Runtime

/// What stress tests share: how long they run, and chance that can be repeated.
public enum Stress {
    /// How long one runs: UNCLOUD_STRESS_SECONDS, or five seconds.
    public static var duration: Duration {
        let text = ProcessInfo.processInfo.environment["UNCLOUD_STRESS_SECONDS"]
        return .seconds(text.flatMap { Double($0) } ?? 5)
    }

    /// The first number of chance: UNCLOUD_STRESS_SEED, or the time. A failed test tells it.
    public static let seed: UInt64 = {
        let text = ProcessInfo.processInfo.environment["UNCLOUD_STRESS_SEED"]
        return text.flatMap { UInt64($0) } ?? UInt64(bitPattern: Int64(time(nil)))
    }()

    /// Starts tasks and cancels each after a moment of chance, until the time is over; returns when all have ended.
    ///
    /// - Parameters:
    ///   - duration: how long.
    ///   - workers: how many tasks at a time.
    ///   - loops: where the tasks run, and the timers.
    ///   - operation: one task's work, by a number of chance. What it throws is its own affair; it has to say by other means
    ///     what must not be.
    /// - Returns: how many were started, and how many of them ended without an error.
    /// - Throws: `CancellationError` when a worker could not go on.
    public static func run(
        for duration: Duration, workers: Int, on loops: [EventLoop],
        _ operation: @escaping @Sendable (UInt64) async throws -> Void
    ) async throws -> (started: Int, finished: Int) {
        let end = ContinuousClock.now + duration
        let tasks = (0..<workers).map { number in
            let loop = loops[number % loops.count]
            return spawn(on: loop, "stress worker") {
                var chance = Chance(seed: seed &+ UInt64(number) &* 0x9e37_79b9)
                var (started, finished) = (0, 0)
                while ContinuousClock.now < end {
                    // A task a turn: what a task's own stack of memory keeps goes with it.
                    let choices = (chance.next(), chance.next(), chance.next())
                    let turn = spawn(on: loop, "stress turn") { await take(choices, on: loops, from: loop, operation) }
                    started += 1
                    if try await turn.value { finished += 1 }
                }
                return (started, finished)
            }
        }
        var sum = (started: 0, finished: 0)
        for task in tasks {
            let (started, finished) = try await task.value
            sum = (sum.started + started, sum.finished + finished)
        }
        return sum
    }

    /// One task and its cancellation: at once, within the first moments, or hardly ever in time. Whether it ended well.
    private static func take(
        _ choices: (UInt64, UInt64, UInt64), on loops: [EventLoop], from loop: EventLoop,
        _ operation: @escaping @Sendable (UInt64) async throws -> Void
    ) async -> Bool {
        let task = spawn(on: loops[Int(choices.0 >> 32) % loops.count], "stress") { try await operation(choices.0) }
        let patience = [0, 100, 1000, 5000, 50_000][Int(choices.1 % 5)] * Int(choices.2 % 1000) / 1000
        let canceller = spawn(on: loop, "canceller") {
            if patience > 0 { try await loop.sleep(for: .microseconds(patience)) }
            task.cancel()
        }
        let result = await task.result
        canceller.cancel()
        _ = await canceller.result
        if case .success = result { return true }
        return false
    }
}

/// Numbers of chance that a seed repeats (SplitMix64).
public struct Chance: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// Begins where the seed says.
    public init(seed: UInt64) { state = seed }

    /// The next number.
    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}

/// What a process holds, for tests that have a process of their own.
public enum Holdings {
    /// Has Swift Testing keep no backtrace for each error that is thrown from here on: it does until the run's end, some 150
    /// bytes each, which would look like a leak. The hook is the Swift runtime's (`swift_willThrow`, Errors.h).
    public static func forgetThrownErrors() {
        for name in ["_swift_willThrow", "_swift_willThrowTypedImpl"] {
            // SAFETY: a variable of the runtime that holds a function's address or null, here before other threads throw.
            dlsym(nil, name)?.assumingMemoryBound(to: UInt.self).pointee = 0
        }
    }

    /// Open descriptors, each with what it is of: an inherited one's file may be deleted meanwhile.
    public static var descriptors: Set<String> {
        let directory = "/proc/self/fd"
        let all = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return Set(
            all.compactMap { number in
                // Gone by now: what the directory was read by.
                let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(directory)/\(number)")
                return target.map { "\(number) \($0)".replacing(" (deleted)", with: "") }
            })
    }

    /// Bytes that malloc has handed out and not got back, by its own report (malloc_info(3)); those in the caches of threads
    /// count as handed out.
    public static var heapBytes: Int {
        typealias Function = @convention(c) (CInt, UnsafeMutablePointer<FILE>) -> CInt
        guard let symbol = dlsym(nil, "malloc_info") else { return 0 }
        var text: UnsafeMutablePointer<CChar>?
        var length = 0
        guard let stream = open_memstream(&text, &length) else { return 0 }
        // SAFETY: the C function's own type; stream and text are this function's alone.
        _ = unsafeBitCast(symbol, to: Function.self)(0, stream)
        fclose(stream)
        defer { free(text) }
        let report = text.map { String(cString: $0) } ?? ""
        let totals = report.components(separatedBy: "</heap>").last ?? ""
        func size(_ line: String) -> Int {
            let rest = totals.components(separatedBy: line).dropFirst().first ?? ""
            let number = rest.components(separatedBy: "size=\"").dropFirst().first?.prefix { $0.isNumber }
            return number.flatMap { Int($0) } ?? 0
        }
        return size("system type=\"current\"") + size("type=\"mmap\"") - size("type=\"fast\"") - size("type=\"rest\"")
    }
}
