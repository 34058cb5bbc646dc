import Actors
import Foundation
import JSON
import Runtime
import TestSupport
import Testing

@Suite("The node's events")
struct EventLogTests {
    private func open(_ directory: TemporaryDirectory) async -> EventLog {
        await EventLog.open(directory.file("events.jsonl"), loop: TestLoops.loop) { "2026-01-01T00:00:00Z" }
    }

    private func numbers(_ log: EventLog) async throws -> [Int64] {
        let events = try #require(await log.read(since: nil, follow: false))
        var numbers: [Int64] = []
        while let event = try await events.receive() { numbers.append(event["sequence"]?.intValue ?? 0) }
        return numbers
    }

    @Test("the newest 1,024 are kept, in memory and over restarts, in two files at most")
    func bounded() async throws {
        let directory = try TemporaryDirectory("events")
        let log = await open(directory)
        for index in 1...3000 {
            await log.add(kind: "test.told", subject: "test/\(index)", message: "x")
            if index % 100 == 0 { await log.flush() }
        }
        await log.add(kind: "node.stopped", subject: "node/a", message: "x")
        await log.flush()
        #expect(try await numbers(log) == Array(1978...3001))
        let next = await open(directory)
        #expect(try await numbers(next) == Array(1978...3001))
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).count == 2)
    }

    @Test("a last line that was cut off costs that event alone, and numbers go on with a gap")
    func cutOff() async throws {
        let directory = try TemporaryDirectory("events")
        let log = await open(directory)
        for _ in 1...3 { await log.add(kind: "test.told", subject: "test/a", message: "x") }
        await log.flush()
        truncate(directory.file("events.jsonl"), off_t(try directory.read("events.jsonl").utf8.count - 10))
        let next = await open(directory)
        #expect(try await numbers(next) == [1, 2])
        await next.add(kind: "test.told", subject: "test/b", message: "x")
        await next.flush()
        #expect(try await numbers(next) == [1, 2, 1003])
        #expect(try await numbers(await open(directory)) == [1, 2, 1003])
    }

    @Test("where nothing can be written events are told all the same")
    func unwritable() async throws {
        let directory = try TemporaryDirectory("events")
        let log = await EventLog.open(directory.file("nowhere/events.jsonl"), loop: TestLoops.loop) { "" }
        await log.add(kind: "test.told", subject: "test/a", message: "x")
        await log.flush()
        #expect(try await numbers(log) == [1])
        #expect(await log.read(since: 2, follow: true) == nil)
    }
}
