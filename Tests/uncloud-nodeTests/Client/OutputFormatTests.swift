import Actors
import Foundation
import JSON
import Model
import TestSupport
import Testing
import uncloud_node

@Suite("The global flags on every command")
struct OutputFormatTests {
    /// A command, the formats that it knows, and what it prints as names.
    struct Command: Sendable {
        var words: [String]
        var formats: [OutputFormat] = OutputFormat.allCases
        var names: String?
    }

    static let commands = [
        Command(words: ["status"], names: "n1\n"), Command(words: ["version"], names: "uncloud-node\n"),
        Command(words: ["doctor"]), Command(words: ["gc", "--dry-run"], names: "stray0\n"),
        Command(words: ["who", "4711"], names: "web1\n"),
        Command(words: ["metadata", "show", "web1"], names: "/name\n/user-data\n"),
        Command(words: ["vm", "list"], names: "web1\nweb2\n"), Command(words: ["vm", "show", "web1"], names: "web1\n"),
        Command(words: ["vm", "show", "web1", "web2"], names: "web1\nweb2\n"),
        Command(words: ["vm", "set", "web1", "--cpus", "2"], names: "web1\n"),
        Command(words: ["vm", "stop", "-l", "tier=web", "--no-wait"], names: "web1\nweb2\n"),
        Command(words: ["vm", "delete", "web1", "--dry-run"], names: "web1\n"),
        Command(words: ["network", "list"], names: "default\n"),
        Command(words: ["network", "show", "default"], names: "default\n"),
        Command(words: ["key", "list"], names: "ops\n"), Command(words: ["mac", "list"], names: "42:00:00:00:00:07\n"),
        Command(words: ["config", "show"]), Command(words: ["events"], formats: [.table, .wide, .json, .yaml]),
        Command(words: ["firewall", "show"], formats: [.table, .wide, .json, .yaml]),
        Command(words: ["firewall", "show", "web1"], formats: [.table, .wide, .json, .yaml]),
        Command(words: ["vm", "log", "web1"], formats: []), Command(words: ["vm", "console", "web1"], formats: []),
        Command(words: ["vm", "wait", "web1"], formats: []), Command(words: ["completion", "bash"], formats: []),
        Command(words: ["config", "check"], formats: []), Command(words: ["run"], formats: []),
        Command(words: ["down"], formats: [.json, .yaml]), Command(words: ["net", "exec"], formats: []),
    ]

    static func harness() async throws -> CommandHarness {
        let harness = try await CommandHarness()
        harness.node.seed(.vms, SampleDocuments.vm("web1"))
        harness.node.seed(.vms, SampleDocuments.vm("web2"))
        harness.node.seed(.networks, SampleDocuments.network("default"))
        harness.node.seed(.keys, SampleDocuments.key("ops"))
        harness.node.seed(.macs, SampleDocuments.mac("42:00:00:00:00:07"))
        return harness
    }

