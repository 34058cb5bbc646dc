import Foundation
import HTTP
import HTTPTypes
import JSON
import Runtime
import TestSupport
import Testing
import uncloud_node

@Suite("Wrong inputs to the program itself", .serialized)
struct WrongInputTests {
    @Test("there are at least 40 of them")
    func count() {
        #expect(WrongInput.vms.count + WrongInput.others.count + WrongInput.requests.count >= 40)
    }

    @Test("each wrong input is refused in one line that names field and way out, and changes nothing")
    func table() async throws {
        guard try Requirement.need("root", "tun", "dnsmasq", "qemu-system-x86_64", RealDaemon.binary) else { return }
        try await bounded("the table", within: .seconds(240)) {
            let daemon = try await RealDaemon(try TemporaryDirectory("wrong"))
            do {
                try await Self.prepare(daemon)
                for input in WrongInput.vms + WrongInput.others + WrongInput.requests {
                    try await Self.check(input, daemon)
                }
            } catch {
                _ = try? await daemon.down()
                throw error
            }
            let down = try await daemon.down()
            #expect(down.code == 0, "\(down.messages)")
        }
    }

    private static func prepare(_ daemon: RealDaemon) async throws {
        for arguments in [
            ["network", "create", "default", "--prefix", "fd12:3456:789a:1::/64"],
            ["key", "add", "ops", WrongInput.key],
            ["vm", "create", "web1", "--power", "off", "--nic", "network=default,mac=42:00:00:00:00:07"],
            ["vm", "create", "guard", "--power", "off", "--protected"],
            ["vm", "create", "runner", "--memory", "32MiB"],
        ] {
            let result = try await daemon.run(arguments)
            try #require(result.code == 0, "\(arguments): \(result.messages)")
        }
    }

