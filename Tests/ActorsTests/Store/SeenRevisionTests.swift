import Actors
import Foundation
import Glibc
import Model
import Runtime
import Store
import TestKit
import TestSupport
import Testing

@Suite("The highest revision seen")
struct SeenRevisionTests {
    private let directory: TemporaryDirectory
    private let paths: [String]

    init() throws {
        directory = try TemporaryDirectory("seen")
        mkdir(directory.file("state"), 0o700)
        mkdir(directory.file("run"), 0o700)
        paths = SeenRevision.paths(stateDirectory: directory.file("state"), runDirectory: directory.file("run"))
    }

    private func highest(_ cluster: String = "c1") -> Int64? { SeenRevision.highest(in: paths, cluster: cluster) }

    @Test("nothing is known before the first note, and nothing of another store")
    func unknown() async throws {
        #expect(highest() == nil)
        _ = try await SeenRevision.begin(at: 7, cluster: "c1", in: paths, on: TestLoops.loop)
        #expect(highest() == 7)
        #expect(highest("c2") == nil)
    }

    @Test("what is noted is in the files after a flush, the highest of it, in both places")
    func notes() async throws {
        let seen = try await SeenRevision.begin(at: 7, cluster: "c1", in: paths, on: TestLoops.loop)
        for revision in [Int64(8), 12, 10, 99, 100, 98] { seen.note(revision) }
        await seen.flush()
        #expect(highest() == 100)
        for path in paths { #expect(SeenRevision.highest(in: [path], cluster: "c1") == 100) }
    }

    @Test("one of the two places is enough: a state directory restored as a whole is found out by the other")
    func restored() async throws {
        let seen = try await SeenRevision.begin(at: 7, cluster: "c1", in: paths, on: TestLoops.loop)
        let old = try Data(contentsOf: URL(fileURLWithPath: paths[0]))
        seen.note(20)
        await seen.flush()
        try old.write(to: URL(fileURLWithPath: paths[0]))
        #expect(highest() == 20)
        unlink(paths[1])
        #expect(highest() == 7)
    }

    @Test("a file that was cut off or spoilt tells nothing, least of all a higher number")
    func spoilt() async throws {
        _ = try await SeenRevision.begin(at: 7, cluster: "c1", in: paths, on: TestLoops.loop)
        unlink(paths[1])
        let whole = try Data(contentsOf: URL(fileURLWithPath: paths[0]))
        for length in 0..<whole.count - 1 {
            try whole.prefix(length).write(to: URL(fileURLWithPath: paths[0]))
            #expect(highest() == nil, "\(length) bytes")
        }
        try Data(repeating: 0, count: whole.count).write(to: URL(fileURLWithPath: paths[0]))
        #expect(highest() == nil)
    }

    @Test("beginning anew takes the store's revision, however much more was noted")
    func anew() async throws {
        _ = try await SeenRevision.begin(at: 1000, cluster: "c1", in: paths, on: TestLoops.loop)
        _ = try await SeenRevision.begin(at: 3, cluster: "c2", in: paths, on: TestLoops.loop)
        #expect(highest("c1") == nil)
        #expect(highest("c2") == 3)
    }

    @Test("a directory that can't be written keeps a node from beginning, and a running one from nothing")
    func unwritable() async throws {
        let seen = try await SeenRevision.begin(at: 7, cluster: "c1", in: paths, on: TestLoops.loop)
        try FileManager.default.removeItem(atPath: directory.file("state"))
        seen.note(8)
        await seen.flush()
        #expect(highest() == 8, "the other place has it")
        await #expect(throws: SystemError.self) {
            try await SeenRevision.begin(at: 8, cluster: "c1", in: paths, on: TestLoops.loop)
        }
    }
}
