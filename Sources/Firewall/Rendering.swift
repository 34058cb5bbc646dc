internal import Model

/// The text that makes the whole ruleset anew, as one transaction.
///
/// Loads into an empty namespace and over an older, broken or foreign-changed version of our tables alike; other tables
/// are left alone. The bridges must exist as interfaces. It loses the drop counters and may lose a few valid packets (never
/// lets one through), so in service only ``renderChange(from:to:)`` is used. Interfaces whose names can't be written safely,
/// and ports of bridges that are not in the ruleset, are left out, which closes them: ``Ruleset/problems`` names them.
package func renderFull(_ ruleset: Ruleset) -> String {
    let elements = ruleset.elements
    var text = ""
    for table in ["bridge uncloud", "inet uncloud", "netdev uncloud"] {
        text += "add table \(table)\ndelete table \(table)\n"
    }
    text += "table bridge uncloud {\n"
    text += declarations(of: "bridge uncloud", elements)
    text += Constants.sets
    for reason in DropReason.allCases { text += Constants.dropSet(reason) }
    for reason in DropReason.allCases { text += Constants.dropChain(reason) }
    text += Chains.bridge + "\n}\ntable inet uncloud {\n"
    text += declarations(of: "inet uncloud", elements)
    text += Chains.inet + "\n}\ntable netdev uncloud {\n"
    text += declarations(of: "netdev uncloud", elements)
    for bridge in ruleset.soundBridges { text += Constants.egressChain(bridge.name) }
    return text + "}\n"
}

private func declarations(of table: String, _ elements: Elements) -> String {
    var text = ""
    for set in SetName.allCases where set.table == table {
        text += "  " + set.declaration
        if let texts = elements.texts[set] { text += " elements = { " + texts.joined(separator: ", ") + " }" }
        text += " }\n"
    }
    return text
}

/// The sets of constants and the generated chains.
enum Constants {
    static let sets = """
          set meta4 { type ipv4_addr; elements = { 169.254.169.254 } }
          set meta6 { type ipv6_addr; elements = { fe80::a9fe:a9fe, fd00:ec2::254 } }
          set ndmeta { typeof @th,64,128; elements = { 0xfe8000000000000000000000a9fea9fe, 0xfd000ec2000000000000000000000254 } }

        """

    static func dropSet(_ reason: DropReason) -> String {
        "  set \(reason.setName) { type ifname; size 65535; flags dynamic; counter; }\n"
    }

    /// The drop is a rule of its own: an update that fails (the set is full) ends its rule and nothing else.
    static func dropChain(_ reason: DropReason) -> String {
        """
          chain d_\(reason.rawValue) {
            update @\(reason.setName) { iifname }
            drop
          }

        """
    }

    /// Sends marked answers to their owner's MAC address, whatever the neighbour table says; without an owner: nowhere.
    static func egressChain(_ bridge: String) -> String {
        """
          chain \(egressChainName(bridge)) {
            type filter hook egress device \(quoted(bridge)) priority 0; policy accept;
            meta mark & 0x80000000 == 0 accept
            ether daddr set meta mark map @answer accept
            drop
          }

        """
    }

    static func egressChainName(_ bridge: String) -> String { "e_" + bridge }
}

extension Ruleset {
    /// All elements of all sets.
    var elements: Elements {
        var elements = Elements()
        for bridge in soundBridges { elements.add(bridge) }
        for port in soundPorts { elements.add(port.rules, on: port.bridge) }
        for uplink in soundUplinks { elements.add(uplink) }
        return elements
    }

    /// The bridges with writable names, in order.
    var soundBridges: [BridgeRules] {
        bridges.values.filter { isInterfaceName($0.name) }.sorted { $0.name < $1.name }
    }

    /// The ports with writable names on bridges that are there, in order.
    var soundPorts: [(rules: GuestPort, bridge: BridgeRules)] {
        ports.values.compactMap(sound).sorted { $0.rules.ifname < $1.rules.ifname }
    }

    /// The uplinks with writable names, in order.
    var soundUplinks: [UplinkRules] {
        uplinks.values.filter { isInterfaceName($0.ifname) }.sorted { $0.ifname < $1.ifname }
    }

    func sound(_ port: GuestPort) -> (rules: GuestPort, bridge: BridgeRules)? {
        guard isInterfaceName(port.ifname), let bridge = bridges[port.bridge], isInterfaceName(bridge.name) else {
            return nil
        }
        return (port, bridge)
    }

    /// What keeps parts of the ruleset from being applied; empty when all of it will be.
    package var problems: [String] {
        var found: [String] = []
        var owners: [UInt32: String] = [:]
        var seen: Set<String> = []
        func take(_ name: String, _ key: String, _ what: String) {
            if !isInterfaceName(name) { found.append("\(what) \(key): \(name) is no interface name") }
            if name != key { found.append("\(what) \(key) is named \(name)") }
            if !seen.insert(name).inserted { found.append("\(what) \(key): the interface has another part already") }
        }
        for (key, bridge) in bridges.sorted(by: { $0.key < $1.key }) {
            take(bridge.name, key, "bridge")
            guard let veth = bridge.serviceVeth else { continue }
            take(veth, veth, "service port")
            if bridge.serviceMAC == nil { found.append("service port \(veth): no MAC address") }
        }
        for (key, port) in ports.sorted(by: { $0.key < $1.key }) {
            take(port.ifname, key, "port")
            if bridges[port.bridge] == nil { found.append("port \(key): there is no bridge \(port.bridge)") }
            if port.mark & identityBit == 0 { found.append("port \(key): its mark carries no identity bit") }
            if let other = owners.updateValue(key, forKey: port.mark) {
                found.append("port \(key): its mark belongs to \(other) too")
            }
        }
        for (key, uplink) in uplinks.sorted(by: { $0.key < $1.key }) { take(uplink.ifname, key, "uplink") }
        return found
    }
}
