import Firewall
import Foundation
import Model
import Testing

/// The rendering held against files of Tests/FirewallData/transcripts.
///
/// A file is a series of steps: lines that change the ruleset, `----`, and the text that comes of it: of the first step the
/// whole ruleset where the file's name begins with `full`, else the difference to the step before. With UNCLOUD_REWRITE=1 the
/// files are written anew: only commit the changes if you understand what caused them.
@Suite struct TranscriptTests {
    @Test(
        "rendering gives the texts of the transcripts",
        arguments: ["full", "change-guests", "change-bridges", "change-refused"])
    func transcript(name: String) throws {
        let url = Child.data.appendingPathComponent("transcripts/\(name).txt")
        let expected = try String(contentsOf: url, encoding: .utf8)
        let actual = try replay(expected, whole: name.hasPrefix("full"))
        if ProcessInfo.processInfo.environment["UNCLOUD_REWRITE"] != nil {
            try actual.write(to: url, atomically: true, encoding: .utf8)
        }
        #expect(actual == expected)
    }

    private func replay(_ text: String, whole: Bool) throws -> String {
        var rules = Ruleset()
        var output = ""
        for step in text.components(separatedBy: "====\n").dropFirst() {
            let commands = step.components(separatedBy: "----\n")[0]
            let old = rules
            for command in commands.split(separator: "\n") { try apply(command, to: &rules) }
            let rendered = whole ? renderFull(rules) : renderChange(from: old, to: rules) ?? "nothing\n"
            output += "====\n" + commands + "----\n" + rendered
        }
        return output
    }

    /// `+ bridge NAME KIND [service]`, `+ port NAME BRIDGE NUMBER [IPV4]`, `+ uplink NAME BRIDGE`, `- WHAT NAME`.
    private func apply(_ command: Substring, to rules: inout Ruleset) throws {
        let words = command.split(separator: " ").map(String.init)
        guard words.count >= 3 else { throw CommandError(description: "no command: \(command)") }
        switch (words[0], words[1]) {
        case ("+", "bridge"):
            var bridge = BridgeRules(
                name: words[2], number: 1, kind: words[3] == "shared" ? .shared : .private, mac: Lab.bridgeMAC)
            if words.count > 4 {
                bridge.serviceVeth = words[4]
                bridge.serviceMAC = MACAddress(0x02_0000_0000_53)
                bridge.serviceAddresses6 = [IPv6Address("fe80::1"), IPv6Address("fd00:5::1")].compactMap(\.self)
            }
            rules.bridges[words[2]] = bridge
        case ("+", "port"):
            let number = UInt32(words[4]) ?? 0
            rules.ports[words[2]] = try Lab.guest(
                words[2], number, on: words[3], ipv4: words.count > 5 ? IPv4Address(words[5]) : nil)
        case ("+", "uplink"): rules.uplinks[words[2]] = UplinkRules(ifname: words[2], bridge: words[3])
        case ("-", "bridge"): rules.bridges[words[2]] = nil
        case ("-", "port"): rules.ports[words[2]] = nil
        default: rules.uplinks[words[2]] = nil
        }
    }
}
