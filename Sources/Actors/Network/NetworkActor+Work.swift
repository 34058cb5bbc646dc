internal import Logging
internal import Model
internal import Network
internal import Runtime
internal import Store

extension NetworkActor {
    /// Makes and removes what is undone.
    func work() async {
        for network in state.undone {
            guard let helper else { return }
            if network.standing == .removing {
                await remove(network.record, helper)
            } else {
                await ensure(network.record, helper)
            }
            wake()
        }
    }

    private func ensure(_ record: NetworkRecord, _ helper: HelperClient) async {
        do {
            let plan = record.plan(listeners: front.width)
            let held = await front.held(network: record.number)
            if !held.isEmpty {
                try? await CrashPoint.around("helper adoptListeners") {
                    try await helper.adoptListeners(number: record.number, fds: held)
                }
            }
            let made = try await CrashPoint.around("helper ensureNetwork") { try await helper.ensureNetwork(plan) }
            // The helper that answered may be gone by now, and with it what it made.
            guard self.helper === helper else { return front.discard(made.listenerFDs) }
            try await front.open(network: record.number, made.listenerFDs)
            state.stands(record.name)
        } catch {
            state.failed(record.name, "\(error)")
            logger.error("network \(record.name): \(error)")
            await events.add(kind: "network.failed", subject: "network/\(record.name)", message: "\(error)")
        }
    }

    private func remove(_ record: NetworkRecord, _ helper: HelperClient) async {
        do {
            await front.close(network: record.number)
            try await CrashPoint.around("helper removeNetwork") {
                try await helper.removeNetwork(number: record.number)
            }
            let tombstone = KeyPath.tombstone("network", record.name.text)
            _ = try await store.commit(Transaction(then: [.delete(tombstone)]), "network gone")
            state.gone(record.name)
        } catch {
            logger.error("network \(record.name) can't be removed: \(error)")
            await events.add(kind: "network.remove-failed", subject: "network/\(record.name)", message: "\(error)")
        }
    }

    /// Opens a VM's ports: the rules first, then the tap. Gives the taps' descriptors in the order of the cards.
    ///
    /// - Throws: `HelperFailure`, `ProblemError`. Nothing is left open then.
    func open(_ record: VMRecord) async throws -> [Int32] {
        var taps: [Int32] = []
        do {
            for (index, plan) in try firewallPlans(of: record).enumerated() {
                let helper = try reach()
                if let existing = record.resolved.nics[index].interface {
                    try await CrashPoint.around("helper attachInterface") {
                        try await helper.attachInterface(plan, existing: existing)
                    }
                } else {
                    taps.append(try await CrashPoint.around("helper createTap") { try await helper.createTap(plan) })
                }
            }
            return taps
        } catch {
            front.discard(taps)
            await close(record)
            throw error
        }
    }

    /// Takes a VM's ports out of network and rules. A helper that is away has nothing of a tap whose QEMU is gone but its
    /// rules, which are removed at the next opportunity.
    func close(_ record: VMRecord) async {
        for nic in record.nics {
            do {
                guard let helper else { return }
                try await CrashPoint.around("helper removePort") { try await helper.removePort(ifname: nic.tap) }
            } catch {
                logger.warning("port \(nic.tap) of \(record.name) can't be removed: \(error)")
            }
        }
    }

    private func firewallPlans(of record: VMRecord) throws -> [GuestPort] {
        try record.nics.map { nic in
            guard let network = Name(nic.network).flatMap({ state.networks[$0] }) else {
                throw ProblemError.notFound("network", nic.network)
            }
            guard network.standing == .up else {
                throw ProblemError.unavailable(
                    "network.pending", "network \"\(nic.network)\" is \(state.condition(of: network.record.name).state)"
                )
            }
            return FirewallActor.plan(nic, network.record)
        }
    }
}
