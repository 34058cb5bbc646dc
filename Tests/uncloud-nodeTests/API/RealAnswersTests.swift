import HTTP
import HTTPTypes
import JSON
import Runtime
import TestSupport
import Testing
import uncloud_node

@Suite("The control API of a real node", .serialized)
struct RealAnswersTests {
    /// A request over the daemon's socket.
    struct Asker: Sendable {
        let client: Client

        func ask(
            _ method: String, _ target: String, _ body: JSONValue? = nil, fields: HTTPFields = [:]
        ) async throws -> (status: Int, fields: HTTPFields, bytes: [UInt8]) {
            let response = try await client.send(
                ClientRequest(method: method, path: target, fields: fields, body: body?.encoded() ?? []),
                timeout: .seconds(30))
            return (response.status, response.fields, try await response.body.collect(limit: 4 << 20))
        }

        func json(_ method: String, _ target: String, _ body: JSONValue? = nil, fields: HTTPFields = [:]) async throws
            -> JSONValue
        {
            try JSONValue(parsing: try await ask(method, target, body, fields: fields).bytes)
        }
    }

    private static func withNode(_ body: @escaping @Sendable (RealDaemon, Asker) async throws -> Void) async throws {
        try await bounded("a real node", within: .seconds(180)) {
            let daemon = try await RealDaemon(try TemporaryDirectory("api"))
            let asker = Asker(
                client: Client(address: .unix(path: daemon.directory.file("run/api.sock")), on: TestLoops.loop))
            do {
                try await body(daemon, asker)
            } catch {
                _ = try? await daemon.down()
                throw error
            }
            let down = try await daemon.down()
            #expect(down.code == 0, "\(down.messages)")
        }
    }

    private static func prepare(_ asker: Asker) async throws {
        let json: HTTPFields = [.contentType: "application/json"]
        for (name, prefix) in [("default", "fd12:3456:789a:1::/64"), ("used", "fd12:3456:789a:2::/64")] {
            let network = try await asker.ask(
                "PUT", "/v1/owners/default/networks/\(name)", ["spec": ["prefix": .string(prefix)]], fields: json)
            try #require(network.status == 201)
        }
        let key = try await asker.ask(
            "PUT", "/v1/owners/default/keys/ops", ["spec": ["publicKey": .string(WrongInput.key)]], fields: json)
        try #require(key.status == 201)
        let spec: JSONValue = ["nics": [["network": "used", "mac": "42:00:00:00:00:07"]], "power": "off"]
        let vm = try await asker.ask("PUT", "/v1/owners/default/vms/web1", ["spec": spec], fields: json)
        try #require(vm.status == 201, "\(String(decoding: vm.bytes, as: UTF8.self))")
    }

    @Test("every real answer is as the OpenAPI document describes it")
    func described() async throws {
        guard try Requirement.need("root", "tun", "dnsmasq", "qemu-system-x86_64", RealDaemon.binary) else { return }
        try await Self.withNode { daemon, asker in
            try await Self.prepare(asker)
            let uuid = try #require(try await asker.json("GET", "/v1/owners/default/vms/web1")["uuid"]?.stringValue)
            // "down" comes last: nothing answers after it.
            for route in ControlAPI.routes where !route.pattern.hasSuffix("/down") {
                guard let probe = RouteProbe(route, mac: "42:00:00:00:00:07", uuid: uuid) else { continue }
                let answer = try await asker.ask(probe.method, probe.target, probe.body, fields: probe.fields)
                try probe.judge(status: answer.status, type: answer.fields[.contentType], bytes: answer.bytes)
            }
        }
    }

    /// Asks, and holds the answer against the document.
    @discardableResult
    private static func expect(
        _ status: Int, _ asker: Asker, _ method: String, _ target: String, _ body: JSONValue? = nil,
        _ fields: HTTPFields = [:]
    ) async throws -> JSONValue {
        var fields = fields
        if body != nil, fields[.contentType] == nil {
            fields[.contentType] = method == "PATCH" ? "application/merge-patch+json" : "application/json"
        }
        let answer = try await asker.ask(method, "/v1/owners/default/" + target, body, fields: fields)
        return try DescribedAnswer(
            method: method, target: "/v1/owners/default/" + target, status: answer.status,
            type: answer.fields[.contentType], bytes: answer.bytes
        ).judge(expecting: status)
    }

