import Firewall
import Model
import Testing

private struct Stream: Decodable, Sendable {
    struct Count: Decodable, Sendable {
        var valid: UInt64
        var forged: UInt64
    }
    var sent: Count
    var arrived: Count
}

extension KernelTests {
    @Test("200 changes of data lose no valid frame, let no forged one through and keep every counter")
    func changes() async throws {
        let (stream, counted) = try await inFreshNamespace {
            try streaming { nft, rules in
                for round in 1...200 {
                    let next = try Self.changed(rules, round)
                    if let text = renderChange(from: rules, to: next) { try nft.apply(text) }
                    rules = next
                }
            }
        }
        #expect(stream.sent.valid > 0)
        #expect(stream.arrived.valid == stream.sent.valid)
        #expect(stream.arrived.forged == 0)
        #expect(counted == stream.sent.forged)
    }

    @Test("even loading everything anew lets no forged frame through")
    func fullLoads() async throws {
        let (stream, _) = try await inFreshNamespace {
            try streaming { nft, rules in
                for _ in 1...50 { try nft.apply(renderFull(rules)) }
            }
        }
        #expect(stream.arrived.valid > 0)
        #expect(stream.arrived.forged == 0)
    }

    /// The next of a series of rulesets: ports, a bridge and an uplink come and go, the sender's own addresses change.
    private static func changed(_ rules: Ruleset, _ round: Int) throws -> Ruleset {
        var next = rules
        let name = "t\(round % 7)"
        next.ports[name] = rules.ports[name] == nil ? try Lab.guest(name, UInt32(0x100 + round % 7), on: "b1") : nil
        let more = IPv6Address(high: 0xfd00_0005 << 32, low: UInt64(round))
        next.ports[Lab.rogue]?.addresses6 = Array((rules.ports[Lab.rogue]?.addresses6 ?? []).prefix(2)) + [more]
        next.uplinks["u0"] = rules.uplinks["u0"] == nil ? UplinkRules(ifname: "u0", bridge: "b1") : nil
        if round % 5 == 0 {
            let number = UInt32(3)
            next.bridges["b3"] =
                rules.bridges["b3"] == nil
                ? BridgeRules(name: "b3", number: number, kind: .shared, mac: Lab.bridgeMAC) : nil
        }
        return next
    }
}

/// Changes rules while frames flow; then how many were sent and arrived, and how many drops of the sender were counted.
private func streaming(_ change: (NFTContext, inout Ruleset) throws -> Void) throws -> (Stream, UInt64) {
    try Lab.build()
    try shell("ip link add b3 type bridge")
    let nft = NFTContext()
    var rules = try Lab.ruleset()
    try nft.apply(renderFull(rules))
    let script = try Child.script("stream.py", ["b1"])
    guard try script.line() == "flowing" else { throw CommandError(description: "no stream") }
    try change(nft, &rules)
    try script.send("")
    guard let stream = try script.next(Stream.self), try script.finish() == 0 else {
        throw CommandError(description: "the stream broke")
    }
    guard try nft.check(rules).isEmpty else { throw CommandError(description: "\(try nft.check(rules))") }
    return (stream, try nft.counters()[Lab.rogue].values.reduce(0) { $0 + $1.packets })
}