    @Test("each command obeys -o, or refuses it by name with what is possible", arguments: commands)
    func formats(command: Command) async throws {
        try await bounded {
            let harness = try await Self.harness()
            for format in OutputFormat.allCases {
                let result = await harness.run(command.words + ["-o", format.rawValue])
                guard command.formats.contains(format) else {
                    #expect(result.status == .usage, "\(format): \(result.messages)")
                    #expect(result.output.isEmpty)
                    #expect(result.messages.hasPrefix("error: -o: \"\(format)\" "), "\(result.messages)")
                    for other in command.formats { #expect(result.messages.contains("-o \(other)")) }
                    continue
                }
                #expect(result.status == .ok || command.words == ["doctor"], "\(format): \(result.messages)")
                try Self.check(result.output, format, command)
            }
            #expect(harness.node.wentDown == nil || command.words == ["down"])
            await harness.stop()
        }
    }

    private static func check(_ text: String, _ format: OutputFormat, _ command: Command) throws {
        let first = text.split(separator: "\n", omittingEmptySubsequences: false).first.map(String.init) ?? ""
        switch format {
        case .table, .wide:
            #expect(!first.isEmpty && first == first.uppercased(), "no head: \(first)")
            #expect(text.components(separatedBy: first).count == 2, "the head stands there twice")
        case .json: _ = try JSONValue(parsing: text)
        case .yaml:
            #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
            #expect(first.contains(":"), "\(first)")
        case .name:
            if let names = command.names { #expect(text == names) }
        }
    }

    @Test("several results are one JSON array, YAML documents with a line between, one table")
    func several() async throws {
        try await bounded {
            let harness = try await Self.harness()
            let json = try JSONValue(parsing: await harness.run(["vm", "show", "web1", "web2", "-o", "json"]).output)
            #expect(json.arrayValue?.compactMap { $0["name"]?.stringValue } == ["web1", "web2"])
            let yaml = await harness.run(["vm", "show", "web1", "web2"]).output
            #expect(!yaml.hasPrefix("---") && yaml.components(separatedBy: "\n---\n").count == 2)
            let one = try JSONValue(parsing: await harness.run(["vm", "show", "web1", "-o", "json"]).output)
            #expect(one["name"] == "web1")
            await harness.stop()
        }
    }

    @Test("what a selector found is an array, and so is what is left when some fail")
    func arrays() async throws {
        try await bounded {
            let harness = try await Self.harness()
            harness.node.seed(.vms, SampleDocuments.vm("web3", labels: ["tier": "db"]))
            let found = await harness.run(["vm", "show", "-l", "tier=db", "-o", "json"])
            #expect(try JSONValue(parsing: found.output).arrayValue?.count == 1)
            let some = await harness.run(["vm", "delete", "web1", "nobody", "web2", "-o", "json"])
            #expect(some.status == .someFailed)
            #expect(try JSONValue(parsing: some.output).arrayValue?.count == 2)
            let none = await harness.run(["vm", "delete", "nobody", "nothing", "-o", "json"])
            #expect(none.status == .notFound && none.output == "[]\n")
            await harness.stop()
        }
    }

    @Test("UNCLOUD_OUTPUT holds where the command knows it, and is refused where nobody does")
    func environment() async throws {
        try await bounded {
            let harness = try await Self.harness()
            let names = ["UNCLOUD_OUTPUT": "name"]
            #expect(await harness.run(["vm", "list"], environment: names).output == "web1\nweb2\n")
            #expect(await harness.run(["vm", "list", "-o", "json"], environment: names).output.hasPrefix("{"))
            #expect(await harness.run(["events"], environment: names).output.hasPrefix("NUMBER"))
            let wrong = await harness.run(["vm", "list"], environment: ["UNCLOUD_OUTPUT": "fancy"])
            #expect(wrong.status == .usage && wrong.messages.hasPrefix("error: UNCLOUD_OUTPUT: "), "\(wrong.messages)")
            await harness.stop()
        }
    }

    @Test(
        "a selector is refused where it would choose nothing",
        arguments: [
            ["key", "delete", "ops"], ["key", "list"], ["network", "delete", "default"], ["vm", "create", "web9"],
            ["vm", "log", "web1"], ["status"],
        ])
    func selectors(words: [String]) async throws {
        try await bounded {
            let harness = try await Self.harness()
            let result = await harness.run(words + ["-l", "tier=web"])
            #expect(result.status == .usage && result.messages.hasPrefix("error: --selector: "), "\(result.messages)")
            #expect(harness.node.writes.isEmpty)
            await harness.stop()
        }
    }

    @Test("--dry-run is refused where it would be done all the same", arguments: [["down"], ["run"], ["net", "exec"]])
    func rehearsals(words: [String]) async throws {
        try await bounded {
            let harness = try await Self.harness()
            let result = await harness.run(words + ["--dry-run"])
            #expect(result.status == .usage && result.messages.hasPrefix("error: --dry-run: "), "\(result.messages)")
            #expect(harness.node.wentDown == nil)
            await harness.stop()
        }
    }

    @Test("a forced deletion rehearsed cuts nothing and answers as if it had")
    func rehearsedDeletion() async throws {
        try await bounded {
            let harness = try await Self.harness()
            harness.node.fail(
                ProblemError.refused("vm.running", "vm \"web1\" is running and can't be deleted"), of: "delete")
            #expect(await harness.run(["vm", "delete", "web1", "--dry-run"]).status == .refused)
            let forced = await harness.run(["vm", "delete", "web1", "--force", "--dry-run"])
            #expect(forced.status == .ok && forced.output == "web1\n", "\(forced.messages)")
            #expect(harness.node.writes.allSatisfy { $0.options.dryRun })
            await harness.stop()
        }
    }

    @Test("mac list shows all owners' addresses unless one is named")
    func macs() async throws {
        try await bounded {
            let harness = try await Self.harness()
            harness.node.seed(.macs, SampleDocuments.mac("42:00:00:00:00:08", owner: "acme"))
            #expect(
                await harness.run(["mac", "list", "-o", "name"]).output == "42:00:00:00:00:08\n42:00:00:00:00:07\n")
            #expect(
                await harness.run(["mac", "list", "-o", "name", "--owner", "acme"]).output == "42:00:00:00:00:08\n")
            await harness.stop()
        }
    }

    @Test("what is too large is told by its field, before it is sent or by the server")
    func tooLarge() async throws {
        try await bounded {
            let harness = try await Self.harness()
            let large = try harness.directory.write(String(repeating: "x", count: 2 << 20), to: "large")
            let result = await harness.run(["vm", "create", "a", "--user-data", "@\(large)"])
            #expect(result.status == .usage)
            #expect(
                result.messages.hasPrefix("error: --user-data: has 2097152 bytes, at most 1MiB"), "\(result.messages)")
            #expect(harness.node.writes.isEmpty)
            // In JSON a control character takes six bytes.
            let zeros = try harness.directory.write(String(repeating: "\u{1}", count: 1 << 20), to: "zeros")
            let refused = await harness.run([
                "vm", "create", "a", "--user-data", "@\(zeros)", "--vendor-data", "@\(zeros)",
            ])
            #expect(refused.status == .usage)
            #expect(refused.messages.hasPrefix("error: body: the body has more than 8MiB; make it smaller"))
            #expect(harness.node.writes.isEmpty)
            await harness.stop()
        }
    }
}
