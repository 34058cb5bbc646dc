import Foundation
import JSON
import Runtime
import TestSupport
import Testing

@Suite("A store that is not the newest", .serialized)
struct StoreCopyTests {
    /// The store's files in a directory.
    private static func files(_ directory: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).filter {
            $0.hasPrefix("store.sqlite")
        }
    }

    private static func copy(_ from: String, _ to: String) throws {
        for name in files(to) { try FileManager.default.removeItem(atPath: "\(to)/\(name)") }
        try FileManager.default.createDirectory(atPath: to, withIntermediateDirectories: true)
        for name in files(from) { try FileManager.default.copyItem(atPath: "\(from)/\(name)", toPath: "\(to)/\(name)") }
    }

    private static func refusal(_ node: LivingNode) async throws -> String {
        unlink(node.directory.file("daemon.log"))
        let died = await #expect(throws: RealDaemon.DaemonDied.self) { try await node.start() }
        return try #require(died).log
    }

    @Test(
        "an older copy is refused at start and nothing is touched; the newest is taken, and the old one if one insists")
    func older() async throws {
        try await LivingNode.with("older") { node in
            let (state, old, new) = (
                node.directory.file("state"), node.directory.file("old"), node.directory.file("new")
            )
            try await node.create("web1")
            let machine = try await node.pid("web1")
            try await node.end()
            try Self.copy(state, old)
            try await node.start()
            try await node.succeed("vm", "create", "web2", "--power", "off")
            let revision = try await node.daemon.revision()
            let note = node.directory.file("run/node.revision")
            try await node.until("the note of what was seen") {
                try String(contentsOfFile: note, encoding: .utf8).hasSuffix("\(revision)\n")
            }
            try await node.end(SIGKILL)
            try Self.copy(state, new)

            try Self.copy(old, state)
            let restored = try Data(contentsOf: URL(fileURLWithPath: "\(state)/store.sqlite"))
            let log = try await Self.refusal(node)
            #expect(log.contains("this node has seen revision \(revision) of it: it is an older copy"), "\(log)")
            #expect(log.contains("remove \(state)/node.json"), "\(log)")
            #expect(LivingNode.lives(machine), "the VM was touched")
            #expect(try Data(contentsOf: URL(fileURLWithPath: "\(state)/store.sqlite")) == restored)
            // A state directory restored as a whole is found out by the note in the run-time directory.
            unlink("\(state)/node.revision")
            #expect(try await Self.refusal(node).contains("it is an older copy"))

            try Self.copy(new, state)
            let identity = URL(fileURLWithPath: "\(state)/node.json")
            let whole = try Data(contentsOf: identity)
            try Data("{".utf8).write(to: identity)
            let damaged = try await Self.refusal(node)
            #expect(damaged.contains("\(state)/node.json is damaged") && damaged.contains("remove it"), "\(damaged)")
            try whole.write(to: identity)

            try Self.copy(new, state)
            try await node.start()
            #expect(try await node.pid("web1") == machine)
            #expect(try await node.show("web2")["name"]?.stringValue == "web2")
            try await node.end()

            try Self.copy(old, state)
            unlink("\(state)/node.json")
            try await node.start()
            #expect(try await node.pid("web1") == machine)
            #expect(try await node.daemon.run(["vm", "show", "web2"]).code == 3)
            // From here on this one is the newest.
            try await node.end(SIGKILL)
            try await node.start()
        }
    }
}