    @Test("what is really written, changed, refused and deleted is answered as described")
    func writes() async throws {
        guard try Requirement.need("root", "tun", "dnsmasq", "qemu-system-x86_64", RealDaemon.binary) else { return }
        try await Self.withNode { daemon, asker in
            try await Self.keys(asker)
            try await Self.networks(asker)
            try await Self.machines(asker)
            let large = try await asker.client.send(
                ClientRequest(
                    method: "PUT", path: "/v1/owners/default/keys/large", fields: [.contentType: "application/json"],
                    body: [UInt8](repeating: 0x20, count: 9 << 20)), timeout: .seconds(30))
            let told = try await large.body.collect(limit: 1 << 20)
            let problem = try DescribedAnswer(
                method: "PUT", target: "/v1/owners/default/keys/large", status: large.status,
                type: large.fields[.contentType], bytes: told
            ).judge(expecting: 413)
            #expect(problem["code"] == "body.too-large")
        }
    }

    private static let key: JSONValue = ["spec": ["publicKey": .string(WrongInput.key)]]

    private static func keys(_ asker: Asker) async throws {
        try await expect(201, asker, "PUT", "keys/ops", key)
        let made = try await expect(200, asker, "GET", "keys/ops")
        try await expect(409, asker, "PUT", "keys/ops", key, [.ifNoneMatch: "*"])
        try await expect(412, asker, "PUT", "keys/ops", key, [.ifMatch: "\"999999\""])
        try await expect(200, asker, "PUT", "keys/ops", key)
        let patched = try await expect(200, asker, "PATCH", "keys/ops", key)
        #expect((patched["revision"]?.intValue ?? 0) > (made["revision"]?.intValue ?? 0))
        try await expect(415, asker, "PATCH", "keys/ops", key, [.contentType: "application/json-patch+json"])
        try await expect(415, asker, "PUT", "keys/ops", key, [.contentType: "text/plain"])
        try await expect(422, asker, "PUT", "keys/bad", ["spec": ["publicKey": "hello"]])
        try await expect(422, asker, "PUT", "keys/UPPER", key)
        try await expect(404, asker, "GET", "keys/bad")
        try await expect(404, asker, "DELETE", "keys/bad")
        try await expect(200, asker, "DELETE", "keys/ops")
        try await expect(404, asker, "GET", "keys/ops")
    }

    private static func networks(_ asker: Asker) async throws {
        let spec: JSONValue = ["spec": ["prefix": "fd12:3456:789a:1::/64"]]
        try await expect(201, asker, "PUT", "networks/default", spec)
        try await expect(200, asker, "PUT", "networks/default", spec)
        try await expect(200, asker, "PATCH", "networks/default", ["spec": [:]])
        try await expect(403, asker, "PATCH", "networks/default", ["spec": ["mtu": 1400]])
        try await expect(409, asker, "PUT", "networks/default", spec, [.ifNoneMatch: "*"])
        try await expect(422, asker, "PUT", "networks/other", spec)
        try await expect(404, asker, "PUT", "networks/other", spec, [.ifMatch: "\"1\""])
        try await expect(400, asker, "GET", "networks?limit=none")
        let list = try await expect(200, asker, "GET", "networks")
        #expect(list.value(at: "/items/0/status/state") == "up")
    }

