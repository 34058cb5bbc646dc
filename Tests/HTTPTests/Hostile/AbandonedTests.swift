import Foundation
import Glibc
import HTTP
import Runtime
import TestSupport
import Testing

@Suite("ten thousand connections")
struct AbandonedTests {
    private static let count = 10_000

    @Test(
        "opened, brought into every state and abandoned they cost little and leave nothing",
        .disabled(if: Sanitizer.isPresent, "a fork"))
    func alone() async throws {
        guard try Requirement.need("python3") else { return }
        // In a process of its own, whose memory nobody else uses.
        let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
            try await Self.abandon()
        }
        print(String(decoding: result?.standardOutputContent ?? [], as: UTF8.self), terminator: "")
    }

    @Test("abandoned they leave nothing, seen by a sanitizer", .enabled(if: Sanitizer.isPresent))
    func sanitized() async throws {
        guard try Requirement.need("python3") else { return }
        try await Self.abandon()
    }

    private static func abandon() async throws {
        try #require(raiseDescriptorLimit() > Self.count + 500, "needs a limit of \(Self.count + 500) open files")
        try await Siege.run {
            $0.headTimeout = .seconds(4).patient
            $0.bodyTimeout = .seconds(4).patient
            $0.idleTimeout = .seconds(4).patient
            $0.halfCloseGrace = .seconds(1)
        } attack: { siege in
            let before = residentBytes()
            let peers = try await Abandoner(siege, count: Self.count)
            try await peers.expect("open")
            try await siege.waitUntil("all are accepted") { $0.accepted > Self.count }
            await siege.letRead()
            let each = (residentBytes() - before) / Self.count
            print("\(each) bytes of memory a connection, a sixth of them waiting for an answer")
            if !Sanitizer.isPresent { #expect(each < 4096) }
            try await peers.input.write([0x0a])
            try await peers.expect("left")
            // Who waits for an answer is there for as long as it likes; all others' time is over.
            try await siege.waitUntil("the silent have been closed") { $0.connections <= Self.count / 6 + 2 }
            peers.input.close()
            peers.output.close()
        }
    }
}

/// `Tests/HTTPData/abandon.py`, which has the peers' ends: one process may not open as many files.
private struct Abandoner {
    let child: ChildProcess
    let input: Connection
    let output: Connection

    init(_ siege: Siege, count: Int) async throws {
        let loop = siege.group.loops[1]
        var (reading, writing): ([CInt], [CInt]) = ([-1, -1], [-1, -1])
        let opened = openPipe(&reading) && openPipe(&writing)
        try #require(opened)
        let script = RawRequest.folder.appending(path: "abandon.py").path
        var spec = ProcessSpec(
            executable: "python3", arguments: [script, "\(siege.address.port ?? 0)", "\(count)"], deathSignal: 9)
        spec.inheritedDescriptors = [0: reading[0], 1: writing[1]]
        child = try await ChildProcess.spawn(spec, on: loop)
        closeDescriptor(reading[0])
        closeDescriptor(writing[1])
        input = Connection(adopting: reading[1], on: loop)
        output = Connection(adopting: writing[0], on: loop)
    }

    func expect(_ word: String) async throws {
        let output = output
        let said = try await withDeadline(guardTime, on: output.loop, word) {
            var said: [UInt8] = []
            while said.last != 0x0a, let more = try await output.read() { said += more }
            return said
        }
        #expect(said == Array("\(word)\n".utf8))
    }
}

/// Allows as many open files as this process may; returns how many.
private func raiseDescriptorLimit() -> Int {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    return Int(clamping: limit.rlim_cur)
}
