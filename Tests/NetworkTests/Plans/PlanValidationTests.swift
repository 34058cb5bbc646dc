import Model
import Network
import Testing

@Suite("plans")
struct PlanValidationTests {
    private func network(_ change: (inout NetworkPlan) -> Void) throws -> NetworkPlan {
        var plan = NetworkPlan(name: "n", number: 1, prefix: try #require(IPv6Prefix("fd00:1::/64")))
        change(&plan)
        return plan
    }

    @Test("a sound network passes")
    func soundNetwork() throws { try network { _ in }.validate() }

    @Test(
        "what would break nft's text, dnsmasq's configuration or the kernel is refused",
        arguments: [
            { $0.bridge = "a\"b" }, { $0.bridge = "" }, { $0.bridge = "sixteencharacter" }, { $0.bridge = "all" },
            { $0.bridge = "../x" }, { $0.bridge = "lo" }, { $0.number = 0 }, { $0.mtu = 1279 }, { $0.mtu = 70000 },
            { $0.listeners = -1 }, { $0.listeners = 65 }, { $0.domain = "" }, { $0.domain = "a..b" },
            { $0.domain = "a\nuser=root" }, { $0.domain = "UPPER" }, { $0.domain = "-a" }, { $0.domain = "a b" },
        ] as [@Sendable (inout NetworkPlan) -> Void])
    func unsoundNetworks(_ change: @Sendable (inout NetworkPlan) -> Void) throws {
        #expect(throws: HelperFailure.self) { try network(change).validate() }
    }

    @Test("only a /64 is a network")
    func prefixLength() throws {
        let prefix = try #require(IPv6Prefix("fd00:1::/63"))
        #expect(throws: HelperFailure.self) { try network { $0.prefix = prefix }.validate() }
    }

    @Test("a port can't have the metadata addresses, a mark without identity or a group's MAC")
    func unsoundPorts() throws {
        let good = GuestPort(
            ifname: "v1", bridge: "b1", mac: MACAddress(0x4200_0000_0001), mark: 0x8000_0001,
            addresses6: [MACAddress(0x4200_0000_0001).linkLocal])
        try good.validate()
        let changes: [(inout GuestPort) -> Void] = [
            { $0.addresses6 = [MetadataAddress.linkLocal] }, { $0.addresses6 = [MetadataAddress.global] },
            { $0.addresses6 = [.unspecified] }, { $0.addresses4 = [MetadataAddress.ipv4] }, { $0.mark = 1 },
            { $0.mark = 0x8000_0000 }, { $0.mac = MACAddress(0x0100_0000_0000) }, { $0.mac = MACAddress(0) },
            { $0.ifname = "a b" }, { $0.ifname = "*" }, { $0.addresses4 = [IPv4Address(0xe000_0001)] },
        ]
        for change in changes {
            var port = good
            change(&port)
            #expect(throws: HelperFailure.self) { try port.validate() }
        }
    }
}
