internal import Model

/// The text that turns one applied ruleset into another, as one transaction; nil when nothing changes.
///
/// Only differences of elements are sent (and an egress chain for a bridge that comes or goes), so counters go on, packets in
/// flight notice nothing, and at no moment is a guest without its guards. `old` must be what the kernel holds: where it
/// isn't, the transaction may fail as a whole, and ``renderFull(_:)`` restores. A bridge must exist as an interface before
/// the change that adds it; a bridge's interface may go before or after the change that removes it. The counters of ports
/// that go are deleted.
package func renderChange(from old: Ruleset, to new: Ruleset) -> String? {
    var gone = Elements()
    var come = Elements()
    var chains = ""
    changeBridges(from: old, to: new, &gone, &come, &chains)
    changePorts(from: old, to: new, &gone, &come)
    for uplink in old.soundUplinks where new.uplinks[uplink.ifname] != uplink { gone.add(uplink) }
    for uplink in new.soundUplinks where old.uplinks[uplink.ifname] != uplink { come.add(uplink) }
    guard !gone.isEmpty || !come.isEmpty else { return nil }

    var text = ""
    for set in SetName.allCases {
        guard let texts = gone.texts[set] else { continue }
        // Added first: deleting what is not there would fail the transaction.
        let list = "{ " + texts.joined(separator: ", ") + " }\n"
        text += "add element \(set.table) \(set.rawValue) " + list
        text += "delete element \(set.table) \(set.rawValue) " + list
    }
    text += forgetCounters(of: gone.interfaces.filter { !new.mayCount($0) })
    text += chains
    for set in SetName.allCases {
        guard let texts = come.texts[set] else { continue }
        text += "add element \(set.table) \(set.rawValue) { " + texts.joined(separator: ", ") + " }\n"
    }
    return text
}

private func changeBridges(
    from old: Ruleset, to new: Ruleset, _ gone: inout Elements, _ come: inout Elements, _ chains: inout String
) {
    for bridge in old.soundBridges where new.bridges[bridge.name] != bridge {
        gone.add(bridge)
        guard new.bridges[bridge.name] == nil else { continue }
        // The kernel takes a device's hook away with the device, and the chain may be gone with it.
        let chain = "netdev uncloud " + Constants.egressChainName(bridge.name)
        chains += "add chain \(chain)\nflush chain \(chain)\ndelete chain \(chain)\n"
    }
    for bridge in new.soundBridges where old.bridges[bridge.name] != bridge {
        come.add(bridge)
        guard old.bridges[bridge.name] == nil else { continue }
        chains += "table netdev uncloud {\n" + Constants.egressChain(bridge.name) + "}\n"
    }
}

private func changePorts(from old: Ruleset, to new: Ruleset, _ gone: inout Elements, _ come: inout Elements) {
    // Where bridges are the same, an unequal port is all that can differ; comparing 10,000 is a matter of a millisecond.
    let sameBridges = old.bridges == new.bridges
    func differs(_ port: GuestPort, _ one: Ruleset, _ other: Ruleset) -> Bool {
        guard let twin = other.ports[port.ifname], twin == port else { return true }
        return !sameBridges && one.bridges[port.bridge] != other.bridges[port.bridge]
    }
    let leaving = old.ports.values.filter { differs($0, old, new) }.sorted { $0.ifname < $1.ifname }
    let coming = new.ports.values.filter { differs($0, new, old) }.sorted { $0.ifname < $1.ifname }
    for port in leaving.compactMap(old.sound) { gone.add(port.rules, on: port.bridge) }
    for port in coming.compactMap(new.sound) { come.add(port.rules, on: port.bridge) }
}

private func forgetCounters(of interfaces: [String]) -> String {
    guard !interfaces.isEmpty else { return "" }
    let list = "{ " + interfaces.map(quoted).joined(separator: ", ") + " }\n"
    return DropReason.allCases.map { reason in
        "add element bridge uncloud \(reason.setName) " + list + "delete element bridge uncloud \(reason.setName) "
            + list
    }.joined()
}

extension Ruleset {
    /// Whether an interface is a port of some kind, and so may have counters.
    fileprivate func mayCount(_ ifname: String) -> Bool {
        ports[ifname] != nil || uplinks[ifname] != nil || bridges.values.contains { $0.serviceVeth == ifname }
    }
}
