internal import Firewall
internal import Model
internal import Network

/// The ruleset that a helper's memory asks for. Pure: networks and ports in, rules out.
enum RulesetPlanning {
    static func ruleset(_ memory: HelperMemory) -> Ruleset {
        var rules = Ruleset()
        for plan in memory.networks.values { rules.bridges[plan.bridge] = bridge(plan) }
        for port in memory.ports.values { rules.ports[port.plan.ifname] = port.plan }
        return rules
    }

    static func bridge(_ plan: NetworkPlan) -> BridgeRules {
        var rules = BridgeRules(
            name: plan.bridge, number: plan.number, kind: plan.kind, mac: plan.bridgeMAC)
        if plan.managed {
            rules.serviceVeth = plan.serviceVeth
            rules.serviceMAC = plan.serviceMAC
            rules.serviceAddresses6 = [plan.serviceAddress, plan.serviceLinkLocal]
        }
        return rules
    }
}
