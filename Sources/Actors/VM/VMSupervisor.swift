internal import Logging
package import Model
package import Runtime

/// Has one actor for each VM of this node, and brings it what the store says of it.
package actor VMSupervisor {
    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private let parts: NodeParts
    private var vms: [VMID: VMActor] = [:]
    private var arrivals: [VMID: [AsyncChannel<Void>]] = [:]
    private var nextLoop = 0
    /// Whether the node goes down, and by force.
    private var goingDown: Bool?

    package init(parts: NodeParts, loop: EventLoop) {
        self.parts = parts
        self.loop = loop
    }

    /// Makes an actor for each record and tombstone, returns when each has looked for its process and its metadata stands
    /// on every loop, and follows the changes from then on. A look that fails is tried again and holds up no other VM.
    package func start(_ catalog: Catalog) async throws {
        for (id, vm) in catalog.vms {
            start(
                VMLifecycle(
                    record: vm.record, revision: vm.revision, status: vm.status, isTombstoned: vm.isTombstoned), id)
        }
        for actor in vms.values {
            try await actor.wait {
                ($0.phase != .waking || $0.isLookFailing) && ($0.publishedRevision > 0 || $0.isTombstoned)
            }
        }
    }

    /// The actor of a VM, if the node has one.
    package func actor(of id: VMID) -> VMActor? { vms[id] }

    /// The actor of a VM whose record the catalog has: it comes when the change has reached the supervisor. Nil when the
    /// node stops first.
    package func actor(awaiting id: VMID) async throws -> VMActor? {
        if let actor = vms[id] { return actor }
        let arrival = AsyncChannel<Void>(capacity: 1)
        arrivals[id, default: []].append(arrival)
        _ = try await arrival.receive()
        return vms[id]
    }

    /// The node goes down: processes end and none is started, also of VMs that come yet. Gives those there are.
    package func goDown(force: Bool) -> [VMActor] {
        goingDown = force
        for actor in vms.values { actor.post(.goingDown(force: force)) }
        return Array(vms.values)
    }

    /// The node could not go down, and goes on.
    package func stayUp() {
        goingDown = nil
        for actor in vms.values { actor.post(.stayingUp) }
    }

    /// The interface of a port vanished. Its VM knows whether its process ended with it.
    package func portGone(_ ifname: String, _ catalog: Catalog) async {
        if let id = catalog.vm(withPort: ifname), let actor = vms[id] { return actor.post(.portGone(ifname)) }
        await parts.events.add(
            kind: "port.gone", subject: "port/\(ifname)", message: "the interface vanished, and no VM has it")
    }

    /// A change in the store. Called in the store's order.
    package func take(_ change: CatalogChange, _ catalog: Catalog) {
        switch change {
        case .vm(let record, let revision):
            if let actor = vms[record.uuid] {
                actor.post(.desired(record, revision: revision))
            } else {
                start(VMLifecycle(record: record, revision: revision, status: nil, isTombstoned: false), record.uuid)
            }
        case .vmTombstoned(let record):
            if let actor = vms[record.uuid] {
                actor.post(.tombstoned)
            } else {
                let lifecycle = VMLifecycle(record: record, revision: 0, status: nil, isTombstoned: true)
                start(lifecycle, record.uuid)
            }
        case .vmVanished(let id):
            // Absence never deletes: the VM runs on, and the operator is told.
            parts.logger.error(
                "a VM's record vanished from the store without a tombstone; it is left as it is",
                metadata: ["vm": "\(id)"])
        case .key(let key):
            for user in catalog.users(ofKey: key) {
                guard let id = catalog.vmNames[user] else { continue }
                vms[id]?.post(.keysChanged)
            }
        case .vmStatus, .vmGone, .network, .networkTombstoned, .networkGone, .mac: break
        }
    }

    /// Ends all actors; the VMs go on.
    package func stop() async {
        for actor in vms.values { await actor.stop() }
        vms = [:]
        for arrival in arrivals.values.joined() { arrival.finish() }
        arrivals = [:]
    }

    private func start(_ lifecycle: VMLifecycle, _ id: VMID) {
        let loops = parts.loops
        let actor = VMActor(lifecycle: lifecycle, parts: parts, loop: loops[nextLoop % loops.count])
        nextLoop += 1
        vms[id] = actor
        for arrival in arrivals.removeValue(forKey: id) ?? [] { _ = arrival.trySend(()) }
        if let goingDown { actor.post(.goingDown(force: goingDown)) }
        spawn(on: actor.loop, "vm.\(id)") { [weak self] in
            await actor.run()
            await self?.ended(id, actor)
        }
    }

    private func ended(_ id: VMID, _ actor: VMActor) {
        if vms[id] === actor { vms[id] = nil }
    }
}
