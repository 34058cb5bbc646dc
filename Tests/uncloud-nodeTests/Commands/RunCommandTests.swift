import Glibc
import Runtime
import TestSupport
import Testing
import uncloud_node

@Suite("Starting the daemon")
struct RunCommandTests {
    @Test("a namespace that is somebody else's is refused by the setting's name, and left alone")
    func foreignNamespace() async throws {
        guard try Requirement.need("root", "tun", RealDaemon.binary) else { return }
        let name = "uncloud-test-\(getpid())-foreign"
        try await bounded("a foreign namespace", within: .seconds(60)) {
            try await Self.netns("add", name)
            let directory = try TemporaryDirectory("foreign")
            let result = try await RealDaemon.run(["run", "--directory", directory.path, "--namespace", name])
            // That it can be deleted tells that it was left where it was.
            try await Self.netns("delete", name)
            let line = try #require(result.messages.split(separator: "\n").last)
            #expect(result.code == CommandStatus.conflict.rawValue, "\(result.messages)")
            #expect(line.hasPrefix("error: node.namespace: ") && line.contains("\"\(name)\""), "\(line)")
            #expect(line.contains("--namespace") && !line.contains("delete"), "\(line)")
        }
    }

    private static func netns(_ verb: String, _ name: String) async throws {
        let ip = ProcessSpec(executable: "ip", arguments: ["netns", verb, name])
        try #require(try await runProcess(ip, on: TestLoops.loop).status.isSuccess, "ip netns \(verb)")
    }
}
