import Actors
import HTTPTypes
import JSON
import Model
import Testing
import uncloud_node

@Suite("The control API's routing")
struct RoutingTests {
    let harness = APIHarness()

    @Test("an unknown path is 404 and names itself, without what would move a cursor")
    func unknownPath() async {
        let answer = await harness.ask("GET", "/v1/nothing%1b")
        #expect(answer.status == 404)
        #expect(answer.code == "path.not-found")
        #expect(answer.fields[.contentType] == "application/problem+json")
        #expect(!answer.bytes.contains(0x1b))
    }

    @Test("a method that a path does not have is 405 with those it has")
    func method() async {
        let answer = await harness.ask("POST", "/v1/owners/default/vms/web1")
        #expect(answer.status == 405)
        #expect(answer.fields[.allow] == "HEAD, DELETE, GET, PATCH, PUT")
        #expect(await harness.ask("PUT", "/v1/owners/default/macs/42:00:00:00:00:01", ["spec": [:]]).status == 405)
    }

    @Test(
        "unknown, repeated and wrong query parameters are refused by name",
        arguments: [
            ("/v1/owners/default/vms?limt=3", "query.unknown", "?limt"),
            ("/v1/owners/default/vms?limit=3&limit=4", "query.repeated", "?limit"),
            ("/v1/owners/default/vms?limit=none", "query.invalid", "?limit"),
            ("/v1/owners/default/vms?limit=0", "query.invalid", "?limit"),
            ("/v1/owners/default/vms?watch=perhaps", "query.invalid", "?watch"),
            ("/v1/owners/default/vms?min-revision=-1", "query.invalid", "?min-revision"),
            ("/v1/node?force", "query.unknown", "?force"),
        ])
    func query(target: String, code: String, pointer: String) async {
        let answer = await harness.ask("GET", target)
        #expect(answer.status == 400)
        #expect(answer.code == code)
        #expect(answer.json.value(at: "/errors/0/pointer")?.stringValue == pointer)
        #expect(answer.json["fix"]?.stringValue?.isEmpty == false)
    }

    @Test("a name in the path is decoded once, a slash within it stays")
    func decoding() async {
        harness.node.seed(.keys, SampleDocuments.key("a/b%20"))
        #expect(await harness.ask("GET", "/v1/owners/default/keys/a%2Fb%2520").json["name"] == "a/b%20")
    }

    @Test("- stands for all owners in collections, and for none elsewhere")
    func allOwners() async {
        harness.node.seed(.vms, SampleDocuments.vm("a", owner: "one"))
        harness.node.seed(.vms, SampleDocuments.vm("b", owner: "two"))
        #expect(await harness.ask("GET", "/v1/owners/-/vms").json["items"]?.arrayValue?.count == 2)
        #expect(await harness.ask("GET", "/v1/owners/one/vms").json["items"]?.arrayValue?.count == 1)
        #expect(await harness.ask("GET", "/v1/owners/-/vms/a").code == "owner.all")
        #expect(await harness.ask("DELETE", "/v1/owners/-/vms/a").code == "owner.all")
        #expect(harness.node.writes.isEmpty)
    }

    @Test("HEAD is answered as GET is")
    func head() async {
        harness.node.seed(.vms, SampleDocuments.vm("web1"))
        let answer = await harness.ask("HEAD", "/v1/owners/default/vms/web1")
        #expect(answer.status == 200)
        #expect(answer.fields[.eTag] == "\"7\"")
    }

    @Test("what the node refuses reaches the client as it was told")
    func problem() async {
        let problem = ProblemError(
            status: 409, code: "vm.running", detail: "vm \"web1\" runs",
            errors: [FieldError(pointer: "/spec/power", code: "x", message: "y", fix: "z")], fix: "stop it",
            retryable: true)
        harness.node.fail(problem)
        let answer = await harness.ask("GET", "/v1/owners/default/vms")
        #expect(answer.status == 409)
        #expect(ProblemError(json: answer.json) == problem)
    }

    @Test("the console without an upgrade is 426 and names the protocol")
    func console() async {
        let answer = await harness.ask("GET", "/v1/owners/default/vms/web1/console")
        #expect(answer.status == 426)
        #expect(answer.fields[.upgrade] == "uncloud-console")
    }

    @Test("a VM's UUID is a path of its own, and its parts are too")
    func parts() async {
        harness.node.seed(.vms, SampleDocuments.vm("web1"))
        #expect(await harness.ask("GET", "/v1/vms/11111111-2222-4333-8444-555555555555").json["name"] == "web1")
        #expect(await harness.ask("GET", "/v1/owners/default/vms/web1/status").json["state"] == "running")
        #expect(await harness.ask("GET", "/v1/owners/default/vms/web1/addresses").json["items"]?.arrayValue?.count == 2)
        #expect(await harness.ask("GET", "/v1/owners/default/vms/web1/nics").json["items"]?.arrayValue?.count == 1)
        #expect(await harness.ask("GET", "/v1/owners/default/vms/web1/log").bytes == Array("booting\r\n".utf8))
    }

    @Test("down passes on whether it is forced")
    func down() async {
        #expect(await harness.ask("POST", "/v1/node/actions/down?force=true").status == 200)
        #expect(harness.node.wentDown == true)
        #expect(await harness.ask("POST", "/v1/node/actions/down").status == 200)
        #expect(harness.node.wentDown == false)
    }
}
