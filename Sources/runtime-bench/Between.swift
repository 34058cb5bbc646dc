internal import Glibc
internal import Runtime

/// Channels between two loops.
enum Between {
    /// One message at a time, there and back, `count` times.
    static func pingPong(_ count: Int, _ loops: [EventLoop]) async throws {
        let there = AsyncChannel<Int>(capacity: 1)
        let back = AsyncChannel<Int>(capacity: 1)
        let other = spawn(on: loops[1], "other") {
            while let number = try await there.receive() { try await back.send(number) }
        }
        for number in 0..<count {
            try await there.send(number)
            _ = try await back.receive()
        }
        there.finish()
        _ = try await other.value
    }

    /// As fast as it goes, with room for 1,000.
    static func stream(_ count: Int, _ loops: [EventLoop]) async throws {
        let channel = AsyncChannel<Int>(capacity: 1000)
        let sender = spawn(on: loops[1], "sender") {
            for number in 0..<count { try await channel.send(number) }
            channel.finish()
        }
        while try await channel.receive() != nil {}
        _ = try await sender.value
    }

    /// Runs the body and prints how long it took.
    static func timed(_ body: () async throws -> Void) async throws {
        let (began, cpuBefore) = (seconds(CLOCK_MONOTONIC), seconds(CLOCK_PROCESS_CPUTIME_ID))
        try await body()
        let (ended, cpuAfter) = (seconds(CLOCK_MONOTONIC), seconds(CLOCK_PROCESS_CPUTIME_ID))
        print("{\"seconds\": \(ended - began), \"cpu\": \(cpuAfter - cpuBefore)}")
        fflush(nil)
    }

    private static func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
