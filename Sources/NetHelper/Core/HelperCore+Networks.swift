internal import CLinux
internal import Glibc
internal import Model
internal import Network
internal import Runtime

extension HelperCore {
    /// Makes a network, or what is missing of it, and brings it into accord with the plan.
    ///
    /// - Returns: its state and the listening sockets, which stay the helper's: they are sent as copies.
    func ensureNetwork(_ plan: NetworkPlan) async throws -> (NetworkAnswer, [Int32]) {
        try plan.validate()
        try checkConflicts(plan)
        let old = journal.memory.networks[plan.number]
        if let old, old.servicePart != plan.servicePart { await stopService(old) }
        if old != plan { try note(.network(plan)) }
        do {
            try await establish(plan, listeners: plan.listeners)
        } catch {
            // Nothing half made: a network that wasn't there is not there.
            if old == nil { try? await removeNetwork(number: plan.number) }
            throw error
        }
        let network = networks[plan.number] ?? Network()
        let answer = NetworkAnswer(
            bridgeMAC: plan.bridgeMAC, serviceVeth: plan.managed ? plan.serviceVeth : nil,
            serviceAddress: plan.managed ? plan.serviceAddress : nil, dnsmasqPID: await network.service?.pid)
        return (answer, network.listeners)
    }

    private func checkConflicts(_ plan: NetworkPlan) throws {
        for name in [plan.bridge, plan.managed ? plan.serviceVeth : plan.bridge]
        where journal.memory.networks[plan.number] == nil {
            guard let link = try links.find(name), link.kind != (name == plan.bridge ? "bridge" : "veth") else {
                continue
            }
            throw HelperFailure(
                code: "network.conflict", message: "an interface \(name) is there already and is not this node's",
                fix: "remove it, or give the network another number")
        }
        for other in journal.memory.networks.values {
            if other.number == plan.number, other.bridge != plan.bridge {
                throw HelperFailure(
                    code: "network.conflict", message: "network \(plan.number) has the bridge \(other.bridge) already")
            }
            if other.number != plan.number, other.bridge == plan.bridge {
                throw HelperFailure(
                    code: "network.conflict",
                    message: "\(plan.bridge) belongs to network \(other.number) (\(other.name))")
            }
        }
    }

    /// The kernel's part: bridge, rules, then up, routes, service, sockets.
    ///
    /// - Parameters:
    ///   - plan: the network.
    ///   - listeners: how many sockets there must be. A helper that starts anew makes none: the daemon may hold the old ones.
    /// - Throws: `HelperFailure`, `NetlinkError`, `SysctlError`.
    func establish(_ plan: NetworkPlan, listeners: Int) async throws {
        var network = networks[plan.number] ?? Network()
        var bridge = try makeBridge(plan)
        try applyRules()
        try links.setUp(bridge)
        bridge = try links.require(plan.bridge)
        try links.addAnswerRoute(bridge, number: plan.number)
        networks[plan.number] = network
        while network.listeners.count < listeners {
            network.listeners.append(try listen(plan.bridge))
            networks[plan.number] = network
        }
        if plan.managed, network.child == nil { try makeChild(plan, bridge: bridge) }
        if plan.managed, networks[plan.number]?.service == nil { try await startService(plan) }
    }

    private func makeBridge(_ plan: NetworkPlan) throws -> LinkInfo {
        if try links.find(plan.bridge) == nil {
            try links.socket.change(
                LinkMessage.addBridge(plan.bridge, mac: plan.bridgeMAC.bytes, mtu: plan.mtu), tolerating: EEXIST)
        }
        let bridge = try links.require(plan.bridge)
        guard bridge.kind == "bridge" else {
            throw HelperFailure(
                code: "network.conflict", message: "the interface \(plan.bridge) is no bridge", fix: "remove it")
        }
        try links.socket.change(LinkMessage.withoutGeneratedAddresses(bridge.index, bridge.name))
        if bridge.mac != plan.bridgeMAC.bytes || bridge.mtu != plan.mtu {
            try links.socket.change(
                LinkMessage.set(bridge.index, bridge.name, mac: plan.bridgeMAC.bytes, mtu: plan.mtu))
        }
        try links.add(MetadataAddress.linkLocal.bytes, length: 64, to: bridge)
        try links.add(MetadataAddress.global.bytes, length: 128, to: bridge)
        return bridge
    }

    private func listen(_ bridge: String) throws(HelperFailure) -> Int32 {
        let fd = cl_net_listen(bridge, MetadataAddress.port, 4096)
        guard fd >= 0 else {
            throw HelperFailure(
                code: "listener.failed",
                message: "can't listen for metadata on \(bridge): \(String(cString: strerror(-fd)))")
        }
        return fd
    }

    /// Takes back listening sockets that the daemon kept while there was no helper. Those of other interfaces or namespaces are
    /// refused. The helper owns the descriptors from here on.
    func adoptListeners(number: UInt32, _ descriptors: [Int32]) {
        // A helper without memory takes them too: the network is asked for next.
        let bridge = journal.memory.networks[number]?.bridge ?? NetworkPlan.bridgeName(number)
        for fd in descriptors {
            var name = [CChar](repeating: 0, count: 16)
            let length = cl_net_bound_device(fd, &name)
            let device = String(decoding: name.prefix(Int(max(0, length))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let space = cl_socket_namespace(fd)
            var inode: UInt64 = 0
            if space >= 0 {
                _ = cl_namespace_inode(space, &inode)
                close(space)
            }
            let isKnown = networks[number]?.listeners.contains { isSameSocket($0, fd) } ?? false
            if device == bridge, inode == namespaceInode, !isKnown {
                networks[number, default: Network()].listeners.append(fd)
            } else {
                close(fd)
            }
        }
    }

    /// The numbers of the networks that have listening sockets here.
    var listeningNetworks: [UInt32] { networks.filter { !$0.value.listeners.isEmpty }.keys.sorted() }

    /// A network's listening sockets, which stay the helper's.
    func listeners(of number: UInt32) -> [Int32] { networks[number]?.listeners ?? [] }

    private func isSameSocket(_ one: Int32, _ other: Int32) -> Bool {
        var left = stat()
        var right = stat()
        return fstat(one, &left) == 0 && fstat(other, &right) == 0 && left.st_ino == right.st_ino
            && left.st_dev == right.st_dev
    }

    /// Removes a network: its rules first, so that nothing passes while the rest goes.
    func removeNetwork(number: UInt32) async throws {
        guard let plan = journal.memory.networks[number] else { return }
        let ports = journal.memory.ports.values.filter { $0.plan.bridge == plan.bridge }.map(\.plan.ifname)
        guard ports.isEmpty else {
            throw HelperFailure(
                code: "network.in-use",
                message: "network \(plan.name) has ports: \(ports.sorted().joined(separator: ", "))",
                fix: "remove the ports first")
        }
        await stopService(plan)
        for fd in networks[number]?.listeners ?? [] { close(fd) }
        networks[number] = nil
        try note(.noNetwork(number))
        try applyRules()
        if try links.find(plan.bridge)?.kind == "bridge" { try links.delete(plan.bridge) }
        ServiceFiles(plan, in: configuration.directory).remove()
    }
}
