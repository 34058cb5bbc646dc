import Foundation
import JSON
import Network
import Runtime
import TestSupport
import Testing
import uncloud_node

@Suite("Taking a node down", .serialized)
struct DownTests {
    private static let stranger = "99999999-2222-4333-8444-555555555555"

    @Test("down refuses while a machine runs that no record explains, and by force ends that one too")
    func stranger() async throws {
        try await LivingNode.with("stranger") { node in
            try await node.create("web1")
            let machine = try await node.pid("web1")
            let stranger = try await node.startStranger(Self.stranger)
            let refused = try await node.daemon.run(["down", "-y"])
            #expect(refused.code == CommandStatus.conflict.rawValue, "\(refused.messages)")
            #expect(refused.messages.contains("process \(stranger.pid)"), "\(refused.messages)")
            #expect(LivingNode.lives(machine) && stranger.status == nil)
            #expect(try await node.show("web1").value(at: "/status/state")?.stringValue == "running")
            let down = try await node.daemon.down()
            #expect(down.code == 0, "\(down.messages)")
            let end = try await withDeadline(Duration.seconds(10).patient, on: TestLoops.loop, "the stranger's end") {
                try await stranger.waitForExit()
            }
            #expect(end == .signaled(9))
            #expect(!LivingNode.lives(machine))
            #expect(node.machines().isEmpty)
        }
    }

    @Test(
        "a node that could not go down goes on: its VMs stop and start as before, and all guests had one time together")
    func timesOut() async throws {
        try await LivingNode.with("timeout", environment: ["UNCLOUD_SHUTDOWN_STOP_TIMEOUT": "1s"]) { node in
            for name in ["web1", "web2", "web3", "web4"] { try await node.create(name) }
            let begun = ContinuousClock.now
            let down = try await node.daemon.run(["down", "-y"])
            // A second to power off and five more; a time for each would be 24.
            #expect(ContinuousClock.now - begun < .seconds(18))
            #expect(down.code == CommandStatus.timedOut.rawValue, "\(down.messages)")
            #expect(down.messages.contains("4 VMs did not power off in time"), "\(down.messages)")
            for name in ["web1", "web2", "web3", "web4"] {
                #expect(try await node.show(name).value(at: "/status/state")?.stringValue == "running")
            }
            try await node.succeed("vm", "stop", "web1", "--force")
            try await node.succeed("vm", "start", "web1")
            try await node.create("web5")
            let forced = try await node.daemon.down()
            #expect(forced.code == 0, "\(forced.messages)")
            #expect(node.machines().isEmpty)
        }
    }

    @Test("down --force cuts what another down waits for, and both say that the node went down")
    func forcedMeanwhile() async throws {
        try await LivingNode.with("both", environment: ["UNCLOUD_SHUTDOWN_STOP_TIMEOUT": "60s"]) { node in
            try await node.create("web1")
            let patient = spawn(on: TestLoops.loop, "down") { try await node.daemon.run(["down", "-y"]) }
            try await node.until("the patient one's order") {
                try await node.show("web1").value(at: "/status/state")?.stringValue == "stopping"
            }
            let forced = try await node.daemon.down()
            #expect(forced.code == 0, "\(forced.messages)")
            let other = try await patient.value
            #expect(other.code == 0, "\(other.messages)")
            #expect(node.machines().isEmpty)
        }
    }
}

@Suite("A VM that is cut while it is being started", .serialized)
struct CutTests {
    /// A QEMU that begins only when it is let.
    private static func withSlowQEMU(_ name: String, _ body: @escaping @Sendable (LivingNode) async throws -> Void)
        async throws
    {
        let gate = try TemporaryDirectory("gate")
        let qemu = try gate.write(
            """
            #!/bin/sh
            # Asked for its version, or started to try something, it is itself.
            case "$*" in *-smbios*) while [ ! -e \(gate.file("open")) ]; do sleep 0.02; done ;; esac
            exec qemu-system-x86_64 "$@"

            """, to: "qemu")
        chmod(qemu, 0o755)
        try await LivingNode.with(name, environment: ["UNCLOUD_NODE_QEMU": qemu, "UNCLOUD_NODE_VM_USER_BASE": "0"]) {
            node in
            try await node.create("web1", "--no-wait")
            try await node.until("the launch") {
                try await node.show("web1").value(at: "/status/state")?.stringValue == "starting"
            }
            let order = spawn(on: TestLoops.loop, "order") { try await body(node) }
            // The lock on its pid file is the process' before it is QEMU: it needs no gate to be found and ended.
            try await order.value
            try gate.write("", to: "open")
        }
    }

    @Test("delete --force cuts it as soon as its process is there")
    func delete() async throws {
        try await Self.withSlowQEMU("cut") { node in
            let deleted = try await node.daemon.run(["vm", "delete", "web1", "--force", "-y", "--timeout", "30s"])
            #expect(deleted.code == 0, "\(deleted.messages)")
            #expect(try await node.daemon.run(["vm", "show", "web1"]).code == CommandStatus.notFound.rawValue)
            #expect(node.machines().isEmpty)
        }
    }

    @Test("down --force does, too, and leaves no process")
    func down() async throws {
        try await Self.withSlowQEMU("cut-down") { node in
            let down = try await node.daemon.down()
            #expect(down.code == 0, "\(down.messages)")
            #expect(node.machines().isEmpty)
        }
    }
}
