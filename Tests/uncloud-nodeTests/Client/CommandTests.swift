import Actors
import Foundation
import JSON
import Model
import Runtime
import TestSupport
import Testing
import uncloud_node

@Suite("Command lines against a node")
struct CommandTests {
    static let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAFqO44fYwvEZBTggzixd8ICbOQQTjNxky/UbedOa6Pv me@here"

    @Test("vm create writes the description once, creating only, and prints the name")
    func create() async throws {
        try await bounded {
            let harness = try await CommandHarness()
            let result = await harness.run([
                "vm", "create", "web1", "--cpus", "2", "--memory", "256MiB", "--nic", "network=default", "--ssh-key",
                Self.key,
                "--no-wait",
            ])
            #expect(result.status == .ok, "\(result.messages)")
            #expect(result.output == "web1\n")
            let write = try #require(harness.node.writes.first)
            #expect(write.call == "put vms/default/web1")
            #expect(write.options.createOnly && write.options.idempotencyKey != nil && !write.options.dryRun)
            #expect(
                write.body == [
                    "spec": [
                        "cpus": 2, "memory": 268_435_456, "nics": [["network": "default"]],
                        "sshKeys": [.string(Self.key)],
                    ]
                ])
            await harness.stop()
        }
    }

    @Test("vm create waits until the VM runs, by the watch")
    func createWaits() async throws {
        try await bounded {
            let harness = try await CommandHarness(FakeNode(newState: "starting"))
            let running = spawn(on: TestLoops.loop, "create") { await harness.run(["vm", "create", "web1"]) }
            try await harness.node.watched()
            let other = SampleDocuments.vm("web2", revision: 20)
            harness.node.tell(.put(Resource(kind: .vms, document: other, revision: 20), revision: 20))
            let document = SampleDocuments.vm("web1", revision: 11, state: "running")
            harness.node.tell(.put(Resource(kind: .vms, document: document, revision: 11), revision: 21))
            let result = try await running.value
            #expect(result.status == .ok, "\(result.messages)")
            #expect(result.output == "web1\n")
            await harness.stop()
        }
    }

    @Test("vm restart returns when the VM runs after a later start, be it within the same second, and not before")
    func restart() async throws {
        try await bounded {
            let harness = try await CommandHarness()
            harness.node.seed(.vms, SampleDocuments.vm("web1", boots: 3))
            let running = spawn(on: TestLoops.loop, "restart") { await harness.run(["vm", "restart", "web1"]) }
            let told = try await harness.node.watched()
            // Its status is written for other reasons too, while the guest still goes down.
            for (revision, boots) in [(Int64(11), Int64(3)), (12, 3), (13, 4)] {
                let document = SampleDocuments.vm("web1", revision: 7, boots: boots)
                harness.node.tell(.put(Resource(kind: .vms, document: document, revision: 7), revision: revision))
                told.trySend(.bookmark(revision: revision))
            }
            let result = try await running.value
            #expect(result.status == .ok, "\(result.messages)")
            #expect(harness.node.writes.map(\.call) == ["restart vms/default/web1"])
            await harness.stop()
        }
    }

    @Test("vm restart ends with exit status 5 when the guest did not listen to it, whatever an earlier one has led to")
    func restartGivenUp() async throws {
        try await bounded {
            let harness = try await CommandHarness()
            harness.node.seed(.vms, SampleDocuments.vm("web1", reason: "StopTimedOut"))
            let running = spawn(on: TestLoops.loop, "restart") { await harness.run(["vm", "restart", "web1"]) }
            try await harness.node.watched()
            for (revision, state, reason) in [
                (Int64(11), "stopping", "PowerdownSent"), (12, "running", "StopTimedOut"),
            ] {
                let document = SampleDocuments.vm("web1", state: state, reason: reason)
                harness.node.tell(.put(Resource(kind: .vms, document: document, revision: 7), revision: revision))
            }
            let result = try await running.value
            #expect(result.status == .timedOut)
            #expect(result.messages.contains("web1 runs on and was not restarted"), "\(result.messages)")
            await harness.stop()
        }
    }

    @Test("a VM that fails to start is exit status 1 with the reason")
    func createFails() async throws {
        try await bounded {
            let harness = try await CommandHarness(FakeNode(newState: "failed"))
            let result = await harness.run(["vm", "create", "web1"])
            #expect(result.status == .failed)
            #expect(result.messages.contains("web1 is not running: the guest runs"))
            await harness.stop()
        }
    }

    @Test("what does not come about in time is exit status 5 and tells the state")
    func timesOut() async throws {
        try await bounded {
            let harness = try await CommandHarness(FakeNode(newState: "starting"))
            let result = await harness.run(["vm", "create", "web1", "--timeout", "3s"])
            #expect(result.status == .timedOut, "\(result.messages)")
            #expect(result.messages.contains("vm web1 is starting and not running after 3s"))
            await harness.stop()
        }
    }

    @Test("vm set sends a merge patch of just what was said")
    func set() async throws {
        try await bounded {
            let harness = try await CommandHarness()
            harness.node.seed(.vms, SampleDocuments.vm("web1"))
            let result = await harness.run(["vm", "set", "web1", "--ssh-key", Self.key, "--label", "old-"])
            #expect(result.status == .ok, "\(result.messages)")
            let write = try #require(harness.node.writes.first)
            #expect(write.call == "patch vms/default/web1")
            #expect(write.body == ["spec": ["sshKeys": [.string(Self.key)], "labels": ["old": .null]]])
            await harness.stop()
        }
    }

    @Test("several names run, and some failures are exit status 8 with a line each")
    func several() async throws {
        try await bounded {
            let harness = try await CommandHarness()
            harness.node.seed(.vms, SampleDocuments.vm("web1"))
            harness.node.seed(.vms, SampleDocuments.vm("web3"))
            let result = await harness.run(["vm", "delete", "web1", "web2", "web3"])
            #expect(result.status == .someFailed)
            #expect(result.output == "web1\nweb3\n")
            #expect(result.messages.hasPrefix("error: web2: no vm \"web2\""))
            #expect(await harness.run(["vm", "delete", "a", "b"]).status == .notFound)
            await harness.stop()
        }
    }

    @Test("a selector stands for names, and needs to find some")
    func selector() async throws {
        try await bounded {
            let harness = try await CommandHarness()
            harness.node.seed(.vms, SampleDocuments.vm("web1"))
            #expect(await harness.run(["vm", "show", "-l", "tier=web", "-o", "name"]).output == "web1\n")
            #expect(await harness.run(["vm", "show", "-l", "tier=db"]).status == .notFound)
            #expect(await harness.run(["vm", "show", "web1", "-l", "tier=db"]).status == .usage)
            #expect(await harness.run(["vm", "list", "-l", "tier=db", "--no-headers"]).output == "")
            await harness.stop()
        }
    }

    @Test("lists, shows and looks print what the node tells, in the format asked for, wherever the flag stands")
    func looks() async throws {
        try await bounded {
            let harness = try await CommandHarness()
            harness.node.seed(.vms, SampleDocuments.vm("web1", spec: ["userData": "secret-word"]))
            #expect(await harness.run(["vm", "ls", "--no-headers"]).output.hasPrefix("web1  running  n1"))
            #expect(await harness.run(["-o", "name", "vm", "list"]).output == "web1\n")
            #expect(await harness.run(["vm", "show", "web1", "-o", "json"]).output.contains("\"pid\": 4711"))
            #expect(!(await harness.run(["vm", "show", "web1"]).output.contains("secret-word")))
            #expect(await harness.run(["vm", "show", "web1", "--secrets"]).output.contains("secret-word"))
            #expect(
                await harness.run(["vm", "show", "11111111-2222-4333-8444-555555555555", "-o", "name"]).output
                    == "web1\n")
            #expect(await harness.run(["status"]).output.contains("ok: true"))
            #expect(await harness.run(["vm", "log", "web1"]).output == "booting\r\n")
            #expect(await harness.run(["metadata", "show", "web1"]).output.contains("/name: web1"))
            #expect(await harness.run(["metadata", "show", "web1"]).output.contains("(redacted)"))
            #expect(await harness.run(["metadata", "show", "web1", "--secrets"]).output.contains("hello world!"))
            #expect(await harness.run(["who", "fe80::1"]).output.contains("term: fe80::1"))
            #expect(await harness.run(["-ojson", "vm", "list", "-ltier=web"]).output.hasPrefix("{\n"))
            #expect(await harness.run(["gc", "--dry-run"]).output.hasPrefix("NAME    KIND  REASON\n"))
            let events = await harness.run(["events"]).output
            #expect(events.split(separator: "\n").count == 3)
            let head = "NUMBER  TIME                      EVENT             SUBJECT                   MESSAGE\n"
            #expect(events.hasPrefix(head))
            #expect(
                events.contains(
                    "\n     1  2026-11-23T08:00:00Z      vm.started        vm/default/web1           process 4711\n"))
            #expect(await harness.run(["events", "-w"]).output == events)
            #expect(
                await harness.run(["events", "-w", "--no-headers"]).output == events.drop { $0 != "\n" }.dropFirst())
            #expect(
                await harness.run(["events", "-w", "--since", "1", "-o", "json"]).output.contains("\"sequence\":2"))
            await harness.stop()
        }
    }

    @Test("networks and keys are made and forgotten")
    func networksAndKeys() async throws {
        try await bounded {
            let harness = try await CommandHarness()
            let made = await harness.run([
                "network", "create", "default", "--prefix", "fd12:3456:789a:1::/64", "--ra", "external",
            ])
            #expect(made.output == "default\n", "\(made.messages)")
            #expect(
                await harness.run(["network", "create", "default", "--prefix", "fd12:3456:789a:1::/64"]).status
                    == .conflict)
            #expect(await harness.run(["key", "add", "ops", Self.key]).status == .ok)
            #expect(await harness.run(["network", "rm", "default", "-y"]).status == .ok)
            let writes = harness.node.writes
            #expect(writes[0].body == ["spec": ["prefix": "fd12:3456:789a:1::/64", "ra": "external"]])
            #expect(writes[2].body == ["spec": ["publicKey": .string(Self.key)]])
            await harness.stop()
        }
    }

    @Test("--dry-run reaches the node and waits for nothing")
    func dryRun() async throws {
        try await bounded {
            let harness = try await CommandHarness(FakeNode(newState: "starting"))
            #expect(await harness.run(["vm", "create", "web1", "--dry-run"]).status == .ok)
            #expect(harness.node.writes.first?.options.dryRun == true)
            await harness.stop()
        }
    }

    @Test("the owner comes from the flag, else from the environment")
    func owner() async throws {
        try await bounded {
            let harness = try await CommandHarness()
            harness.node.seed(.vms, SampleDocuments.vm("a", owner: "acme"))
            #expect(await harness.run(["vm", "list", "-o", "name", "--owner", "acme"]).output == "a\n")
            #expect(
                await harness.run(["vm", "list", "-o", "name"], environment: ["UNCLOUD_OWNER": "acme"]).output == "a\n")
            #expect(await harness.run(["vm", "list", "-o", "name", "--owner", "-"]).output == "a\n")
            #expect(await harness.run(["vm", "delete", "a", "--owner", "-"]).status == .usage)
            await harness.stop()
        }
    }

    @Test("without a daemon the exit status is 7 and the line tells how to start one")
    func unreachable() async throws {
        try await bounded {
            let directory = try TemporaryDirectory("none")
            let result = await CommandHarness.run(["--directory", directory.path, "vm", "list"])
            #expect(result.status == .unreachable)
            #expect(result.messages.contains("uncloud-node run"))
            #expect(!result.messages.contains("\n"))
        }
    }

    @Test("a console script sends its lines and ends where its pattern is seen")
    func console() async throws {
        try await bounded {
            let pair = try SocketPair()
            let harness = try await CommandHarness(FakeNode(console: pair.ours))
            let guest = Connection(adopting: pair.theirs, on: TestLoops.other)
            let command = spawn(on: TestLoops.loop, "console") {
                await harness.run(["vm", "console", "web1", "--send", "hello", "--until", "/bye [0-9]/"])
            }
            var heard: [UInt8] = []
            while heard.count < 6, let bytes = try await guest.read() { heard += bytes }
            #expect(heard == Array("hello\n".utf8))
            try await guest.write(Array("well\r\nby".utf8))
            try await guest.write(Array("e 7\r\n".utf8))
            let result = try await command.value
            #expect(result.status == .ok, "\(result.messages)")
            #expect(result.output.hasPrefix("well\r\nbye 7"))
            await harness.stop()
        }
    }

    @Test("a console that does not say what is waited for is exit status 5")
    func consoleTimeout() async throws {
        try await bounded {
            let pair = try SocketPair()
            let harness = try await CommandHarness(FakeNode(console: pair.ours))
            let guest = Connection(adopting: pair.theirs, on: TestLoops.other)
            try await guest.write(Array("login: ".utf8))
            let result = await harness.run(["vm", "console", "web1", "--until", "never", "--timeout", "4s"])
            #expect(result.status == .timedOut)
            #expect(result.output == "login: ")
            #expect(result.messages.contains("--until"))
            guest.close()
            await harness.stop()
        }
    }

    @Test("down asks the daemon, and stop --force cuts after it has said that the VM is to be off")
    func power() async throws {
        try await bounded {
            let harness = try await CommandHarness()
            harness.node.seed(.vms, SampleDocuments.vm("web1", state: "stopped"))
            #expect(await harness.run(["vm", "stop", "web1", "--force"]).status == .ok)
            #expect(harness.node.writes.map(\.call) == ["patch vms/default/web1", "kill vms/default/web1"])
            #expect(await harness.run(["down", "--force"]).status == .ok)
            #expect(harness.node.wentDown == true)
            await harness.stop()
        }
    }
}
