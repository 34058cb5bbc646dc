import Glibc
import Runtime
import TestSupport
import Testing

@Suite("the example echo")
struct ExampleTests {
    private static let files = Files(on: BlockingPool(threads: 1))
    /// The tree this was built from.
    private static let root = #filePath.split(separator: "/").dropLast(3).reduce(into: "") { $0 += "/" + $1 }

    @Test("answers many connections with what they send, and ends in order when told to")
    func echo() async throws {
        let loop = TestLoops.loop
        try await bounded {
            let (ours, theirs) = try Sockets.pair()
            let output = Connection(adopting: ours, on: loop)
            let child = FileDescriptor(owning: theirs)
            let process = try await ChildProcess.spawn(
                ProcessSpec(
                    executable: builtProgram("example-echo"), arguments: ["0"],
                    inheritedDescriptors: [1: child.number, 2: 2], deathSignal: SIGKILL), on: loop)
            child.close()
            var said = ""
            while !said.contains("\n"), let bytes = try await output.read() {
                said += String(decoding: bytes, as: UTF8.self)
            }
            let port = try #require(said.split(separator: ":").last.flatMap { UInt16($0.dropLast()) })

            let answers = try await withLoopTaskGroup(of: Bool.self, on: loop) { group in
                for number in 0..<20 {
                    group.addTask("client") {
                        let connection = try await Connection.connect(toHost: "::1", port: port, on: loop)
                        let bytes = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 &* number) }
                        try await connection.write(bytes)
                        try await connection.shutdownWrite()
                        var received: [UInt8] = []
                        while let more = try await connection.read() { received += more }
                        return received == bytes
                    }
                }
                var answers: [Bool] = []
                for try await answer in group { answers.append(answer) }
                return answers
            }
            #expect(answers == Array(repeating: true, count: 20))
            // One connection is open when the end comes.
            let open = try await Connection.connect(toHost: "::1", port: port, on: loop)
            try await open.write([1])
            #expect(try await open.read() == [1])
            try process.kill(SIGTERM)
            #expect(try await process.waitForExit() == .exited(0))
            #expect(try await open.read() == nil)
        }
    }

    @Test("is what the README shows")
    func readme() async throws {
        func text(_ path: String) async throws -> String {
            String(decoding: try await Self.files.read("\(Self.root)/\(path)"), as: UTF8.self)
        }
        let program = try await text("Examples/echo/Echo.swift")
        let readme = try await text("Sources/Runtime/README.md")
        #expect(readme.contains("```swift\n" + program + "```\n"))
    }
}
