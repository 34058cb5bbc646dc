internal import CLinux
internal import Firewall
internal import Glibc
internal import Model
internal import Network
internal import Runtime

extension NetworkPlan {
    /// The plan without what the managed service does not depend on.
    var servicePart: NetworkPlan {
        var part = self
        part.listeners = 0
        return part
    }
}

extension HelperCore {
    /// Makes the namespace of the managed services and joins it to the bridge. What an earlier helper left of it is deleted:
    /// its dnsmasq ended with it, and a namespace without a process is not found again.
    func makeChild(_ plan: NetworkPlan, bridge: LinkInfo) throws {
        try links.delete(plan.serviceVeth)
        let child = try ChildNamespace()
        try links.socket.change(
            LinkMessage.addVeth(
                plan.serviceVeth, mac: plan.vethMAC.bytes, peer: ChildNamespace.device, peerMAC: plan.serviceMAC.bytes,
                mtu: plan.mtu, peerNamespace: child.descriptor))
        let veth = try links.require(plan.serviceVeth)
        try Sysctl.silence(veth.name)
        try links.socket.change(LinkMessage.set(veth.index, veth.name, master: bridge.index))
        try links.socket.change(LinkMessage.closedPort(veth.index, veth.name))
        try links.addForwarding(plan.serviceMAC, port: veth)
        try furnish(child, plan)
        try links.setUp(veth)
        networks[plan.number, default: Network()].child = child
        for port in journal.memory.ports.values where port.plan.bridge == plan.bridge {
            for address in port.plan.addresses { try meet(address, port.plan.mac, in: child, plan) }
        }
    }

    /// Addresses and, on a private network, what keeps guests from filling the neighbour table.
    private func furnish(_ child: ChildNamespace, _ plan: NetworkPlan) throws {
        var inside = try child.links.require(ChildNamespace.device)
        try child.links.socket.change(LinkMessage.withoutGeneratedAddresses(inside.index, inside.name))
        let isGuarded = plan.kind == .shared
        for address in [plan.serviceAddress, plan.serviceLinkLocal] {
            try child.links.add(address.bytes, length: 64, to: inside, prefixRoute: isGuarded)
        }
        if !isGuarded {
            let result = try child.enter { NFTContext().run(ServiceRules.text(plan, device: ChildNamespace.device)) }
            guard result.succeeded else {
                throw HelperFailure(code: "rules.refused", message: "the service's rules were refused: \(result.error)")
            }
        }
        // Its neighbour advertisements must say "router", or guests drop it as theirs when they probe it (RFC 4861, 7.2.5).
        // Nothing is forwarded: that would need the setting for "all" as well.
        try child.enter { try Sysctl.write("ipv6/conf/\(ChildNamespace.device)/forwarding", "1") }
        try child.links.setUp(inside)
        inside = try child.links.require(ChildNamespace.device)
        // It hears its own advertisements, and would learn itself.
        try child.links.addNeighbour(plan.serviceLinkLocal.bytes, mac: plan.serviceMAC, on: inside)
        if !isGuarded {
            try child.links.addNeighbour(MetadataAddress.nextHop.bytes, mac: ServiceRules.everyone, on: inside)
            try child.links.addServiceRoute(inside)
        }
    }

    /// A guest's address in the services' namespace: known, so that nothing is asked and nothing is learned.
    func meet(_ address: [UInt8], _ mac: MACAddress, in child: ChildNamespace, _ plan: NetworkPlan) throws(NetlinkError)
    {
        let inside = try child.links.require(ChildNamespace.device)
        try child.links.addNeighbour(address, mac: mac, on: inside)
        if plan.kind == .private, address.count == 16 { try child.links.addHostRoute(address, on: inside) }
    }

    func forget(_ address: [UInt8], in child: ChildNamespace, _ plan: NetworkPlan) throws(NetlinkError) {
        let inside = try child.links.require(ChildNamespace.device)
        if plan.kind == .private, address.count == 16 { try child.links.removeHostRoute(address, on: inside) }
        try child.links.removeNeighbour(address, on: inside)
    }

    /// Starts dnsmasq; it is started again whenever it ends, until `stopService`.
    func startService(_ plan: NetworkPlan) async throws {
        guard let child = networks[plan.number]?.child else { return }
        guard let program = configuration.dnsmasq ?? ServiceFiles.program() else {
            throw HelperFailure(
                code: "service.missing", message: "dnsmasq is not installed", fix: "apt-get install dnsmasq-base")
        }
        let files = ServiceFiles(plan, in: configuration.directory)
        try files.write(DnsmasqConfiguration.text(plan, device: ChildNamespace.device))
        let keeper = ServiceKeeper(
            plan, program: program, namespace: try FileDescriptor.copy(of: child.descriptor), files: files, loop: loop,
            tell: tell)
        networks[plan.number]?.service = keeper
        try await keeper.start()
    }

    /// Ends dnsmasq and takes its namespace away.
    func stopService(_ plan: NetworkPlan) async {
        let keeper = networks[plan.number]?.service
        networks[plan.number]?.service = nil
        await keeper?.stop()
        networks[plan.number]?.child = nil
        try? links.delete(plan.serviceVeth)
    }
}
