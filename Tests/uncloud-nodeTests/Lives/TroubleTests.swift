import Foundation
import JSON
import Network
import Runtime
import TestSupport
import Testing
import uncloud_node

@Suite("A node in trouble", .serialized)
struct TroubleTests {
    @Test("a VM whose process can't be looked for is unknown, is left alone, and is found once it can be")
    func lookFails() async throws {
        try await LivingNode.with("look") { node in
            try await node.create("web1")
            try await node.create("web2")
            let machine = try await node.pid("web1")
            let uuid = try #require(try await node.show("web1")["uuid"]?.stringValue)
            let file = node.directory.file("run/vms/\(uuid)/pid")
            try await node.end()
            rename(file, file + ".away")
            symlink(file + ".away", file)
            // The other VM, and the node, are not held up by it.
            try await node.start()
            #expect(try await node.show("web2").value(at: "/status/state")?.stringValue == "running")
            try await node.until("the failed look") { try await node.reason("web1") == "LookFailed" }
            #expect(try await node.show("web1").value(at: "/status/state")?.stringValue == "unknown")
            #expect(try await node.problems().contains { $0.hasPrefix("vm default/web1: whether its process lives") })
            #expect(node.machines().count == 2)
            unlink(file)
            rename(file + ".away", file)
            try await node.succeed("vm", "wait", "web1", "--for", "running")
            #expect(try await node.pid("web1") == machine)
            #expect(node.machines().count == 2)
            #expect(try await node.problems() == [])
            let events = try await node.events()
            #expect(events.contains("vm.look-failed vm/default/web1") && events.contains("vm.adopted vm/default/web1"))
            #expect(!events.contains("vm.vanished vm/default/web1"))
        }
    }

    @Test("a VM whose directory can't be removed keeps its tombstone, is told, and goes once it can")
    func cleanFails() async throws {
        try await LivingNode.with("clean") { node in
            try await node.create("web1")
            let uuid = try #require(try await node.show("web1")["uuid"]?.stringValue)
            let mine = node.directory.file("run/vms/\(uuid)/mine")
            mkdir(mine, 0o700)
            let deleted = try await node.daemon.run(["vm", "delete", "web1", "--force", "-y"])
            #expect(deleted.code == CommandStatus.failed.rawValue, "\(deleted.messages)")
            #expect(deleted.messages.contains("not all of it could be removed"), "\(deleted.messages)")
            #expect(try await node.events().contains("vm.clean-failed vm/default/web1"))
            #expect(try await node.problems().contains { $0.hasPrefix("vm default/web1: ") })
            #expect(try await node.succeed("mac", "list", "-o", "json").contains("\"used\""))
            // Nor does another daemon forget it.
            try await node.end(SIGKILL)
            try await node.start()
            try await node.until("another attempt") {
                let events = try await node.events()
                let start = try #require(events.lastIndex { $0.hasPrefix("node.started") })
                return events[start...].contains("vm.clean-failed vm/default/web1")
            }
            rmdir(mine)
            try await node.until("the end of the deletion") {
                try await !node.succeed("mac", "list", "-o", "json").contains("\"used\"")
            }
            #expect(try await node.problems() == [])
            #expect(access(node.directory.file("run/vms/\(uuid)"), F_OK) != 0)
        }
    }

    @Test("an end that was asked for is told as one, its tap's is not, and a tap that vanishes under a guest is told")
    func ports() async throws {
        try await LivingNode.with("ports") { node in
            try await node.create("web1")
            try await node.succeed("vm", "stop", "web1", "--force")
            // What the helper tells of a tap comes before its answer to the next launch.
            try await node.succeed("vm", "start", "web1")
            try await node.succeed("vm", "restart", "web1", "--force")
            var events = try await node.events()
            #expect(events.filter { $0 == "vm.stopped vm/default/web1" }.count == 2, "\(events)")
            #expect(events.filter { $0 == "vm.started vm/default/web1" }.count == 3, "\(events)")
            let tap = try #require(try await node.show("web1").value(at: "/nics/0/tap")?.stringValue)
            let machine = try await node.pid("web1")
            _ = try await runProcess(
                ProcessSpec(
                    executable: "ip", arguments: ["netns", "exec", node.daemon.namespace, "ip", "link", "del", tap]),
                on: TestLoops.loop)
            try await node.until("the lost port") { try await node.events().contains("port.gone vm/default/web1") }
            events = try await node.events()
            #expect(events.filter { $0.hasPrefix("port.gone") } == ["port.gone vm/default/web1"], "\(events)")
            #expect(LivingNode.lives(machine))
        }
    }

    @Test("a change that asks for no act is observed")
    func observed() async throws {
        try await LivingNode.with("observed") { node in
            try await node.create("web1")
            try await node.succeed("vm", "set", "web1", "--label", "tier=web")
            try await node.until("the observation") {
                let vm = try await node.show("web1")
                return vm.value(at: "/status/observedRevision")?.intValue == vm["revision"]?.intValue
            }
            #expect(try await node.show("web1").value(at: "/status/boots")?.intValue == 1)
            try await node.succeed("vm", "restart", "web1", "--force")
            #expect(try await node.show("web1").value(at: "/status/boots")?.intValue == 2)
        }
    }

    @Test("a holder that is killed is told and followed by another, in the same namespace")
    func holder() async throws {
        try await LivingNode.with("holder") { node in
            let file = node.directory.file("run/holder.pid")
            let pin = "/run/netns/\(node.daemon.namespace)"
            var before = stat()
            try #require(stat(pin, &before) == 0)
            let first = try #require(PIDFile.owner(file))
            // Until this is put right, there can be no other one.
            rename(file, file + ".away")
            mkdir(file, 0o700)
            kill(first, SIGKILL)
            let missing = "the holder of the network namespace is not running; it is being started"
            try await node.until("the problem") { try await node.problems().contains(missing) }
            #expect(try await node.events().contains("holder.lost node"))
            rmdir(file)
            rename(file + ".away", file)
            try await node.until("the next holder") { try await node.events().contains("holder.started node") }
            #expect(try await node.problems() == [])
            #expect(PIDFile.owner(file) ?? first != first)
            var after = stat()
            #expect(stat(pin, &after) == 0 && after.st_ino == before.st_ino)
            try await node.create("web1")
            // Another's end by SIGTERM takes the namespace's name away, and the next one brings it back.
            kill(try #require(PIDFile.owner(file)), SIGTERM)
            try await node.until("one more holder") {
                try await node.events().filter { $0 == "holder.started node" }.count == 2
            }
            #expect(stat(pin, &after) == 0 && after.st_ino == before.st_ino)
            #expect(try await node.problems() == [])
        }
    }
}
