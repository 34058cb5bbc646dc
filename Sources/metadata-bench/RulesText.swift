internal import Firewall
internal import Model

/// The product's rules for a benchmark's bridge: `metadata-bench rules --vms N --pairs K --bridge B --bridge-mac M`
/// prints what loads by `nft -f`.
///
/// VM i (1...N) has mark 0x80000000 | i and MAC address 42:00:00:00:00:00 + i. The first K sit behind interfaces v0, v1,
/// ...; those of the others have names that no interface has.
enum RulesText {
    /// The text, nil where the arguments are wrong.
    static func render(_ arguments: ArraySlice<String>) -> String? {
        var values: [String: String] = [:]
        var rest = arguments
        while let flag = rest.popFirst() { values[flag] = rest.popFirst() }
        guard let guests = values["--vms"].flatMap(UInt32.init), let pairs = values["--pairs"].flatMap(UInt32.init),
            let bridge = values["--bridge"], let mac = values["--bridge-mac"].flatMap({ MACAddress(text: $0) })
        else { return nil }
        var ruleset = Ruleset(bridges: [bridge: BridgeRules(name: bridge, number: 1, kind: .shared, mac: mac)])
        for number in 1...guests {
            let name = number <= pairs ? "v\(number - 1)" : "absent\(number)"
            let guest = MACAddress(0x4200_0000_0000 + UInt64(number))
            ruleset.ports[name] = GuestPort(
                ifname: name, bridge: bridge, mac: guest, mark: identityBit | number, addresses6: [guest.linkLocal])
        }
        return renderFull(ruleset)
    }
}
