import Firewall
import Testing

private struct Line: Decodable, Sendable {
    var fact: String?
    var seen: String?
    var wanted: String?
    var ask: String?
}

extension KernelTests {
    @Test(
        "real stacks: SLAAC, DAD and TCP work, marks name the guest, equals get their own answers, forged senders nothing"
    )
    func stacks() async throws {
        let facts = try await inFreshNamespace {
            try Lab.build()
            let nft = NFTContext()
            let rules = try Lab.ruleset()
            try nft.apply(renderFull(rules))
            let script = try Child.script("stack.py")
            var facts: [Line] = []
            while let line = try script.next(Line.self) {
                if let request = line.ask {
                    facts += try answer(request, nft, rules)
                    try script.send("")
                } else {
                    facts.append(line)
                }
            }
            guard try script.finish() == 0 else { throw CommandError(description: "the script failed after \(facts)") }
            return facts
        }
        #expect(facts.count >= 52)
        for line in facts { #expect(line.seen == line.wanted, "\(line.fact ?? "")") }
    }
}

/// Does to the rules what the script asks for, and what is to be seen of it.
private func answer(_ request: String, _ nft: NFTContext, _ rules: Ruleset) throws -> [Line] {
    switch request {
    case "open the way for unbound senders":
        try nft.apply("insert rule bridge uncloud ndhost goto tohost; insert rule bridge uncloud parpmeta goto tohost")
        return [Line(fact: "foreign rules are noticed", seen: "\(try nft.check(rules).count)", wanted: "2")]
    case "flush":
        let stolen = try nft.counters()["p2"][.egress]?.packets ?? 0
        let whole = try nft.check(rules)
        try nft.apply("flush ruleset")
        let missing = try nft.check(rules)
        return [
            Line(fact: "the wrong port's drops are counted", seen: "\(stolen > 0)", wanted: "true"),
            Line(fact: "the rules are whole", seen: "\(whole)", wanted: "[]"),
            Line(fact: "a flush is noticed", seen: "\(missing.isEmpty)", wanted: "false"),
        ]
    default:
        try nft.apply(renderFull(rules))
        return [Line(fact: "the rules are whole again", seen: "\(try nft.check(rules))", wanted: "[]")]
    }
}
