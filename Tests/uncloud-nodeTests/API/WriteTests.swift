import Actors
import HTTPTypes
import JSON
import Testing
import uncloud_node

@Suite("The control API's writes")
struct WriteTests {
    let harness = APIHarness()
    let path = "/v1/owners/default/vms/web1"

    @Test("PUT creates with 201, replaces with 200, and tells the revision twice")
    func put() async {
        let made = await harness.ask("PUT", path, ["spec": ["cpus": 2]])
        #expect(made.status == 201)
        #expect(made.fields[.uncloudRevision] == "11")
        #expect(made.fields[.eTag] == "\"11\"")
        #expect(made.json["spec"] == ["cpus": 2])
        #expect(await harness.ask("PUT", path, ["spec": [:]]).status == 200)
        #expect(harness.node.writes.first?.body == ["spec": ["cpus": 2]])
    }

    @Test("preconditions, dry run and idempotency key reach the node")
    func options() async throws {
        _ = await harness.ask(
            "PUT", path + "?dry-run=true", ["spec": [:]], fields: [.ifNoneMatch: "*", .idempotencyKey: "k-1"])
        _ = await harness.ask("DELETE", path + "?dry-run=false", fields: [.ifMatch: "\"42\""])
        _ = await harness.ask("PATCH", path, ["spec": [:]], fields: [.ifMatch: "42", .idempotencyKey: "k-2"])
        _ = await harness.ask("POST", path + "/actions/restart", fields: [.idempotencyKey: "k-3"])
        let writes = harness.node.writes
        try #require(writes.count == 4)
        #expect(writes[0].options.dryRun && writes[0].options.createOnly && writes[0].options.idempotencyKey == "k-1")
        #expect(!writes[1].options.dryRun && writes[1].options.expectedRevision == 42)
        #expect(writes[2].options.expectedRevision == 42 && writes[2].options.idempotencyKey == "k-2")
        #expect(writes[3].call == "restart vms/default/web1" && writes[3].options.idempotencyKey == "k-3")
    }

    @Test("creating what exists is 409, replacing what has changed 412")
    func preconditions() async {
        harness.node.seed(.vms, SampleDocuments.vm("web1"))
        #expect(await harness.ask("PUT", path, ["spec": [:]], fields: [.ifNoneMatch: "*"]).status == 409)
        #expect(await harness.ask("PUT", path, ["spec": [:]], fields: [.ifMatch: "\"6\""]).status == 412)
        #expect(await harness.ask("PUT", path, ["spec": [:]], fields: [.ifMatch: "\"7\""]).status == 200)
    }

    @Test("preconditions that mean nothing here are refused before anything is written")
    func wrongPreconditions() async {
        let wrong: [HTTPFields] = [
            [.ifNoneMatch: "\"3\""], [.ifMatch: "*"], [.ifMatch: "abc"], [.ifMatch: "\"1\"", .ifNoneMatch: "*"],
            [.idempotencyKey: "with blank"], [.idempotencyKey: String(repeating: "x", count: 256)],
        ]
        for fields in wrong {
            let answer = await harness.ask("PUT", path, ["spec": [:]], fields: fields)
            #expect(answer.status == 400 && answer.code == "field.invalid", "\(fields)")
        }
        #expect(harness.node.writes.isEmpty)
    }

    @Test("PATCH is a merge patch by its media type, PUT is JSON; anything else is 415")
    func mediaTypes() async {
        let body: JSONValue = ["spec": ["cpus": 1]]
        let patch = await harness.ask("PATCH", path, body, fields: [.contentType: "application/json-patch+json"])
        #expect(patch.status == 415)
        #expect(patch.fields[.acceptPatch] == "application/merge-patch+json")
        #expect(await harness.ask("PUT", path, body, fields: [.contentType: "text/yaml"]).status == 415)
        #expect(
            await harness.ask("PUT", path, body, fields: [.contentType: "Application/JSON; charset=utf-8"]).status
                == 201)
        #expect(await harness.ask("PATCH", path, raw: Array("{}".utf8)).status == 415)
    }

    @Test(
        "a body that is no JSON is 400 and tells where",
        arguments: ["", "{", "{\"a\":1,\"a\":2}", "{\"spec\":{}} x", "nul"])
    func noJSON(text: String) async {
        let answer = await harness.ask("PUT", path, fields: [.contentType: "application/json"], raw: Array(text.utf8))
        #expect(answer.status == 400)
        #expect(answer.code?.hasPrefix("body.") == true)
        #expect(answer.json["detail"]?.stringValue?.contains("byte") == true)
    }

    @Test("an action takes no body, but for an empty object")
    func actionBody() async {
        harness.node.seed(.vms, SampleDocuments.vm("web1"))
        #expect(await harness.ask("POST", path + "/actions/reset", raw: Array("{}".utf8)).status == 200)
        #expect(
            await harness.ask("POST", path + "/actions/reset", raw: Array("{\"now\":1}".utf8)).code == "body.unexpected"
        )
    }
}
