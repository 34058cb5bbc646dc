internal import Firewall
internal import Glibc
internal import Logging
internal import Model
internal import Network
internal import Runtime

extension HelperCore {
    /// Somebody else changed our tables. The kernel tells of a large change in parts: what came before the latest mend was
    /// mended by it. Where that isn't known, as after lost notices, the generation tells whether anything came since.
    func mend(after event: RulesEvent, noticed: Double) async {
        if let after = event.after {
            if let mended = rules.mendedBy, Int32(bitPattern: after &- mended) < 0 { return }
        } else if let generation = try? rules.readGeneration(), generation == rules.generation, !rules.hasGap {
            return
        }
        await mend(culprit: event.culprit, noticed: noticed)
    }

    /// The tables are made anew at once, and it is told.
    ///
    /// - Parameters:
    ///   - culprit: the process that did it, as the kernel named it.
    ///   - noticed: when the notice was read, in milliseconds of the monotonic clock.
    func mend(culprit: String, noticed: Double) async {
        let delay = mends.delay(at: Self.now())
        if delay > 0 { try? await loop.sleep(for: .milliseconds(delay)) }
        let reason = culprit.isEmpty ? "the tables were changed from outside" : "\(culprit) changed the tables"
        do {
            let bridges = Set(try links.all().filter { $0.kind == "bridge" }.map(\.name))
            try rules.mend(bridges: bridges)
            try journal.note(.generation(rules.generation))
            let took = Self.now() - noticed
            logger.warning("firewall mended", metadata: ["reason": "\(reason)", "milliseconds": "\(took)"])
            tell(.rulesMended(reason: reason, milliseconds: took))
        } catch {
            logger.error("firewall not mended", metadata: ["reason": "\(error)"])
            tell(.rulesBroken(reason: "\(reason); mending failed: \(error)"))
        }
    }

    /// Notices were lost: whether anything foreign was among them, the generation tells.
    func mendIfChanged(noticed: Double) async {
        guard let generation = try? rules.readGeneration() else { return }
        if generation != rules.generation || rules.hasGap { await mend(culprit: "", noticed: noticed) }
    }

    static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) * 1000 + Double(time.tv_nsec) / 1_000_000
    }

    /// Makes the networks and ports exactly these: what is missing is made, rules of ports that aren't listed go (which closes
    /// them), and nothing else is removed: what isn't listed is shown by `check`.
    func syncRules(networks plans: [NetworkPlan], ports: [GuestPort]) async throws {
        let bridges = Set(plans.map(\.bridge)).union(journal.memory.networks.values.map(\.bridge))
        for port in ports {
            try port.validate()
            guard bridges.contains(port.bridge) else { _ = try network(bridge: port.bridge); continue }
        }
        for plan in plans where journal.memory.networks[plan.number] != plan { _ = try await ensureNetwork(plan) }
        let wantedNames = Set(ports.map(\.ifname))
        for ifname in journal.memory.ports.keys.sorted() where !wantedNames.contains(ifname) {
            try note(.noPort(ifname))
        }
        for plan in ports where journal.memory.ports[plan.ifname]?.plan != plan {
            try note(.port(HelperMemory.Port(plan: plan, origin: journal.memory.ports[plan.ifname]?.origin)))
        }
        try applyRules()
        for plan in ports { try settle(plan) }
    }

    /// Everything that is not as it should be, a sentence each.
    func check() async throws -> [String] {
        var problems = rules.current.problems
        let present = Dictionary(uniqueKeysWithValues: try links.all().map { ($0.name, $0) })
        if try rules.readGeneration() != rules.generation { problems.append("the firewall was changed from outside") }
        for plan in journal.memory.networks.values.sorted(by: { $0.number < $1.number }) {
            let state = networks[plan.number]
            if present[plan.bridge]?.isUp != true {
                problems.append("network \(plan.name): its bridge \(plan.bridge) is gone or down")
            }
            if plan.listeners > 0, state?.listeners.isEmpty != false {
                problems.append("network \(plan.name): nothing listens for metadata")
            }
            if plan.managed, await state?.service?.pid == nil {
                problems.append("network \(plan.name): dnsmasq does not run")
            }
        }
        for port in journal.memory.ports.values.sorted(by: { $0.plan.ifname < $1.plan.ifname }) {
            let plan = port.plan
            guard let link = present[plan.ifname] else {
                problems.append("port \(plan.ifname): its interface is gone")
                continue
            }
            if link.master == nil || link.master != present[plan.bridge]?.index {
                problems.append("port \(plan.ifname): it is not in its bridge \(plan.bridge)")
            }
        }
        return problems + unknown(present.keys.sorted())
    }

    private func unknown(_ names: [String]) -> [String] {
        var known: Set<String> = ["lo"]
        for plan in journal.memory.networks.values { known.formUnion([plan.bridge, plan.serviceVeth]) }
        known.formUnion(journal.memory.ports.keys)
        return names.filter { !known.contains($0) }.map { "the interface \($0) belongs to nothing known" }
    }

    /// The drop counters by port and reason.
    func counters() throws -> [String: [String: [Int64]]] { try rules.counters() }

    func listRules() -> String { rules.list() }

    /// An interface vanished: told if it was a port that should be there.
    func linkGone(_ name: String) {
        guard journal.memory.ports[name] != nil, wanted.ports[name] != nil, (try? links.find(name)) == .some(nil) else {
            return
        }
        tell(.portGone(ifname: name))
    }

    func inventory() async throws -> Inventory {
        let all = try links.all()
        let names = Dictionary(uniqueKeysWithValues: all.map { ($0.index, $0.name) })
        var services: [String: Int32] = [:]
        for (number, network) in networks {
            if let pid = await network.service?.pid { services[String(number)] = pid }
        }
        return Inventory(
            links: all.map { link in
                Inventory.Link(
                    name: link.name, kind: link.kind, mac: MACAddress(bytes: link.mac).description,
                    master: link.master.flatMap { names[$0] }, isUp: link.isUp, mtu: link.mtu)
            },
            networks: journal.memory.networks.values.sorted { $0.number < $1.number },
            ports: journal.memory.ports.values.map(\.plan).sorted { $0.ifname < $1.ifname }, services: services,
            neighbours: try networks.values.compactMap(\.child?.links).reduce(links.countedNeighbours()) {
                $0 + (try $1.countedNeighbours())
            })
    }

    /// Takes everything away that a helper made here: ports, networks, rules, files.
    func removeEverything() async throws {
        for ifname in journal.memory.ports.keys.sorted() { try removePort(ifname) }
        for number in journal.memory.networks.keys.sorted() { try await removeNetwork(number: number) }
        try rules.removeAll()
        journal.remove()
        rmdir(configuration.directory + "/networks")
    }

    /// Ends the services' processes; everything else stays for the next helper.
    func leave() async {
        for network in networks.values { await network.service?.stop() }
    }
}

extension MACAddress {
    /// Of six bytes, as the kernel gives them; shorter ones are padded.
    init(bytes: [UInt8]) {
        self.init(bytes.prefix(6).reduce(0) { $0 << 8 | UInt64($1) })
    }
}