    private static func check(_ input: WrongInput, _ daemon: RealDaemon) async throws {
        let before = try await daemon.revision()
        switch input.kind {
        case .command(let arguments):
            let result = try await daemon.run(arguments)
            #expect(result.code == input.status.rawValue, "\(input.what): \(result.messages)\(result.output)")
            #expect(result.output.isEmpty, "\(input.what): \(result.output)")
            let lines = result.messages.split(separator: "\n")
            #expect(lines.count == 1 && result.messages.hasPrefix("error: "), "\(input.what): \(result.messages)")
            for name in input.names { #expect(result.messages.contains(name), "\(input.what): \(result.messages)") }
        case .request(let method, let target, let fields, let body):
            let client = Client(address: .unix(path: daemon.directory.file("run/api.sock")), on: TestLoops.loop)
            let response = try await client.send(
                ClientRequest(method: method, path: target, fields: fields, body: Array(body.utf8)),
                timeout: .seconds(20))
            let text = String(decoding: try await response.body.collect(limit: 1 << 20), as: UTF8.self)
            #expect(response.status == input.http, "\(input.what): \(text)")
            #expect(response.fields[.contentType] == "application/problem+json", "\(input.what)")
            let problem = try JSONValue(parsing: text)
            let schema = try #require(OpenAPISchemas.shared["Problem"])
            #expect(SchemaChecker(root: OpenAPIDocument.shared).errors(problem, against: schema) == [], "\(input.what)")
            for name in input.names { #expect(text.contains(name), "\(input.what): \(text)") }
        }
        #expect(try await daemon.revision() == before, "\(input.what) changed the store")
    }

    @Test("a second daemon on the same directory is told whose it is, and the first goes on")
    func secondDaemon() async throws {
        guard try Requirement.need("root", "tun", RealDaemon.binary) else { return }
        try await bounded("two daemons", within: .seconds(120)) {
            let daemon = try await RealDaemon(try TemporaryDirectory("second"))
            let second = try await daemon.run(["run"])
            #expect(second.code == CommandStatus.conflict.rawValue)
            #expect(second.messages.contains("process \(daemon.process.pid)"))
            #expect(second.messages.split(separator: "\n").count == 1)
            #expect(try await daemon.run(["status"]).code == 0)
            #expect(try await daemon.down().code == 0)
        }
    }

    @Test("a full disk refuses what is new, keeps what is there, and is over once there is room")
    func fullDisk() async throws {
        guard try Requirement.need("root", "tun", "unshare", RealDaemon.binary) else { return }
        try await bounded("a full disk", within: .seconds(120)) {
            let directory = try TemporaryDirectory("full")
            let state = directory.file("state")
            let daemon = try await RealDaemon(
                directory, shell: "mkdir -p \(state); mount -t tmpfs -o size=2m tmpfs \(state)")
            let inside = "/proc/\(daemon.process.pid)/root\(state)"
            #expect(try await daemon.run(["key", "add", "first", WrongInput.key]).code == 0)
            _ = try await runProcess(
                ProcessSpec(executable: "dd", arguments: ["if=/dev/zero", "of=\(inside)/fill", "bs=4k"]), input: nil,
                outputLimit: 4096, on: TestLoops.loop)
            var refused: RealDaemon.Result?
            for number in 0..<200 where refused == nil {
                let result = try await daemon.run(["key", "add", "k\(number)", WrongInput.key])
                if result.code != 0 { refused = result }
            }
            let result = try #require(refused)
            #expect(result.code == CommandStatus.failed.rawValue, "\(result.messages)")
            #expect(result.messages.contains("full"), "\(result.messages)")
            #expect(result.messages.split(separator: "\n").count == 1)
            #expect(try await daemon.run(["key", "list", "-o", "name"]).output.hasPrefix("first\n"))
            try FileManager.default.removeItem(atPath: "\(inside)/fill")
            #expect(try await daemon.run(["key", "add", "after", WrongInput.key]).code == 0)
            #expect(try await daemon.down().code == 0)
        }
    }

    /// What needs no daemon: configuration and directories.
    static let starts: [(what: String, arguments: [String], status: CommandStatus, names: [String])] = [
        (
            "a directory that can't be made", ["run", "--directory", "/proc/nowhere"], .failed,
            ["node.state-directory", "/proc/nowhere", "--directory"]
        ),
        (
            "a directory that is a file", ["run", "--directory", "/dev/null"], .failed,
            ["node.state-directory", "--directory"]
        ),
        ("a setting that is none", ["run", "--set", "node.lops=2"], .usage, ["--set", "node.lops", "node.loops"]),
        ("an accelerator that is none", ["run", "--accelerator", "xen"], .usage, ["node.accelerator", "tcg"]),
        ("a log level that is none", ["run", "--log-level", "loud"], .usage, ["log.level", "debug"]),
        ("a configuration that is not there", ["run", "--config", "/nowhere.yaml"], .usage, ["/nowhere.yaml"]),
        (
            "no daemon", ["vm", "list", "--directory", "/nowhere"], .unreachable,
            ["/nowhere/run/api.sock", "uncloud-node run"]
        ),
        (
            "no namespace", ["net", "exec", "--directory", "/nowhere", "--", "true"], .unreachable,
            ["/nowhere/run/holder.pid", "uncloud-node run"]
        ),
        ("nothing to execute", ["net", "exec"], .usage, ["COMMAND", "ip address"]),
        ("a shell that is none", ["completion", "tcsh"], .usage, ["SHELL", "bash"]),
    ]

    @Test("what keeps a daemon from starting is one line, too", arguments: starts)
    func start(what: String, arguments: [String], status: CommandStatus, names: [String]) async throws {
        guard try Requirement.need(RealDaemon.binary) else { return }
        let result = try await bounded(what) { try await RealDaemon.run(arguments) }
        #expect(result.code == status.rawValue, "\(result.messages)")
        #expect(result.messages.split(separator: "\n").count == 1, "\(result.messages)")
        for name in names { #expect(result.messages.contains(name), "\(result.messages)") }
    }

    @Test("a configuration file with a mistake is refused by key and line, by check and by run")
    func configurationFile() async throws {
        guard try Requirement.need(RealDaemon.binary) else { return }
        let directory = try TemporaryDirectory("config")
        let file = try directory.write("node:\n  name: n1\n  lops: 2\n", to: "node.yaml")
        for arguments in [["config", "check", file], ["run", "--config", file, "--directory", directory.path]] {
            let result = try await bounded { try await RealDaemon.run(arguments) }
            #expect(result.code == CommandStatus.usage.rawValue)
            #expect(result.messages == "error: \(file):3: node.lops: unknown key; did you mean loops?\n")
        }
        #expect(!FileManager.default.fileExists(atPath: directory.file("run")), "nothing half done")
    }
}
