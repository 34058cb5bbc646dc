internal import Foundation
internal import HTTP
internal import JSON
package import Logging
internal import Metadata
internal import Model
internal import Network
package import Runtime
internal import Store

/// A node of the cloud: all actors, started in their order and stopped in the reverse one.
///
/// Made by `start`; answers the control API through `service`. `stop` ends the daemon's part and leaves VMs, helper,
/// keeper and holder to the next daemon; after the service's `down`, `waitForEnd` returns.
package final class Node: Sendable {
    package let service: NodeService
    private let parts: NodeParts
    private let store: any Store
    private let supervisor: VMSupervisor
    private let macs: MACAllocator
    private let shards: [MetadataShard]
    private let seen: SeenRevision
    private let followers: [Task<Void, any Error>]

    private init(
        service: NodeService, parts: NodeParts, store: any Store, supervisor: VMSupervisor, macs: MACAllocator,
        shards: [MetadataShard], seen: SeenRevision, followers: [Task<Void, any Error>]
    ) {
        self.service = service
        self.parts = parts
        self.store = store
        self.supervisor = supervisor
        self.macs = macs
        self.shards = shards
        self.seen = seen
        self.followers = followers
    }

    /// Opens the store and looks whether it is the right one, starts or finds the net-helper, brings networks up, adopts VMs, and only then takes guests'
    /// connections: whoever asked meanwhile has waited in the kernel's queue.
    ///
    /// - Throws: `StoreError`, `HelperFailure`, `ProblemError`: what keeps the node from working at all, with its fix.
    package static func start(
        _ configuration: NodeConfiguration, group: EventLoopGroup, logger: Logger
    ) async throws -> Node {
        let loop = group.loops[0]
        let clock = NodeClock.system
        let store = try await NodeFiles.openStore(configuration, on: loop)
        // Before anything is done by what the store says.
        let (identity, seen) = try await NodeIdentity.claim(configuration, store, on: loop)
        let storeActor = StoreActor(store: store, seen: seen, loop: loop, logger: logger)
        try await storeActor.start()
        let (catalog, changes) = await storeActor.subscribe()

        let shards = group.loops.map { MetadataShard(loop: $0) }
        let events = await EventLog.open(configuration.stateDirectory + "/events.jsonl", loop: loop) { clock.now() }
        await events.add(
            kind: "node.started", subject: "node/\(configuration.nodeName)",
            message: "uncloud-node \(Version.text), process \(ProcessInfo.processInfo.processIdentifier)")
        let front = MetadataFront(shards: shards, loop: loop)
        let firewall = FirewallActor(events: events, loop: loop)
        let network = NetworkActor(
            store: storeActor, helpers: NodeFiles.helperSupervisor(configuration, on: loop), front: front,
            firewall: firewall, events: events, loop: loop, logger: logger)
        let consoles = ConsoleDesk(configuration: configuration, loop: loop)
        let parts = NodeParts(
            configuration: configuration, loops: group.loops, store: storeActor,
            directory: Directory(shards: shards, loop: loop), network: network, events: events,
            machines: try await MachineFactory.probe(configuration, keeper: consoles.client, on: loop),
            consoles: consoles, clock: clock,
            logger: logger)

        let claims = catalog.macs.mapValues(\.record)
        let macs = MACAllocator(
            pool: MACPool(hostIndex: identity.hostIndex), claims: claims, loop: loop, clock: clock)
        spawn(on: loop, "macs") { await macs.run() }
        let supervisor = VMSupervisor(parts: parts, loop: loop)
        let numbers = NumberAllocator(catalog, loop: loop)
        let followers = [
            spawn(on: loop, "node.changes") {
                try await follow(changes, storeActor, network, supervisor, macs, numbers)
            },
            spawn(on: loop, "node.ports") {
                while let ifname = try await network.lostPorts.receive() {
                    await supervisor.portGone(ifname, await storeActor.catalog)
                }
            },
        ]
        try await network.start(catalog)
        try await consoles.start()
        try await supervisor.start(catalog)
        try await front.admit()
        let writer = Writer(
            store: storeActor, clock: clock, macs: macs, numbers: numbers,
            leases: IdempotencyLeases(store: store, clock: clock, loop: loop)
        ) { try await network.checkInterface($0) }
        let service = NodeService(parts: parts, writer: writer, supervisor: supervisor)
        return Node(
            service: service, parts: parts, store: store, supervisor: supervisor, macs: macs, shards: shards,
            seen: seen,
            followers: followers)
    }

    /// Ends the daemon's part: held and running requests end, nothing of a VM changes.
    package func stop() async {
        for shard in shards { await shard.server.stop(within: .seconds(2)) }
        for follower in followers { follower.cancel() }
        await supervisor.stop()
        await parts.network.stop()
        await parts.consoles.stop()
        macs.stop()
        await parts.store.stop()
        await parts.events.add(
            kind: "node.stopped", subject: "node/\(parts.configuration.nodeName)",
            message: "process \(ProcessInfo.processInfo.processIdentifier) ended")
        await parts.events.flush()
        await seen.flush()
        await store.close()
    }

    /// Returns after a `down` was carried out.
    package func waitForEnd() async {
        _ = try? await service.removal.wait()
    }

    /// Brings each change of the store to those whose business it is, one after the other.
    private static func follow(
        _ changes: AsyncChannel<CatalogChange>, _ store: StoreActor, _ network: NetworkActor,
        _ supervisor: VMSupervisor, _ macs: MACAllocator, _ numbers: NumberAllocator
    ) async throws {
        while let change = try await changes.receive() {
            switch change {
            case .network, .networkTombstoned, .networkGone: await network.take(change)
            case .mac(let mac, let record): await macs.changed(mac, record)
            case .vmGone(let record): await numbers.giveBack(cards: record.numbers)
            default: break
            }
            await supervisor.take(change, await store.catalog)
        }
    }
}
