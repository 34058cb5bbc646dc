import Actors
import HTTPTypes
import JSON
import Model
import Testing
import uncloud_node

@Suite("The control API's description")
struct OpenAPITests {
    let harness = APIHarness()
    let document = OpenAPIDocument.shared
    var checker: SchemaChecker { SchemaChecker(root: document) }

    @Test("it is served, is of OpenAPI 3.1, and describes every route once")
    func served() async throws {
        let answer = await harness.ask("GET", "/v1/openapi.json")
        #expect(answer.json == document)
        #expect(document["openapi"] == "3.1.0")
        var operations: [String] = []
        for route in ControlAPI.routes {
            let operation = try #require(document["paths"]?[route.pattern]?[route.method.lowercased()])
            operations.append(try #require(operation["operationId"]?.stringValue))
        }
        #expect(Set(operations).count == operations.count)
    }

    @Test("every schema that is named is there")
    func references() {
        #expect((OpenAPISchemas.shared.objectValue?.count ?? 0) > 25)
        for reference in Self.references(in: document) {
            #expect(document.value(at: String(reference.dropFirst())) != nil, "\(reference)")
        }
    }

    @Test("a path names its parameters")
    func parameters() throws {
        for route in ControlAPI.routes where route.pattern.contains("{") {
            let item = try #require(document["paths"]?[route.pattern])
            let named = (item["parameters"]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue }
            let wanted = route.segments.compactMap { if case .parameter(let name) = $0 { name } else { nil } }
            #expect(named == wanted)
        }
    }

    @Test("real answers are as described, the good and the bad ones")
    func answers() async throws {
        harness.node.seed(.vms, SampleDocuments.vm("web1"))
        harness.node.seed(.networks, SampleDocuments.network("default"))
        harness.node.seed(.keys, SampleDocuments.key("ops"))
        harness.node.seed(.macs, SampleDocuments.mac("42:00:00:12:34:56"))
        var checked = 0
        for route in ControlAPI.routes {
            guard
                let probe = RouteProbe(
                    route, mac: "42:00:00:12:34:56", uuid: "11111111-2222-4333-8444-555555555555")
            else { continue }
            let answer = await harness.ask(probe.method, probe.target, probe.body, fields: probe.fields)
            try probe.judge(status: answer.status, type: answer.fields[.contentType], bytes: answer.bytes)
            checked += 1
        }
        #expect(checked == ControlAPI.routes.count - 1)
        let problem = await harness.ask("GET", "/v1/owners/default/vms/none")
        #expect(problem.status == 404)
        let schema = try #require(document.value(at: "/components/schemas/Problem"))
        #expect(checker.errors(problem.json, against: schema) == [])
    }

    @Test("the checker finds what is missing, wrong, or not described")
    func checkerItself() throws {
        let vm = try #require(document.value(at: "/components/schemas/VM"))
        var wrong = SampleDocuments.vm("web1")
        wrong["uuid"] = nil
        wrong["revision"] = "7"
        wrong["surprise"] = 1
        wrong["status"]?["state"] = "happy"
        let errors = checker.errors(wrong, against: vm)
        for pointer in ["/uuid", "/revision", "/surprise", "/status/state"] {
            #expect(errors.contains { $0.hasPrefix("\(pointer):") }, "\(pointer) in \(errors)")
        }
        #expect(checker.errors(SampleDocuments.vm("web1"), against: vm) == [])
    }

    @Test("another status than the expected one is no answer as described, though it is documented")
    func otherStatus() async throws {
        harness.node.seed(.keys, SampleDocuments.key("ops"))
        let key: JSONValue = ["spec": ["publicKey": .string(WrongInput.key)]]
        for (method, target, body, status) in [
            ("PUT", "/v1/owners/default/keys/new", key, 201), ("GET", "/v1/owners/default/keys/none", nil, 404),
        ] as [(String, String, JSONValue?, Int)] {
            let answer = await harness.ask(method, target, body)
            let described = DescribedAnswer(
                method: method, target: target, status: answer.status, type: answer.fields[.contentType],
                bytes: answer.bytes)
            try described.judge(expecting: status)
            let route = try #require(
                ControlAPI.routes.first { $0.method == method && $0.pattern.hasSuffix("/keys/{name}") })
            #expect(described.errors(expecting: 200, route: route).first?.hasPrefix("the status is \(status)") == true)
        }
    }

    private static func references(in value: JSONValue) -> [String] {
        switch value {
        case .object(let members):
            (members["$ref"]?.stringValue.map { [$0] } ?? []) + members.values.flatMap { references(in: $0) }
        case .array(let elements): elements.flatMap { references(in: $0) }
        default: []
        }
    }
}
