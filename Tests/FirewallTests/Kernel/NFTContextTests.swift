import Firewall
import Model
import Testing

extension KernelTests {
    @Test("an error names line, column and reason, and nothing of its transaction is applied")
    func errors() async throws {
        let (error, tables) = try await inFreshNamespace {
            let nft = NFTContext()
            var caught: NFTError?
            do throws(NFTError) {
                try nft.apply(
                    "add table bridge one\nadd set bridge one s { type ifname; }\nadd element bridge two s { \"x\" }\n")
            } catch {
                caught = error
            }
            return (caught, nft.run("list tables").output)
        }
        #expect(error?.code == .refused)
        #expect(error?.problems.first?.line == 3)
        #expect(error?.problems.first?.column == 20)
        #expect(error?.message.contains("No such file or directory") == true)
        #expect(tables == "")
    }

    @Test("a syntax error is told with its place, and the next run works")
    func syntax() async throws {
        let (bad, good) = try await inFreshNamespace {
            let nft = NFTContext()
            return (nft.run("add table bridge a\nadd nonsense"), nft.run("add table bridge a\nlist tables"))
        }
        #expect(!bad.succeeded)
        #expect(bad.problems.first?.line == 2)
        #expect(bad.problems.first?.message.contains("syntax error") == true)
        #expect(good.succeeded)
        #expect(good.output == "table bridge a\n")
        #expect(good.error == "")
    }

    @Test(
        "the whole ruleset loads over an empty, its own, a damaged and a foreign-made one, and leaves other tables alone"
    )
    func reloads() async throws {
        let found = try await inFreshNamespace {
            try Lab.build()
            let nft = NFTContext()
            let rules = try Lab.ruleset()
            var found: [[String]] = []
            for damage in [
                "", "", "delete table inet uncloud", "flush chain bridge uncloud shared",
                "delete element bridge uncloud shared_ports { \"\(Lab.rogue)\" }",
                "flush ruleset; add table bridge uncloud",
                "flush ruleset; add table bridge uncloud; add set bridge uncloud mac { type mark; }",
                "add rule bridge uncloud g6 accept", "add element bridge uncloud mac { \"p1\" . 42:00:00:00:00:09 }",
                "add table ip other",
            ] {
                if !damage.isEmpty { try nft.apply(damage) }
                let seen = try nft.check(rules)
                try nft.apply(renderFull(rules))
                found.append(seen)
                guard try nft.check(rules).isEmpty else {
                    throw CommandError(description: "not whole after: \(damage)")
                }
            }
            guard nft.run("list table ip other").succeeded else {
                throw CommandError(description: "a foreign table is gone")
            }
            return found
        }
        #expect(found.map(\.isEmpty) == [false, true, false, false, false, false, false, false, false, true])
        #expect(
            found[2] == [
                "chain inet forward is missing", "chain inet input is missing", "set inet bridges is missing",
                "table inet uncloud is missing",
            ])
        #expect(found[3] == ["chain bridge shared has 0 rules instead of 2"])
        #expect(found[4] == ["shared_ports: \"\(Lab.rogue)\" is missing"])
        #expect(found[7] == ["chain bridge g6 has 8 rules instead of 7"])
        #expect(found[8] == ["mac: \"p1\" . 42:00:00:00:00:09 is foreign"])
    }

    @Test("a structure tells altered rules from its own, whatever the elements are")
    func structure() async throws {
        let (same, altered) = try await inFreshNamespace {
            try Lab.build()
            let nft = NFTContext()
            var rules = try Lab.ruleset()
            try nft.apply(renderFull(rules))
            let before = try nft.structure()
            let old = rules
            rules.ports["p1"] = nil
            try nft.apply(renderChange(from: old, to: rules) ?? "")
            let same = try nft.structure().differences(from: before)
            try nft.apply(
                """
                flush chain bridge uncloud out6
                add rule bridge uncloud out6 ip6 daddr @meta6 accept
                add rule bridge uncloud out6 accept
                delete chain netdev uncloud e_b2
                add chain bridge uncloud mine
                """)
            return (same, try nft.structure().differences(from: before))
        }
        #expect(same == [])
        #expect(
            altered == ["chain bridge mine is foreign", "chain bridge out6 is altered", "chain netdev e_b2 is missing"])
    }

    @Test("a bridge that comes and goes takes its egress chain along, also when its interface is gone first")
    func bridges() async throws {
        let problems = try await inFreshNamespace {
            try Lab.build()
            try shell("ip link add b3 type bridge; ip link add b4 type bridge")
            let nft = NFTContext()
            let base = try Lab.ruleset()
            var more = base
            for name in ["b3", "b4"] {
                more.bridges[name] = BridgeRules(name: name, number: 3, kind: .shared, mac: Lab.bridgeMAC)
            }
            more.ports["late"] = try Lab.guest("late", 0x99, on: "b4")
            try nft.apply(renderFull(base))
            try nft.apply(renderChange(from: base, to: more) ?? "")
            var problems = try nft.check(more)
            try shell("ip link del b4")
            try nft.apply(renderChange(from: more, to: base) ?? "")
            problems += try nft.check(base)
            return problems
        }
        #expect(problems == [])
    }

    @Test("a thousand runs leave no memory and no descriptor behind")
    func leaks() async throws {
        let (before, after) = try await inFreshNamespace {
            try Lab.build()
            let nft = NFTContext()
            let rules = try Lab.ruleset()
            func runs(_ count: Int) throws {
                for _ in 0..<count {
                    try nft.apply("add table bridge a")
                    _ = nft.run("add nonsense")
                }
            }
            try nft.apply(renderFull(rules))
            try runs(200)
            let before = try Usage()
            try runs(1000)
            return (before, try Usage())
        }
        #expect(after.descriptors <= before.descriptors + 8)
        #expect(after.kilobytes <= before.kilobytes + 4096)
    }
}
