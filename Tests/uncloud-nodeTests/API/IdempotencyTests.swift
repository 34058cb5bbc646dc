import Foundation
import HTTP
import HTTPTypes
import JSON
import Runtime
import TestSupport
import Testing
import uncloud_node

@Suite("A request that is sent twice under one Idempotency-Key", .serialized)
struct IdempotencyTests {
    private static let owner = "/v1/owners/default"

    private struct Answer: Sendable, Equatable {
        var status: Int
        var name: String?
        var code: String?
    }

    private static func send(
        _ client: Client, _ method: String, _ target: String, _ body: JSONValue?, key: String
    ) async throws -> Answer {
        var fields: HTTPFields = [.idempotencyKey: key]
        if body != nil {
            fields[.contentType] = method == "PATCH" ? "application/merge-patch+json" : "application/json"
        }
        let request = ClientRequest(
            method: method, path: owner + target, fields: fields, body: body?.encoded() ?? [])
        let response = try await client.send(request, timeout: .seconds(30))
        let json = try JSONValue(parsing: try await response.body.collect(limit: 1 << 20))
        return Answer(status: response.status, name: json["name"]?.stringValue, code: json["code"]?.stringValue)
    }

    private static func withNode(_ body: @escaping @Sendable (RealDaemon, Client) async throws -> Void) async throws {
        try await bounded("a real node", within: .seconds(180)) {
            let daemon = try await RealDaemon(try TemporaryDirectory("once"))
            let client = Client(address: .unix(path: daemon.directory.file("run/api.sock")), on: TestLoops.loop)
            do {
                try await body(daemon, client)
            } catch {
                _ = try? await daemon.down()
                throw error
            }
            let down = try await daemon.down()
            #expect(down.code == 0, "\(down.messages)")
        }
    }

    @Test("is carried out once and answered alike: creations, changes, deletions, actions")
    func twice() async throws {
        guard try Requirement.need("root", "tun", "dnsmasq", "qemu-system-x86_64", RealDaemon.binary) else { return }
        try await Self.withNode { daemon, client in
            let key: JSONValue = ["spec": ["publicKey": .string(WrongInput.key)]]
            let nics: JSONValue = [["network": "default"]]
            let disk = try daemon.directory.write("", to: "guest.raw")
            try Data(BootSectors.halts).write(to: URL(fileURLWithPath: disk))
            let disks: JSONValue = [["file": .string(disk), "format": "raw"]]
            let requests: [(method: String, target: String, body: JSONValue?, status: Int)] = [
                ("PUT", "/networks/default", ["spec": ["prefix": "fd12:3456:789a:1::/64"]], 201),
                ("PUT", "/keys/ops", key, 201),
                (
                    "PUT", "/vms/web1",
                    ["spec": ["nics": nics, "disks": disks, "memory": 33_554_432, "restart": "never"]], 201
                ),
                ("PATCH", "/vms/web1", ["spec": ["labels": ["tier": "web"]]], 200),
            ]
            for (number, request) in requests.enumerated() {
                let (method, target, body, status) = request
                let first = try await Self.send(client, method, target, body, key: "key-\(number)")
                #expect(first.status == status, "\(method) \(target): \(first)")
                let again = try await Self.send(client, method, target, body, key: "key-\(number)")
                #expect(again == first, "\(method) \(target)")
            }
            // A request that changes nothing takes its key, too.
            let same = try await Self.send(client, "PUT", "/networks/default", requests[0].body, key: "unchanged")
            #expect(same.status == 200)
            let other = try await Self.send(
                client, "PUT", "/networks/default", ["spec": ["prefix": "fd12:3456:789a:2::/64"]], key: "unchanged")
            #expect(other.status == 422 && other.code == "idempotency.mismatch", "\(other)")
            try await Self.killTwice(daemon, client)
            for target in ["/vms/web1", "/keys/ops", "/networks/default"] {
                let first = try await Self.send(client, "DELETE", target, nil, key: "delete\(target)")
                #expect(first.status == 200, "\(target): \(first)")
                #expect(try await Self.send(client, "DELETE", target, nil, key: "delete\(target)") == first)
                #expect(try await Self.send(client, "DELETE", target, nil, key: "another\(target)").status == 404)
            }
            let gone = try await Self.send(client, "PUT", "/keys/ops", key, key: "key-1")
            #expect(gone.status == 410 && gone.code == "idempotency.gone", "\(gone)")
        }
    }

    /// An action under a key that was used does nothing to a guest that was started since.
    private static func killTwice(_ daemon: RealDaemon, _ client: Client) async throws {
        func expect(_ code: CommandStatus, _ arguments: String...) async throws {
            let result = try await daemon.run(arguments)
            #expect(result.code == code.rawValue, "\(arguments): \(result.messages)")
        }
        try await expect(.ok, "vm", "wait", "web1", "--for", "running")
        let first = try await send(client, "POST", "/vms/web1/actions/kill", nil, key: "kill")
        #expect(first.status == 200)
        try await expect(.ok, "vm", "wait", "web1", "--for", "stopped")
        try await expect(.ok, "vm", "start", "web1")
        #expect(try await send(client, "POST", "/vms/web1/actions/kill", nil, key: "kill") == first)
        try await expect(.timedOut, "vm", "wait", "web1", "--for", "stopped", "--timeout", "2s")
        try await expect(.ok, "vm", "stop", "web1", "--force")
    }

    @Test("of ten at once one is carried out, and all are answered as that one")
    func atOnce() async throws {
        guard try Requirement.need("root", "tun", "dnsmasq", "qemu-system-x86_64", RealDaemon.binary) else { return }
        try await Self.withNode { daemon, client in
            let body: JSONValue = ["spec": ["publicKey": .string(WrongInput.key)]]
            let before = try await daemon.revision()
            let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
                for _ in 0..<10 {
                    group.addTask { try await Self.send(client, "PUT", "/keys/ops", body, key: "same") }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.allSatisfy { $0 == Answer(status: 201, name: "ops", code: nil) }, "\(answers)")
            #expect(try await daemon.revision() == before + 1)
        }
    }

    @Test("with another body is refused, and a refused request takes no key")
    func mismatch() async throws {
        guard try Requirement.need("root", "tun", "dnsmasq", "qemu-system-x86_64", RealDaemon.binary) else { return }
        try await Self.withNode { _, client in
            let wrong: JSONValue = ["spec": ["publicKey": "none"]]
            let right: JSONValue = ["spec": ["publicKey": .string(WrongInput.key)]]
            #expect(try await Self.send(client, "PUT", "/keys/ops", wrong, key: "k").status == 422)
            #expect(try await Self.send(client, "PUT", "/keys/ops", right, key: "k").status == 201)
            let other = try await Self.send(client, "PUT", "/keys/other", right, key: "k")
            #expect(other.status == 422 && other.code == "idempotency.mismatch")
        }
    }
}