    private static func machines(_ asker: Asker) async throws {
        try await expect(201, asker, "PUT", "keys/used", key)
        let spec: JSONValue = ["spec": ["power": "off", "sshKeys": ["key:used"], "protected": true]]
        let made = try await expect(201, asker, "PUT", "vms/web1", spec)
        let mac = try #require(made.value(at: "/nics/0/mac")?.stringValue)
        try await expect(200, asker, "PUT", "vms/web1", spec)
        try await expect(409, asker, "PUT", "vms/web1", spec, [.ifNoneMatch: "*"])
        try await expect(412, asker, "PATCH", "vms/web1", ["spec": [:]], [.ifMatch: "\"1\""])
        try await expect(400, asker, "PATCH", "vms/web1", ["spec": [:]], [.ifMatch: "newest"])
        try await expect(422, asker, "PATCH", "vms/web1", ["spec": ["nics": []]])
        try await expect(422, asker, "PATCH", "vms/web1", ["spec": ["cpu": 2]])
        try await expect(422, asker, "PUT", "vms/web2", ["spec": ["nics": [["network": "nowhere"]]]])
        try await expect(404, asker, "PATCH", "vms/web2", ["spec": [:]])
        try await expect(200, asker, "POST", "vms/web1/actions/kill")
        try await expect(409, asker, "POST", "vms/web1/actions/restart")
        try await expect(404, asker, "POST", "vms/web1/actions/explode")
        try await expect(400, asker, "POST", "vms/web1/actions/kill", ["force": true])
        try await expect(426, asker, "GET", "vms/web1/console")
        let console = try await asker.ask("GET", "/v1/owners/default/vms/web1/console")
        #expect(console.fields[.upgrade] == "uncloud-console" && console.fields[.connection] == "Upgrade")
        for wrong in ["vms?continue=garbage", "vms?continue=a/b/c", "macs?continue=web1", "vms?limit=1001"] {
            try await expect(400, asker, "GET", wrong)
        }
        try await expect(200, asker, "GET", "vms?continue=default/gone")
        try await expect(403, asker, "DELETE", "vms/web1")
        try await expect(403, asker, "DELETE", "keys/used")
        let inUse = try await expect(403, asker, "DELETE", "networks/default")
        #expect(inUse["detail"] == "network \"default\" is used by 1 VM (web1)")
        let patched = try await expect(200, asker, "PATCH", "vms/web1", ["spec": ["protected": false]])
        #expect(patched.value(at: "/resolved/protected") == false)
        try await expect(200, asker, "DELETE", "vms/web1")
        try await expect(404, asker, "GET", "vms/web1")
        // Its address rests, and is nobody's: every owner sees it.
        for owner in ["default", "other", "-"] {
            let answer = try await asker.ask("GET", "/v1/owners/\(owner)/macs")
            let macs = try DescribedAnswer(
                method: "GET", target: "/v1/owners/\(owner)/macs", status: answer.status,
                type: answer.fields[.contentType], bytes: answer.bytes
            ).judge(expecting: 200)
            let resting = try #require(macs["items"]?.arrayValue?.first { $0["mac"]?.stringValue == mac }, "\(owner)")
            #expect(resting["state"] == "quarantine" && resting["owner"]?.isNull == true)
        }
        try await expect(200, asker, "DELETE", "keys/used")
        try await expect(200, asker, "DELETE", "networks/default")
        try await expect(404, asker, "DELETE", "networks/default")
    }

    @Test("a repeated write with its key is answered as the first was, and revisions read one's own writes")
    func idempotency() async throws {
        guard try Requirement.need("root", "tun", "dnsmasq", "qemu-system-x86_64", RealDaemon.binary) else { return }
        try await Self.withNode { daemon, asker in
            try await Self.prepare(asker)
            let patch: HTTPFields = [
                .contentType: "application/merge-patch+json", .idempotencyKey: "once",
                .ifMatch: try #require(try await asker.ask("GET", "/v1/owners/default/vms/web1").fields[.eTag]),
            ]
            let body: JSONValue = ["spec": ["labels": ["tier": "web"]]]
            let first = try await asker.ask("PATCH", "/v1/owners/default/vms/web1", body, fields: patch)
            #expect(first.status == 200)
            let revision = try #require(first.fields[.uncloudRevision])
            // Without the key this would be 412, since the revision has passed.
            let again = try await asker.ask("PATCH", "/v1/owners/default/vms/web1", body, fields: patch)
            #expect(again.status == 200)
            #expect(again.fields[.uncloudRevision] == revision)
            let read = try await asker.json("GET", "/v1/owners/default/vms?min-revision=\(revision)")
            #expect(read.value(at: "/items/0/spec/labels/tier") == "web")
        }
    }

    @Test("a watch from a revision tells what came after it, once, and in order")
    func watch() async throws {
        guard try Requirement.need("root", "tun", "dnsmasq", "qemu-system-x86_64", RealDaemon.binary) else { return }
        try await Self.withNode { daemon, asker in
            try await Self.prepare(asker)
            let start = try #require(try await asker.json("GET", "/v1/owners/default/keys")["revision"]?.intValue)
            for name in ["a", "b"] {
                _ = try await asker.ask(
                    "PUT", "/v1/owners/default/keys/\(name)", ["spec": ["publicKey": .string(WrongInput.key)]],
                    fields: [.contentType: "application/json"])
            }
            _ = try await asker.ask("DELETE", "/v1/owners/default/keys/a")
            let control = ControlClient(socketPath: daemon.directory.file("run/api.sock"), loop: TestLoops.loop)
            let seen = Recorder<String>()
            let done: Bool? = try await control.lines(
                "/v1/owners/default/keys", query: [("watch", "true"), ("since", String(start))]
            ) { line in
                let type = line["type"]?.stringValue ?? ""
                guard type != "bookmark" else { return seen.values.count >= 3 ? true : nil }
                seen.add("\(type) \(line["object"]?["name"]?.stringValue ?? "")")
                return nil
            }
            #expect(done == true)
            #expect(seen.values == ["put a", "put b", "deleted a"])
        }
    }
}
