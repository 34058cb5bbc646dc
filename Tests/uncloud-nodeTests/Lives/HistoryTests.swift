import Foundation
import JSON
import Model
import Runtime
import TestSupport
import Testing
import uncloud_node

@Suite("What a node tells of the past", .serialized)
struct HistoryTests {
    @Test("events outlive the daemon and keep their numbers, which only rise, also after a SIGKILL")
    func events() async throws {
        try await LivingNode.with("history") { node in
            try await node.create("web1")
            let before = try await Self.numbered(node)
            #expect(before.map(\.event).contains("vm.started"))
            try await node.end()
            try await node.start()
            let after = try await Self.numbered(node)
            #expect(Array(after.prefix(before.count)) == before)
            #expect(after.dropFirst(before.count).first?.event == "node.stopped")
            #expect(after.map(\.number) == Array(1...Int64(after.count)))
            try await node.end(SIGKILL)
            try await node.start()
            let killed = try await Self.numbered(node)
            // What was told last may not have been written; a number is no other event's.
            #expect(zip(killed, killed.dropFirst()).allSatisfy { $0.number < $1.number }, "\(killed)")
            let started = try #require(killed.last { $0.event == "node.started" })
            #expect(started.number > after.last?.number ?? 0)
            let since = try await node.daemon.run(["events", "--since", "\(started.number - 1)", "-o", "json"])
            #expect(since.output.contains("node.started") && !since.output.contains("vm.started"), "\(since.output)")
            let future = try await node.daemon.run(["events", "--since", "999999"])
            #expect(future.code == CommandStatus.usage.rawValue, "\(future.messages)")
            #expect(future.messages.contains("no event of this node has had the number 999999"), "\(future.messages)")
        }
    }

    @Test("a watch from the past tells a VM as it was at each change, and one from the future is refused")
    func watch() async throws {
        try await LivingNode.with("past") { node in
            try await node.create("web1")
            try await node.succeed("vm", "set", "web1", "--label", "step=two")
            try await node.succeed("vm", "stop", "web1", "--force")
            let present = try await node.show("web1")
            let client = ControlClient(socketPath: node.directory.file("run/api.sock"), loop: TestLoops.loop)
            let told = Recorder<JSONValue>()
            let revision = try #require(present["revision"]?.intValue)
            let _: Bool? = try await client.lines(
                "/v1/owners/default/vms", query: [("watch", "true"), ("since", "0")]
            ) { line in
                told.add(line)
                return line.value(at: "/object/status/state") == "stopped" ? true : nil
            }
            let puts = told.values.filter { $0["type"] == "put" }
            let states = puts.compactMap { $0.value(at: "/object/status/state")?.stringValue }
            #expect(states.first == "pending" && states.contains("running"), "\(states)")
            #expect(states.firstIndex(of: "running") ?? 99 < states.firstIndex(of: "stopping") ?? -1, "\(states)")
            let labels = puts.map { $0.value(at: "/object/spec/labels/step") != nil }
            #expect(labels == labels.sorted { !$0 && $1 } && Set(labels).count == 2, "\(labels)")
            #expect(puts.last?["object"] == present)
            let refused = try await client.get("/v1/node").json["revision"]?.intValue ?? revision
            let problem = await #expect(throws: ProblemError.self) {
                let _: Bool? = try await client.lines(
                    "/v1/owners/default/vms", query: [("watch", "true"), ("since", "\(refused + 1000)")]
                ) { _ in nil }
            }
            #expect(problem?.code == "revision.future")
        }
    }

    private struct Numbered: Equatable {
        let number: Int64
        let event: String
    }

    private static func numbered(_ node: LivingNode) async throws -> [Numbered] {
        try JSONValue(parsing: try await node.succeed("events", "-o", "json"))["items"]?.arrayValue?.map {
            Numbered(number: $0["sequence"]?.intValue ?? 0, event: $0["event"]?.stringValue ?? "")
        } ?? []
    }
}
