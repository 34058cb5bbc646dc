import Foundation
import Network
import TestSupport
import Testing

@Suite("An upgrade")
struct UpgradeTests {
    @Test("a daemon that is another program's than the net-helper replaces it, and no VM notices")
    func helperFollows() async throws {
        try await LivingNode.with("upgrade") { node in
            try await node.create("web1")
            let machine = try await node.pid("web1")
            let file = node.directory.file("run/helper.pid")
            let first = try #require(PIDFile.owner(file))
            let rules = try await node.succeed("net", "exec", "--", "nft", "--stateless", "list", "ruleset")

            try await node.end()
            try await node.start()
            #expect(PIDFile.owner(file) == first, "the same program needs no other helper")

            try await node.end()
            let upgraded = node.directory.file("uncloud-node-upgraded")
            try FileManager.default.copyItem(atPath: RealDaemon.binary, toPath: upgraded)
            try await node.start(program: upgraded)
            let second = try #require(PIDFile.owner(file))
            #expect(second != first)
            #expect(try await node.pid("web1") == machine)
            #expect(try await node.reason("web1") == "Adopted")
            #expect(try await node.problems() == [])
            #expect(try await node.succeed("net", "exec", "--", "nft", "--stateless", "list", "ruleset") == rules)
        }
    }
}
