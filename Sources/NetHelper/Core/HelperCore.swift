internal import CLinux
internal import Firewall
internal import Glibc
internal import Logging
internal import Model
internal import Network
internal import Runtime

/// All that the net-helper does to the kernel, on one thread of its own: rtnetlink, nftables, taps, listening sockets and the
/// namespaces of the managed services.
///
/// Its calls are made one at a time (the server sees to that); a mend of the rules may come between two. Every call can be made
/// again: what is already so is left.
actor HelperCore {
    /// What is kept of a network beside its plan.
    struct Network {
        var child: ChildNamespace?
        var service: ServiceKeeper?
        var listeners: [Int32] = []
    }

    struct Configuration: Sendable {
        var directory: String
        var dnsmasq: String?
        /// The host's network namespace, and an rtnetlink socket in it; nil for an ordinary user.
        var hostNamespace: Int32?
        var hostSocket: Int32?
    }

    nonisolated let worker: BlockingExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { worker.asUnownedSerialExecutor() }

    let loop: EventLoop
    let configuration: Configuration
    let logger = Logger(label: "net-helper")
    /// Where events go; never waits.
    let tell: @Sendable (HelperEvent) -> Void
    let links: Links
    let hostLinks: Links?
    let journal: HelperJournal
    let rules: RulesKeeper
    var networks: [UInt32: Network] = [:]
    /// The rules that the memory asks for, kept beside it: building them anew takes milliseconds with 10,000 ports.
    var wanted: Ruleset
    var mends = MendLimiter()
    let generation: String
    let namespaceInode: UInt64

    /// Opens what the namespace of the calling process offers; `recover()` then takes up what is there.
    ///
    /// - Throws: `NetlinkError`, `HelperFailure`.
    init(
        _ configuration: Configuration, worker: BlockingExecutor, loop: EventLoop,
        tell: @escaping @Sendable (HelperEvent) -> Void
    ) throws {
        self.configuration = configuration
        self.worker = worker
        self.loop = loop
        self.tell = tell
        namespaceInode = NamespacePin.ownInode()
        links = try Links()
        hostLinks = configuration.hostSocket.map { Links(NetlinkSocket(adopting: $0)) }
        mkdir(configuration.directory + "/networks", 0o700)
        journal = try HelperJournal(path: configuration.directory + "/networks/journal", namespace: namespaceInode)
        wanted = RulesetPlanning.ruleset(journal.memory)
        rules = try RulesKeeper(
            known: journal.memory.generation == nil ? nil : wanted, at: journal.memory.generation)
        generation = String(UInt64.random(in: 1...UInt64.max), radix: 16)
    }

    var info: HelperInfo {
        HelperInfo(
            version: helperProtocolVersion, pid: getpid(), generation: generation, namespaceInode: namespaceInode,
            reachesHost: hostLinks != nil, executable: executableIdentity())
    }

    /// Prepares the namespace and takes up what an earlier helper left: its networks, services and rules.
    ///
    /// - Throws: what keeps the namespace from being used at all. A network that can't be taken up is logged and left to the
    ///   daemon, which asks for it again.
    func recover() async throws {
        try Sysctl.apply(Sysctl.forBridges)
        let lo = try links.require("lo")
        try links.setUp(lo)
        try links.add(MetadataAddress.ipv4.bytes, length: 32, to: lo)
        try links.addMarkRules()
        for plan in journal.memory.networks.values.sorted(by: { $0.number < $1.number }) {
            do {
                try await establish(plan, listeners: 0)
            } catch {
                logger.error("network not taken up", metadata: ["network": "\(plan.name)", "reason": "\(error)"])
            }
        }
        try applyRules()
        for port in journal.memory.ports.values { try? settle(port.plan) }
    }

    /// Notes a step in the journal and in what is wanted of the kernel.
    func note(_ step: HelperMemory.Step) throws(HelperFailure) {
        if case .noNetwork(let number) = step, let plan = journal.memory.networks[number] {
            wanted.bridges[plan.bridge] = nil
        }
        try journal.note(step)
        switch step {
        case .network(let plan): wanted.bridges[plan.bridge] = RulesetPlanning.bridge(plan)
        case .port(let port): wanted.ports[port.plan.ifname] = port.plan
        case .noPort(let ifname): wanted.ports[ifname] = nil
        case .begin, .noNetwork, .generation: break
        }
    }

    /// Gives the kernel the wanted rules, and notes the generation.
    func applyRules() throws(HelperFailure) {
        let before = rules.generation
        do {
            try rules.apply(wanted)
        } catch {
            // Somebody deleted a bridge: its ports are closed, and the others must not suffer.
            guard let all = try? links.all() else { throw error }
            let present = Set(all.filter { $0.kind == "bridge" }.map(\.name))
            var reduced = wanted
            reduced.bridges = wanted.bridges.filter { present.contains($0.key) }
            guard reduced != wanted else { throw error }
            try rules.apply(reduced)
        }
        if rules.generation != before || journal.memory.generation == nil {
            try journal.note(.generation(rules.generation))
        }
    }

    func network(bridge: String) throws(HelperFailure) -> NetworkPlan {
        guard let plan = journal.memory.networks.values.first(where: { $0.bridge == bridge }) else {
            throw HelperFailure(
                code: "network.unknown", message: "there is no network with the bridge \(bridge)",
                fix: "ask for the network first")
        }
        return plan
    }
}
