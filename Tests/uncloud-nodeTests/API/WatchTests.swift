import Actors
import JSON
import Model
import Runtime
import TestSupport
import Testing
import uncloud_node

@Suite("The control API's watches")
struct WatchTests {
    private func client(_ harness: CommandHarness) -> ControlClient {
        ControlClient(socketPath: harness.directory.file("run/api.sock"), loop: TestLoops.loop)
    }

    @Test("changes come as JSON lines with bookmarks, as described")
    func lines() async throws {
        try await bounded {
            let harness = try await CommandHarness()
            let recorder = Recorder<JSONValue>()
            let client = client(harness)
            let watch = spawn(on: TestLoops.loop, "watch") {
                let _: Bool? = try await client.lines(
                    "/v1/owners/default/vms", query: [("watch", "true"), ("since", "5")]
                ) { line in
                    recorder.add(line)
                    return nil
                }
            }
            try await harness.node.watched()
            let vm = Resource(kind: .vms, document: SampleDocuments.vm("web1"), revision: 7)
            harness.node.tell(.put(vm, revision: 7))
            harness.node.tell(.deleted(["kind": "vm", "owner": "default", "name": "web1"], revision: 8))
            harness.node.endWatches()
            let lines = try await recorder.wait(for: 3)
            try await watch.value
            #expect(lines.map { $0["type"] } == ["bookmark", "put", "deleted"])
            #expect(lines.map { $0["revision"] } == [5, 7, 8])
            #expect(lines[1]["object"] == vm.document)
            let checker = SchemaChecker(root: OpenAPIDocument.shared)
            let schema = try #require(OpenAPISchemas.shared["WatchEvent"])
            for line in lines { #expect(checker.errors(line, against: schema) == []) }
            await harness.stop()
        }
    }

    @Test("a revision that is compacted is 410 before any line")
    func compacted() async throws {
        try await bounded {
            let harness = try await CommandHarness()
            harness.node.fail(ProblemError(status: 410, code: "revision.compacted", detail: "no longer kept"))
            let problem = await #expect(throws: ProblemError.self) {
                let _: Bool? = try await client(harness).lines(
                    "/v1/owners/default/vms", query: [("watch", "true"), ("since", "1")]
                ) { _ in nil }
            }
            #expect(problem?.status == 410)
            await harness.stop()
        }
    }

    @Test("a client that leaves ends its watch at the node")
    func leaving() async throws {
        try await bounded {
            let harness = try await CommandHarness()
            let client = client(harness)
            let watch = spawn(on: TestLoops.loop, "watch") {
                let _: Bool? = try await client.lines("/v1/owners/default/vms", query: [("watch", "true")]) { _ in nil }
            }
            let channel = try await harness.node.watched()
            watch.cancel()
            _ = await watch.result
            // The channel is finished by the API once the peer is gone: what is sent then is refused.
            while channel.trySend(.bookmark(revision: 1)) || !channel.isFinished {
                try await TestLoops.loop.sleep(for: .milliseconds(10))
            }
            #expect(channel.isFinished)
            await harness.stop()
        }
    }

    @Test("paging has no meaning with a watch")
    func paging() async {
        let harness = APIHarness()
        let answer = await harness.ask("GET", "/v1/owners/default/vms?watch&limit=3")
        #expect(answer.status == 400 && answer.code == "query.invalid")
    }
}
