import Foundation
import Runtime
import TestSupport
import Testing

/// What this process has open and running, by the names in /proc.
private enum Census {
    static func threads(named prefix: String) -> Int {
        let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
        return tasks.filter { task in
            let name = (try? String(contentsOfFile: "/proc/self/task/\(task)/comm", encoding: .utf8)) ?? ""
            return name.hasPrefix(prefix)
        }.count
    }

    static func polls() -> Int {
        let descriptors = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return descriptors.filter { descriptor in
            let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(descriptor)")
            return target == "anon_inode:[eventpoll]"
        }.count
    }
}

@Suite("a group's shutdown", .serialized)
struct ShutdownTests {
    @Test("ends the threads and closes every loop's descriptors")
    func leavesNothing() async throws {
        let groups = try (0..<8).map { _ in try EventLoopGroup(loops: 2, label: "ending") }
        let running = Recorder<Bool>()
        for loop in groups.flatMap(\.loops) { loop.execute { running.add(true) } }
        _ = try await bounded { try await running.wait(for: 16) }
        #expect(Census.threads(named: "ending") == 16)
        let during = Census.polls()
        for group in groups { #expect(await group.shutdown()) }
        // The last act of a thread is to say that it is done: the kernel may show it for a moment longer.
        for _ in 0..<1000 where Census.threads(named: "ending") > 0 { await Task.yield() }
        #expect(Census.threads(named: "ending") == 0)
        #expect(Census.polls() <= during - 16 + 8)
    }

    @Test("cancels the tasks that were spawned, and waits for what they make of it")
    func cancelsTasks() async throws {
        let group = try EventLoopGroup(loops: 2, label: "cancelling")
        let started = Recorder<Int>()
        let recorder = Recorder<String>()
        for (index, loop) in group.loops.enumerated() {
            spawn(on: loop, "sleeper") {
                started.add(index)
                do {
                    try await loop.sleep(for: .seconds(1000))
                } catch {
                    recorder.add("\(index): \(error is CancellationError)")
                }
            }
        }
        _ = try await bounded { try await started.wait(for: 2) }
        #expect(await group.shutdown())
        #expect(Set(recorder.values) == ["0: true", "1: true"])
    }

    @Test("fails what waits for I/O outside of spawned tasks")
    func failsIO() async throws {
        let group = try EventLoopGroup(loops: 1, label: "failing")
        let loop = group.loops[0]
        let (near, far) = try Sockets.connected(on: loop, TestLoops.loop)
        let reading = Event()
        let reader = spawn(on: TestLoops.other, "reader") {
            reading.happen()
            return try await near.read()
        }
        try await bounded { try await reading.wait() }
        await group.shutdown()
        await #expect(throws: UVError.self) { try await bounded { try await reader.value } }
        // The peer sees the end: nothing was left open.
        #expect(try await bounded { try await far.read() } == nil)
        await #expect(throws: UVError.self) { try await bounded { try await near.write([1]) } }
    }

    @Test("loses no job that arrives later")
    func afterlife() async throws {
        let group = try EventLoopGroup(loops: 1, label: "late")
        let loop = group.loops[0]
        let onLoop = OnLoop(loop: loop)
        await group.shutdown()
        let (home, numbers) = try await bounded {
            await onLoop.add(1)
            return (await onLoop.isAtHome(), await onLoop.numbers())
        }
        #expect(home && numbers == [1])
        #expect(loop.counters.lateJobs > 0)
        await #expect(throws: (any Error).self) {
            try await bounded { try await Connection.connect(to: .ipv6(host: "::1", port: 1), on: loop) }
        }
    }

    @Test("tells that a task did not heed its cancellation, and ends all the same")
    func stubborn() async throws {
        let group = try EventLoopGroup(loops: 1, label: "stubborn")
        let (started, release) = (Event(), Event())
        let task = spawn(on: group.loops[0], "stubborn") {
            started.happen()
            while !release.hasHappened { await Task.yield() }
            return group.loops[0].isCurrent
        }
        try await bounded { try await started.wait() }
        #expect(await group.shutdown(grace: .milliseconds(20)) == false)
        release.happen()
        #expect(try await bounded { try await task.value })
    }
}
