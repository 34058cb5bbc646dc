import Foundation
import Glibc
import JSON
import Runtime
import TestSupport
import Testing
import uncloud_node

@Suite("Stopping and restarting guests", .serialized)
struct StopTests {
    @Test("a guest that did not heed a stop is left alone by changes and new daemons, and asked again by another stop")
    func unheeded() async throws {
        try await LivingNode.with("unheeded", environment: Self.soon) { node in
            try await node.create("web1")
            let machine = try await node.pid("web1")
            try await Self.stopInVain(node)
            try await Self.checkLeftAlone(node, machine)
            try await node.end()
            try await node.start(Self.soon)
            try await Self.checkLeftAlone(node, machine)
            #expect(try await Self.timeouts(node) == 1)
            try await Self.stopInVain(node)
            #expect(try await Self.timeouts(node) == 2)
            try await node.succeed("vm", "start", "web1")
            #expect(try await node.pid("web1") == machine)
        }
    }

    @Test("vm restart tells that a guest did not listen as soon as the node has given it up, each time anew")
    func restartGivenUp() async throws {
        try await LivingNode.with("given-up", environment: Self.soon) { node in
            try await node.create("web1")
            let machine = try await node.pid("web1")
            for time in 1...2 {
                let restarted = try await node.daemon.run(["vm", "restart", "web1", "--timeout", "150s"])
                #expect(restarted.code == CommandStatus.timedOut.rawValue, "\(restarted.messages)")
                #expect(restarted.messages.contains("was not restarted"), "\(restarted.messages)")
                #expect(restarted.messages.contains("uncloud-node vm restart web1 --force"), "\(restarted.messages)")
                #expect(try await Self.timeouts(node) == time)
            }
            #expect(try await node.pid("web1") == machine)
            try await node.succeed("vm", "restart", "web1", "--force")
            #expect(try await node.pid("web1") != machine)
        }
    }

    @Test("a restart whose daemon is killed over it is brought to its end by the next one")
    func restartGoesOn() async throws {
        try await LivingNode.with("restart") { node in
            try await node.create("web1", disk: BootSectors.heedsButton)
            try await node.awaitGuest("web1")
            let machine = try await node.pid("web1")
            try await node.end()
            try await node.start(["UNCLOUD_CRASH_AT": "1 after qmp web1 system_powerdown"])
            _ = try await node.daemon.run(["vm", "restart", "web1"])
            #expect(try await node.daemon.process.waitForExit() == .signaled(SIGKILL))
            try await node.start()
            try await node.until("the second start") {
                let status = try await node.show("web1")["status"] ?? [:]
                return status["boots"] == 2 && status["state"] == "running"
            }
            #expect(try await node.pid("web1") != machine)
            #expect(try await node.events().filter { $0 == "vm.vanished vm/default/web1" }.isEmpty)
        }
    }

    private static let soon = ["UNCLOUD_SHUTDOWN_STOP_TIMEOUT": "1s"]

    private static func stopInVain(_ node: LivingNode) async throws {
        let stopped = try await node.daemon.run(["vm", "stop", "web1"])
        #expect(stopped.code == CommandStatus.timedOut.rawValue, "\(stopped.messages)")
    }

    /// Changes what needs no power button, and looks that none was pressed. What follows from a change is done before the next
    /// one is answered.
    private static func checkLeftAlone(_ node: LivingNode, _ machine: Int32) async throws {
        for label in ["tier=web", "tier=db"] { try await node.succeed("vm", "set", "web1", "--label", label) }
        #expect(try await node.show("web1").value(at: "/status/state")?.stringValue == "running")
        #expect(try await node.reason("web1") == "StopTimedOut")
        #expect(try await node.pid("web1") == machine)
    }

    private static func timeouts(_ node: LivingNode) async throws -> Int {
        try await node.events().filter { $0 == "vm.stop-timed-out vm/default/web1" }.count
    }
}
