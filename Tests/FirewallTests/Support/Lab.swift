import Firewall
import Foundation
import Model

/// The bench of the kernel tests: bridges, ports as veth pairs, and the ruleset for them.
///
/// The names are those of frames/lab.py and frames/stack.py.
enum Lab {
    static let bridgeMAC = MACAddress(0x02_0000_0000_b0)
    static let rogue = "v420000000001"
    static let victim = "v420000000002"
    /// The far ends that the scripts use, and the ports behind them.
    static let ports = ["g1": rogue, "g2": victim, "s1": "s0", "u1": "u0", "x1": "x0", "h1": "p1", "h2": "p2"]

    static func prefix() throws -> IPv6Prefix {
        guard let prefix = IPv6Prefix("fd00:5::/64") else { throw CommandError(description: "prefix") }
        return prefix
    }

    static func guest(_ ifname: String, _ number: UInt32, on bridge: String, ipv4: IPv4Address? = nil) throws
        -> GuestPort
    {
        let mac = MACAddress(0x42_0000_0000_00 | UInt64(number))
        return GuestPort(
            ifname: ifname, bridge: bridge, mac: mac, mark: identityBit | number,
            addresses6: [mac.linkLocal, try prefix().eui64(mac)], addresses4: ipv4.map { [$0] } ?? [])
    }

    /// Bridge b1 of the kind with two guests, a service, an uplink, and bridge b2, private, with two guests.
    static func ruleset(_ kind: NetworkKind = .shared) throws -> Ruleset {
        var rules = Ruleset()
        rules.bridges["b1"] = BridgeRules(
            name: "b1", number: 1, kind: kind, mac: bridgeMAC, serviceVeth: "s0",
            serviceMAC: MACAddress(0x02_0000_0000_53),
            serviceAddresses6: [IPv6Address("fe80::1"), IPv6Address("fd00:5::1")].compactMap(\.self),
            serviceAddresses4: [IPv4Address("10.0.0.53")].compactMap(\.self))
        rules.bridges["b2"] = BridgeRules(name: "b2", number: 2, kind: .private, mac: bridgeMAC)
        rules.ports[rogue] = try guest(rogue, 1, on: "b1", ipv4: IPv4Address("10.0.0.1"))
        rules.ports[victim] = try guest(victim, 2, on: "b1", ipv4: IPv4Address("10.0.0.2"))
        rules.ports["p1"] = try guest("p1", 0x11, on: "b2")
        rules.ports["p2"] = try guest("p2", 0x12, on: "b2")
        rules.uplinks["u0"] = UplinkRules(ifname: "u0", bridge: "b1")
        return rules
    }

    /// Makes the bridges and ports in the calling thread's namespace. x0 is a port that no ruleset knows.
    static func build() throws {
        var script = """
            echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
            echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
            for call in ip6tables iptables arptables; do
              file=/proc/sys/net/bridge/bridge-nf-call-$call
              [ ! -e $file ] || echo 0 > $file
            done
            ip link set lo up
            for bridge in b1 b2; do
              ip link add $bridge address 02:00:00:00:00:b0 type bridge mcast_snooping 0 stp_state 0
              ip link set $bridge up
            done
            port() {
              ip link add $1 type veth peer name $2
              ip link set $1 master $3 up
              ip link set $2 up arp off
            }
            bind() {
              bridge link set dev $1 learning off
              bridge fdb add $2 dev $1 master static
            }

            """
        for (far, near) in ports.sorted(by: { $0.key < $1.key }) {
            script += "port \(near) \(far) \(far.hasPrefix("h") ? "b2" : "b1")\n"
        }
        for (port, mac) in [
            (rogue, "42:00:00:00:00:01"), (victim, "42:00:00:00:00:02"), ("s0", "02:00:00:00:00:53"),
            ("p1", "42:00:00:00:00:11"), ("p2", "42:00:00:00:00:12"),
        ] { script += "bind \(port) \(mac)\n" }
        try shell(script)
    }
}
