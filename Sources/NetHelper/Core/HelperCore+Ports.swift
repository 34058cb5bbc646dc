internal import CLinux
internal import Firewall
internal import Glibc
internal import Model
internal import Network

extension HelperCore {
    /// Makes a tap with its rules and gives its descriptor, which is the caller's. The tap lives as long as some process holds
    /// it. Called again after the tap went with its QEMU, it makes a new one.
    func createTap(_ plan: GuestPort) throws -> Int32 {
        try plan.validate()
        let network = try network(bridge: plan.bridge)
        if let link = try links.find(plan.ifname) {
            guard journal.memory.ports[plan.ifname] != nil, link.kind == "tun" else { throw Self.taken(plan.ifname) }
            throw HelperFailure(
                code: "port.busy", message: "the tap \(plan.ifname) is held by a process",
                fix: "end that process (its QEMU) first")
        }
        try admit(HelperMemory.Port(plan: plan, origin: nil))
        do {
            let tap = cl_tap_open(plan.ifname, Int32(CL_TAP_VNET_HDR) | Int32(CL_TAP_EXCLUSIVE))
            guard tap >= 0 else { throw Self.tapFailure(-tap) }
            do {
                try plug(plan, network)
                return tap
            } catch {
                close(tap)
                throw error
            }
        } catch {
            try? expel(plan.ifname)
            throw error
        }
    }

    /// Rules before anything can come through the port.
    private func admit(_ port: HelperMemory.Port) throws {
        if let other = journal.memory.ports.values.first(where: {
            $0.plan.mark == port.plan.mark && $0.plan.ifname != port.plan.ifname
        }) {
            throw HelperFailure(
                code: "port.conflict", message: "the mark of \(port.plan.ifname) belongs to \(other.plan.ifname)")
        }
        let before = journal.memory.ports[port.plan.ifname]
        if before != port { try note(.port(port)) }
        do {
            try applyRules()
        } catch {
            try? note(before.map(HelperMemory.Step.port) ?? .noPort(port.plan.ifname))
            throw error
        }
    }

    /// Closes a port: without an entry in the port map nothing of it passes.
    private func expel(_ ifname: String) throws {
        try note(.noPort(ifname))
        try applyRules()
    }

    /// The link into its bridge, with all that a guest's port must be and must not do; then up.
    private func plug(_ plan: GuestPort, _ network: NetworkPlan) throws {
        let bridge = try links.require(plan.bridge)
        let link = try links.require(plan.ifname)
        try Sysctl.silence(plan.ifname)
        if link.kind == "tun", link.mtu != network.mtu {
            try links.socket.change(LinkMessage.set(link.index, link.name, mtu: network.mtu))
        }
        if link.master != bridge.index {
            try links.socket.change(LinkMessage.set(link.index, link.name, master: bridge.index))
        }
        try settle(plan)
        try links.setUp(link)
    }

    /// What a port has beside its rules: closed settings, its entry in the bridge, and its neighbours. Nothing if the link is
    /// not there or not yet in a bridge.
    func settle(_ plan: GuestPort) throws {
        guard let link = try links.find(plan.ifname), link.master != nil else { return }
        let network = try network(bridge: plan.bridge)
        let bridge = try links.require(plan.bridge)
        try links.socket.change(LinkMessage.closedPort(link.index, link.name))
        try links.addForwarding(plan.mac, port: link)
        let child = networks[network.number]?.child
        for address in plan.addresses {
            try links.addNeighbour(address, mac: plan.mac, on: bridge)
            if let child { try meet(address, plan.mac, in: child, network) }
        }
    }

    /// Makes an interface that something else made the port of a guest: found in this namespace, or (as root) taken from the
    /// host's. It gets the plan's name, and everything back when it is removed.
    func attachInterface(_ plan: GuestPort, existing: String) throws {
        try plan.validate()
        guard InterfaceName.isValid(existing) else {
            throw HelperFailure(code: "port.invalid", message: "\"\(existing)\" is no interface name")
        }
        let network = try network(bridge: plan.bridge)
        if let port = journal.memory.ports[plan.ifname], let origin = port.origin, origin.name == existing,
            try links.find(plan.ifname) != nil
        {
            try admit(HelperMemory.Port(plan: plan, origin: origin))
            return try plug(plan, network)
        }
        let origin = try findOrigin(plan, existing)
        try admit(HelperMemory.Port(plan: plan, origin: origin))
        do {
            try fetch(plan, origin)
            try plug(plan, network)
        } catch {
            try? expel(plan.ifname)
            try? giveBack(plan, origin)
            throw error
        }
    }

    private func findOrigin(_ plan: GuestPort, _ existing: String) throws -> HelperMemory.Origin {
        if existing != plan.ifname, try links.find(plan.ifname) != nil { throw Self.taken(plan.ifname) }
        let (link, isHosts) = try findFit(existing)
        // A helper that ended over it may have taken it down already: what it had found counts.
        if let known = journal.memory.ports[plan.ifname]?.origin, known.name == existing, known.isHosts == isHosts {
            return known
        }
        let setting = isHosts ? nil : Sysctl.read("ipv6/conf/\(existing)/disable_ipv6")
        return HelperMemory.Origin(
            name: existing, isHosts: isHosts, wasUp: link.isUp, disabledIPv6: setting ?? "0")
    }

