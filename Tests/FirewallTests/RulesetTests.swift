import Firewall
import Foundation
import Model
import Testing

@Suite struct RulesetTests {
    @Test("what can't be applied is named")
    func problems() throws {
        var rules = try Lab.ruleset()
        #expect(rules.problems == [])
        rules.ports["a*"] = try Lab.guest("a*", 0x20, on: "b1")
        rules.ports["key"] = try Lab.guest("other", 0x21, on: "b1")
        rules.ports["lost"] = try Lab.guest("lost", 0x22, on: "b9")
        rules.ports["twin"] = try Lab.guest("twin", 0x01, on: "b1")
        rules.ports["s0"] = try Lab.guest("s0", 0x23, on: "b1")
        rules.ports["plain"] = GuestPort(ifname: "plain", bridge: "b1", mac: MACAddress(1), mark: 7, addresses6: [])
        rules.bridges["b2"]?.serviceVeth = "deaf"
        #expect(
            rules.problems == [
                "service port deaf: no MAC address",
                "port a*: a* is no interface name",
                "port key is named other",
                "port lost: there is no bridge b9",
                "port plain: its mark carries no identity bit",
                "port s0: the interface has another part already",
                "port v420000000001: its mark belongs to twin too",
            ])
    }

    @Test("only 1 to 15 letters, digits, dots, hyphens and underscores are a name")
    func names() {
        for name in ["b1", "v420000000001", "a", "eth0.5", "br-lan_2", "abcdefghijklmno"] {
            #expect(isInterfaceName(name))
        }
        for name in [
            "", ".", "..", "abcdefghijklmnop", "a b", "a/b", "a*", "*", "a\"", "a;b", "a\n", "ä", "a:b", "{a}", "$a",
            "@a",
        ] {
            #expect(!isInterfaceName(name), "\(name)")
        }
    }

    @Test("a ruleset comes back from its JSON as it was")
    func coding() throws {
        let rules = try Lab.ruleset()
        #expect(try JSONDecoder().decode(Ruleset.self, from: JSONEncoder().encode(rules)) == rules)
    }

    @Test("the order of dictionaries changes nothing in the text")
    func order() throws {
        let rules = try Lab.ruleset()
        var other = Ruleset()
        for name in rules.ports.keys.sorted(by: >) { other.ports[name] = rules.ports[name] }
        for name in rules.bridges.keys.sorted(by: >) { other.bridges[name] = rules.bridges[name] }
        other.uplinks = rules.uplinks
        #expect(renderFull(other) == renderFull(rules))
    }
}
