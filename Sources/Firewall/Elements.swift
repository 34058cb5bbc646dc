internal import Model

/// A set or map of the ruleset that the rendering fills. Its raw value is its name.
enum SetName: String, CaseIterable {
    case sharedPorts = "shared_ports"
    case privatePorts = "private_ports"
    case servicePorts = "service_ports"
    case uplinkPorts = "uplink_ports"
    case ident, brmac, mac, src4, src6, ndmac, ndtgt, egress
    case bridges
    case answer

    /// The table it lives in, as nft writes it.
    var table: String {
        switch self {
        case .bridges: "inet uncloud"
        case .answer: "netdev uncloud"
        default: "bridge uncloud"
        }
    }

    /// Whether it is a map.
    var isMap: Bool { declaration.hasPrefix("map") }

    /// Its declaration without the elements.
    var declaration: String {
        switch self {
        case .sharedPorts, .privatePorts, .servicePorts, .uplinkPorts, .bridges: "set \(rawValue) { type ifname;"
        case .ident: "map ident { type ifname : mark;"
        case .brmac: "map brmac { type ifname : ether_addr;"
        case .mac: "set mac { type ifname . ether_addr;"
        case .src4: "set src4 { type ifname . ether_addr . ipv4_addr;"
        case .src6: "set src6 { type ifname . ether_addr . ipv6_addr;"
        case .ndmac: "set ndmac { typeof iifname . @th,208,48;"
        case .ndtgt: "set ndtgt { typeof iifname . @th,64,128;"
        case .egress: "set egress { type mark . ifname;"
        case .answer: "map answer { type mark : ether_addr;"
        }
    }
}

/// What the sets and maps hold, as nft writes it: for each set the elements in the order they were added.
struct Elements {
    private(set) var texts: [SetName: [String]] = [:]
    /// The ports they belong to.
    private(set) var interfaces: [String] = []

    var isEmpty: Bool { texts.isEmpty }

    private mutating func add(_ set: SetName, _ text: String) { texts[set, default: []].append(text) }

    /// Adds what a guest's port needs.
    mutating func add(_ port: GuestPort, on bridge: BridgeRules) {
        interfaces.append(port.ifname)
        let name = quoted(port.ifname)
        let mark = hex(UInt64(port.mark))
        let shared = bridge.kind == .shared
        add(shared ? .sharedPorts : .privatePorts, name)
        add(.ident, name + " : " + mark)
        add(.brmac, name + " : " + bridge.mac.description)
        add(.egress, mark + " . " + name)
        add(.answer, mark + " : " + port.mac.description)
        addSender(port.ifname, port.mac, port.addresses6, port.addresses4, guarded: shared)
    }

    /// Adds what a bridge and the service port on it need.
    mutating func add(_ bridge: BridgeRules) {
        add(.bridges, quoted(bridge.name))
        guard let veth = bridge.serviceVeth, isInterfaceName(veth) else { return }
        interfaces.append(veth)
        add(.servicePorts, quoted(veth))
        guard let mac = bridge.serviceMAC else { return }
        addSender(veth, mac, bridge.serviceAddresses6, bridge.serviceAddresses4, guarded: true)
    }

    /// Adds an uplink.
    mutating func add(_ uplink: UplinkRules) {
        interfaces.append(uplink.ifname)
        add(.uplinkPorts, quoted(uplink.ifname))
    }

    private mutating func addSender(
        _ ifname: String, _ mac: MACAddress, _ addresses6: [IPv6Address], _ addresses4: [IPv4Address], guarded: Bool
    ) {
        let name = quoted(ifname)
        let sender = name + " . " + mac.description
        for address in Set(addresses6).sorted() {
            add(.src6, sender + " . " + address.description)
            if guarded { add(.ndtgt, name + " . " + hex(address)) }
        }
        for address in Set(addresses4).sorted() { add(.src4, sender + " . " + address.description) }
        guard guarded else { return }
        add(.mac, sender)
        add(.ndmac, name + " . " + hex(mac.rawValue))
    }
}

/// Whether a text may stand as an interface's name in a ruleset: 1 to 15 letters, digits, dots, hyphens and underscores.
///
/// nft has no way to escape a quote, and a `*` in quotes means "any", so nothing else is let through.
package func isInterfaceName(_ text: String) -> Bool {
    (1...15).contains(text.utf8.count) && text != "." && text != ".."
        && text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
}

func quoted(_ name: String) -> String { "\"" + name + "\"" }

/// A number as nft lists it: without leading zeros.
func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }

private func hex(_ address: IPv6Address) -> String {
    guard address.high > 0 else { return hex(address.low) }
    let low = String(address.low, radix: 16)
    return hex(address.high) + String(repeating: "0", count: 16 - low.utf8.count) + low
}
