import Firewall
import Model
import Testing

/// What came of one case of frames/*_cases.py.
private struct Outcome: Decodable, Sendable {
    var name: String
    var port: String
    var sent: Int
    var reasons: [String: UInt64]
    var victim: Int
    var expectedVictim: Int
    var host: Int
    var expectedHost: Int
    var uplink: Int
    var hostFrames: [String]
    /// What was counted meanwhile; under another port than the sender's: with its name.
    var counted: [String: UInt64]?

    mutating func count(from before: Counters, to after: Counters) {
        var found: [String: UInt64] = [:]
        for (ifname, reasons) in after.values {
            for (reason, count) in reasons {
                let packets = count.packets - (before[ifname][reason]?.packets ?? 0)
                guard packets > 0 else { continue }
                found[ifname == Lab.ports[port] ? reason.rawValue : "\(ifname): \(reason)"] = packets
            }
        }
        counted = found
    }
}

extension KernelTests {
    @Test("on a shared network every crafted frame ends where it should, and the counters say why")
    func sharedFrames() async throws {
        let outcomes = try await outcomes(of: "shared_cases.py", on: .shared)
        #expect(outcomes.count >= 280)
        for outcome in outcomes { judge(outcome) }
    }

    @Test("on a private network all passes but what touches the metadata addresses")
    func privateFrames() async throws {
        let outcomes = try await outcomes(of: "private_cases.py", on: .private)
        #expect(outcomes.count >= 75)
        for outcome in outcomes { judge(outcome) }
    }

    private func judge(_ outcome: Outcome) {
        #expect(outcome.victim == outcome.expectedVictim, "\(outcome.name): frames at the victim")
        #expect(outcome.host == outcome.expectedHost, "\(outcome.name): frames at the node's stack")
        #expect(outcome.uplink == 0, "\(outcome.name): frames for the node at the uplink")
        #expect(outcome.counted == outcome.reasons, "\(outcome.name): drops by reason")
    }

    /// All counters by one listing of all sets: quicker than a listing a set where there are few elements.
    private func counters(_ nft: NFTContext) throws -> Counters {
        var counters = Counters()
        try counters.add(listing: nft.run("list sets bridge", format: .json).output)
        return counters
    }

    private func outcomes(of script: String, on kind: NetworkKind) async throws -> [Outcome] {
        try await inFreshNamespace {
            try Lab.build()
            let nft = NFTContext()
            try nft.apply(renderFull(try Lab.ruleset(kind)))
            let lab = try Child.script(script, ["b1"])
            var before = try counters(nft)
            var outcomes: [Outcome] = []
            while var outcome = try lab.next(Outcome.self) {
                let after = try counters(nft)
                outcome.count(from: before, to: after)
                before = after
                outcomes.append(outcome)
                try lab.send("")
            }
            guard try lab.finish() == 0 else { throw CommandError(description: "\(script) failed") }
            return outcomes
        }
    }
}
