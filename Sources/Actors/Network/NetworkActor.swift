package import Logging
internal import Metadata
package import Model
package import Network
package import Runtime

/// The node's networks: asks the net-helper for them and for VMs' ports, and brings the metadata sockets that it opens to
/// the loops. When the helper dies, another one is started, what is missing is asked for again, and what is left over removed.
package actor NetworkActor {
    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    var state = NetworksState()
    var ports = PortsState()
    private(set) var helper: HelperClient?
    let store: StoreActor
    let helpers: HelperSupervisor
    let front: MetadataFront
    let firewall: FirewallActor
    let events: EventLog
    let logger: Logger
    /// Names of ports whose interfaces vanished, for the node to bring to their VMs.
    package nonisolated let lostPorts = AsyncChannel<String>(capacity: 4096)
    private var waiters: [AsyncChannel<Void>] = []
    private var keeping: Task<Void, any Error>?
    private var holding: Task<Void, any Error>?
    private(set) var isStopping = false
    /// The helper is asked for one thing after the other; what comes meanwhile is found by another round.
    private var isWorking = false
    private var isWorkLeft = false

    package init(
        store: StoreActor, helpers: HelperSupervisor, front: MetadataFront, firewall: FirewallActor, events: EventLog,
        loop: EventLoop,
        logger: Logger
    ) {
        self.store = store
        self.helpers = helpers
        self.front = front
        self.firewall = firewall
        self.events = events
        self.loop = loop
        self.logger = logger
    }

    /// Starts or finds the helper, and makes what the catalog asks for. Throws if there can be no helper at all; a network
    /// that fails is shown as failed.
    package func start(_ catalog: Catalog) async throws {
        for network in catalog.networks.values {
            if network.isTombstoned { state.bury(network.record) } else { _ = state.want(network.record) }
        }
        let client = try await helpers.start()
        await meet(client)
        holding = spawn(on: loop, "network.holder") { [weak self] in try await self?.keepHolder() }
    }

    /// A change in the store. Returns at once: the helper's work goes on by itself.
    package func take(_ change: CatalogChange) {
        switch change {
        case .network(let record, _):
            if state.want(record) { kick() }
        case .networkTombstoned(let record):
            state.bury(record)
            kick()
        case .networkGone(let name): state.gone(name)
        default: break
        }
        wake()
    }

    /// Leaves helper, networks and ports as they are.
    package func stop() async {
        isStopping = true
        keeping?.cancel()
        holding?.cancel()
        lostPorts.finish()
        wake()
        await helper?.close()
        helper = nil
    }

    /// Removes everything the helper has made, and ends it and the holder.
    package func tearDown() async throws {
        isStopping = true
        keeping?.cancel()
        holding?.cancel()
        lostPorts.finish()
        await front.closeAll()
        await helper?.close()
        helper = nil
        try await helpers.stop(removeAll: true)
    }

    /// Whether the namespace has its holder.
    package nonisolated var hasHolder: Bool { helpers.holderPID != nil }

    package func condition(of name: Name) -> (state: String, message: String) { state.condition(of: name) }

    /// The helper, for what only reads.
    ///
    /// - Throws: `ProblemError` 503 while there is none.
    package func reach() throws -> HelperClient {
        guard let helper else {
            throw ProblemError.unavailable(
                "helper.unavailable", "the net-helper is not running; it is being started",
                fix: "try again in a moment; see: uncloud-node status")
        }
        return helper
    }

    /// Returns when the network stands.
    ///
    /// - Throws: `ProblemError` `network.failed` with the reason when it can't be made.
    package func waitUntilUp(_ record: NetworkRecord) async throws {
        while !isStopping {
            switch state.networks[record.name]?.standing {
            case .up: return
            case .failed(let why):
                throw ProblemError(
                    status: 500, code: "network.failed", detail: "network \"\(record.name)\" can't be made: \(why)",
                    fix: "delete it, or mend the reason; it is tried again when the helper or the daemon restarts")
            case .pending, .removing, nil: try await nextChange()
            }
        }
    }

    /// Returns when nothing of the network is left.
    package func waitUntilGone(_ record: NetworkRecord) async throws {
        while !isStopping, state.networks[record.name]?.record.number == record.number { try await nextChange() }
    }

    func wake() {
        for waiter in waiters { _ = waiter.trySend(()) }
        waiters = []
    }

    private func kick() {
        spawn(on: loop, "network.work") { [weak self] in await self?.workInTurn() }
    }

    private func workInTurn() async {
        isWorkLeft = true
        guard !isWorking else { return }
        isWorking = true
        defer { isWorking = false }
        while isWorkLeft, !isStopping {
            isWorkLeft = false
            await work()
        }
    }

    func nextChange() async throws {
        let waiter = AsyncChannel<Void>(capacity: 1)
        waiters.append(waiter)
        _ = try await waiter.receive()
    }

    /// Takes a new helper into service and follows it.
    private func meet(_ client: HelperClient) async {
        helper = client
        state.forgetStandings()
        wake()
        await firewall.meet(client)
        // Before the networks: one that is to go can't, while it has ports.
        await removeLeftOver(client)
        await workInTurn()
        keeping = spawn(on: loop, "network.helper") { [weak self] in try await self?.follow(client) }
    }

    /// A helper has gone away: `follow` brings the next one.
    func lost(_ client: HelperClient) {
        if helper === client { helper = nil }
    }

    private func follow(_ client: HelperClient) async throws {
        while let event = try await client.events.receive() {
            if event == .closed { break }
            if case .portGone(let ifname) = event { _ = lostPorts.trySend(ifname) }
            if case .serviceExited(let number, _) = event {
                await firewall.heard(event, network: state.name(ofNumber: number))
            } else {
                await firewall.heard(event)
            }
        }
        try Task.checkCancellation()
        helper = nil
        await events.add(kind: "helper.lost", subject: "node", message: "the net-helper ended; another one is started")
        var pause = Duration.milliseconds(50)
        while !isStopping {
            do {
                let client = try await helpers.start()
                await events.add(kind: "helper.started", subject: "node", message: "a new net-helper has taken over")
                return await meet(client)
            } catch {
                try Task.checkCancellation()
                logger.error("the net-helper can't be started: \(error)")
                try await loop.sleep(for: pause)
                pause = min(pause * 2, .seconds(5))
            }
        }
    }

    /// Follows the holder, and starts another one when it has ended: that one goes back into the namespace.
    private func keepHolder() async throws {
        var pause = Duration.milliseconds(50)
        while !isStopping {
            let begun = ContinuousClock.now
            if let watch = helpers.watchHolder() {
                try await watch.waitForExit()
                try Task.checkCancellation()
                await events.add(
                    kind: "holder.lost", subject: "node",
                    message: "the holder of the network namespace ended; another one is started")
            }
            do {
                let isMissing = !hasHolder
                try await helpers.launch()
                if isMissing {
                    await events.add(
                        kind: "holder.started", subject: "node", message: "a new holder keeps the namespace")
                }
            } catch {
                try Task.checkCancellation()
                logger.error("the holder can't be started: \(error)")
            }
            // One that lived for long has earned a quick successor.
            if ContinuousClock.now - begun > .seconds(60) { pause = .milliseconds(50) }
            try await loop.sleep(for: pause)
            pause = min(pause * 2, .seconds(5))
        }
    }
}
