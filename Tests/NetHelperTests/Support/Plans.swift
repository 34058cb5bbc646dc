import Model
import Network
import Testing

/// The plans that tests begin with.
enum Plans {
    static func network(
        _ number: UInt32, _ prefix: String = "fd00:1::/64", kind: NetworkKind = .shared, managed: Bool = true,
        listeners: Int = 1
    ) throws -> NetworkPlan {
        NetworkPlan(
            name: "net\(number)", number: number, kind: kind, prefix: try #require(IPv6Prefix(prefix)),
            managed: managed,
            listeners: listeners)
    }

    static func tap(_ number: UInt32, _ network: NetworkPlan) -> GuestPort {
        let mac = MACAddress.fromHostIndex(7, suffix: number)
        return GuestPort(
            ifname: "v" + mac.hex, bridge: network.bridge, mac: mac, mark: 0x8000_0000 | number,
            addresses6: [mac.linkLocal, network.prefix.eui64(mac)])
    }
}