    /// Looks whether an interface could be made a guest's port, and changes nothing.
    func checkInterface(_ existing: String) throws { _ = try findFit(existing) }

    /// An interface that is nobody's and may be a guest's port, and whether it is in the host's namespace.
    private func findFit(_ existing: String) throws -> (link: LinkInfo, isHosts: Bool) {
        let own = try links.find(existing)
        guard let link = try own ?? hostLinks?.find(existing) else {
            throw HelperFailure(
                code: "interface.not-found",
                message: "there is no interface \(existing) in the node's network namespace"
                    + (hostLinks == nil ? "" : " or the host's"),
                fix: hostLinks == nil ? "make it there: an ordinary user can't move interfaces" : nil)
        }
        let isOurs =
            journal.memory.ports[existing] != nil
            || journal.memory.networks.values.contains { $0.bridge == existing || $0.serviceVeth == existing }
        guard !isOurs, link.hardwareType == UInt16(CL_ARPHRD_ETHER), link.kind != "bridge", link.master == nil else {
            throw HelperFailure(
                code: "interface.unfit",
                message: "interface \"\(existing)\" is in a bridge or bond, is the node's own, or is no Ethernet "
                    + "interface",
                fix: "take it out of its bridge or bond first, or choose another one")
        }
        return (link, own == nil)
    }

    /// Into this namespace and under the plan's name, down.
    private func fetch(_ plan: GuestPort, _ origin: HelperMemory.Origin) throws {
        if origin.isHosts, let hostLinks {
            let link = try hostLinks.require(origin.name)
            let own = cl_net_own_namespace("net")
            guard own >= 0 else { throw NetlinkError(errno: -own, operation: "open the own namespace") }
            defer { close(own) }
            try hostLinks.socket.change(
                LinkMessage.set(link.index, link.name, rename: plan.ifname, namespace: own))
        } else {
            let link = try links.require(origin.name)
            try links.setUp(link, false)
            if origin.name != plan.ifname {
                try links.socket.change(LinkMessage.set(link.index, link.name, rename: plan.ifname))
            }
        }
    }

    /// As it was: name, namespace, state. Its addresses in the host's namespace went when it was moved, as they do. Called again
    /// for one that a helper gave back before it ended, it sees to the rest.
    private func giveBack(_ plan: GuestPort, _ origin: HelperMemory.Origin) throws {
        if let link = try links.find(plan.ifname) { try moveBack(link, origin) }
        guard origin.wasUp, let home = origin.isHosts ? hostLinks : links, let link = try home.find(origin.name) else {
            return
        }
        try home.setUp(link)
    }

    private func moveBack(_ link: LinkInfo, _ origin: HelperMemory.Origin) throws {
        try links.setUp(link, false)
        try links.socket.change(LinkMessage.set(link.index, link.name, master: 0))
        try? Sysctl.write("ipv6/conf/\(link.name)/disable_ipv6", origin.disabledIPv6)
        if origin.isHosts, hostLinks != nil, let host = configuration.hostNamespace {
            try links.socket.change(LinkMessage.set(link.index, link.name, rename: origin.name, namespace: host))
        } else if origin.name != link.name {
            try links.socket.change(LinkMessage.set(link.index, link.name, rename: origin.name))
        }
    }

    /// Removes a port: closed first, then taken out of the bridge; a tap is deleted, an attached interface given back.
    func removePort(_ ifname: String) throws {
        guard let port = journal.memory.ports[ifname] else {
            // A helper without memory: a tap of that name is the one that is meant.
            if try links.find(ifname)?.kind == "tun" { try links.delete(ifname) }
            return
        }
        let plan = port.plan
        if let network = journal.memory.networks.values.first(where: { $0.bridge == plan.bridge }) {
            let bridge = try links.find(plan.bridge)
            let child = networks[network.number]?.child
            for address in plan.addresses {
                if let bridge { try links.removeNeighbour(address, on: bridge) }
                if let child { try forget(address, in: child, network) }
            }
        }
        // Remembered until the link is gone, so that a helper that dies between finds it again.
        wanted.ports[ifname] = nil
        try applyRules()
        if let origin = port.origin { try giveBack(plan, origin) } else { try links.delete(ifname) }
        try note(.noPort(ifname))
    }

    private static func taken(_ ifname: String) -> HelperFailure {
        HelperFailure(
            code: "port.conflict", message: "an interface \(ifname) that isn't this node's is there already",
            fix: "remove it")
    }

    private static func tapFailure(_ code: Int32) -> HelperFailure {
        let reason = String(cString: strerror(code))
        let fix: String? =
            switch code {
            case EACCES, EPERM: "open /dev/net/tun to this user (chmod 0666 /dev/net/tun, as distributions have it)"
            case ENOENT, ENODEV: "load the tun module: modprobe tun"
            default: nil
            }
        return HelperFailure(code: "tap.failed", message: "can't make a tap: \(reason)", fix: fix)
    }
}
