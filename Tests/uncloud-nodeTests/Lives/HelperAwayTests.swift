import Foundation
import Glibc
import JSON
import Network
import Runtime
import TestSupport
import Testing

@Suite("A VM that ends while the net-helper is away", .serialized)
struct HelperAwayTests {
    @Test("leaves no port when the helper dies over its end", arguments: ["stop", "delete"])
    func tap(_ verb: String) async throws {
        try await LivingNode.with("away-\(verb)") { node in
            try await node.create("web1")
            let port = try #require(try await node.show("web1").value(at: "/nics/0/tap")?.stringValue)
            let helper = try Self.hang(node)
            let ending = Self.end("web1", verb, node)
            // The helper is asked when the process has ended, and says nothing.
            try await node.until("the machine's end") { node.machines().isEmpty }
            kill(helper, SIGKILL)
            let result = try await ending.value
            #expect(result.code == 0, "\(result.messages)")
            try await Self.checkNothingLeft(node, port)
        }
    }

    @Test("gives another's interface back when the helper dies over its end", arguments: ["stop", "delete"])
    func interface(_ verb: String) async throws {
        guard try Requirement.need("nsenter") else { return }
        let host = try await TestNamespace.make(inUserNamespace: false)
        try await host.succeed("ip", "link", "add", "q0", "type", "veth", "peer", "name", "q0peer")
        try await host.succeed("ip", "link", "set", "q0", "up")
        try await LivingNode.with("away-interface-\(verb)", host: host) { node in
            try await node.succeed("vm", "create", "ext1", "--interface", "q0")
            #expect(try await host.run("ip", "link", "show", "q0").status != .exited(0))
            let port = try #require(try await node.show("ext1").value(at: "/nics/0/tap")?.stringValue)
            let helper = try Self.hang(node)
            let ending = Self.end("ext1", verb, node)
            try await node.until("the order") {
                try await node.show("ext1").value(at: "/status/state")?.stringValue == "stopping"
            }
            kill(helper, SIGKILL)
            let result = try await ending.value
            #expect(result.code == 0, "\(result.messages)")
            let back = try await host.succeed("ip", "-brief", "link", "show", "q0")
            #expect(back.contains(",UP"), "\(back)")
            try await Self.checkNothingLeft(node, port)
        }
    }

    @Test("leaves no port when one helper after the other dies")
    func several() async throws {
        try await LivingNode.with("away-several") { node in
            try await node.create("web1")
            let port = try #require(try await node.show("web1").value(at: "/nics/0/tap")?.stringValue)
            let file = node.directory.file("run/helper.pid")
            var last = try Self.hang(node)
            let ending = Self.end("web1", "delete", node)
            try await node.until("the machine's end") { node.machines().isEmpty }
            for _ in 0..<4 {
                kill(last, SIGKILL)
                let gone = last
                try await node.until("the next helper") { (PIDFile.owner(file) ?? gone) != gone }
                last = try #require(PIDFile.owner(file))
            }
            let result = try await ending.value
            #expect(result.code == 0, "\(result.messages)")
            try await Self.checkNothingLeft(node, port)
        }
    }

    @Test("keeps its tombstone while no helper can be had, and is gone once there is one again")
    func none() async throws {
        try await LivingNode.with("away-none") { node in
            try await node.create("web1")
            let port = try #require(try await node.show("web1").value(at: "/nics/0/tap")?.stringValue)
            // A directory in the place of its socket: no helper starts.
            let helper = try Self.hang(node)
            let socket = node.directory.file("run/helper.sock")
            unlink(socket)
            mkdir(socket, 0o700)
            let ending = Self.end("web1", "delete", node)
            try await node.until("the machine's end") { node.machines().isEmpty }
            kill(helper, SIGKILL)
            let result = try await ending.value
            #expect(result.code == 1 && result.messages.contains("is deleted, but not all of it"), "\(result.messages)")
            #expect(result.messages.contains("net-helper"), "\(result.messages)")
            rmdir(socket)
            try await node.until("the end of the deletion") {
                try await node.events().contains("vm.deleted vm/default/web1")
            }
            try await Self.checkNothingLeft(node, port)
        }
    }

    /// Stops the helper, which answers nothing from then on.
    private static func hang(_ node: LivingNode) throws -> Int32 {
        let helper = try #require(PIDFile.owner(node.directory.file("run/helper.pid")))
        kill(helper, SIGSTOP)
        return helper
    }

    private static func end(_ name: String, _ verb: String, _ node: LivingNode) -> Task<RealDaemon.Result, any Error> {
        spawn(on: TestLoops.loop, verb) {
            try await node.daemon.run(["vm", verb, name, "--force"] + (verb == "delete" ? ["-y"] : []))
        }
    }

    private static func checkNothingLeft(_ node: LivingNode, _ port: String) async throws {
        try await node.until("the end of all problems") { try await node.problems() == [] }
        #expect(try await node.garbage() == 0)
        let rules = try await node.succeed("net", "exec", "--", "nft", "list", "ruleset")
        #expect(!rules.contains(port), "\(rules)")
        #expect(!(try await node.succeed("net", "exec", "--", "ip", "link")).contains(port))
    }
}
