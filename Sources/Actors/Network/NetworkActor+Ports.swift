internal import Logging
internal import Model
internal import Network
internal import Runtime

extension NetworkActor {
    /// How long a VM's start or end waits for a helper, or for a network that a new helper is making. Another helper comes within
    /// a fraction of a second, unless it can't be started.
    private static let patience = Duration.seconds(10)

    /// Opens a VM's ports: the rules first, then the tap. Gives the taps' descriptors in the order of the cards.
    ///
    /// - Throws: `HelperFailure`, `ProblemError`. Nothing is left open then.
    func open(_ record: VMRecord) async throws -> [Int32] {
        while !ports.claim(record.nics.map(\.tap)) { try await nextChange() }
        var taps: [Int32] = []
        do {
            for (index, nic) in record.nics.enumerated() {
                let plan = try await plan(nic)
                if let existing = record.resolved.nics[index].interface {
                    try await ask("attachInterface") { try await $0.attachInterface(plan, existing: existing) }
                } else {
                    taps.append(try await ask("createTap") { try await $0.createTap(plan) })
                }
            }
            return taps
        } catch {
            front.discard(taps)
            await release(record)
            throw error
        }
    }

    /// Looks whether an interface could be a guest's port. Nothing is changed.
    ///
    /// - Throws: `HelperFailure` `interface.not-found`, `interface.unfit`; `ProblemError` where no helper comes in time.
    func checkInterface(_ name: String) async throws {
        try await ask("checkInterface") { try await $0.checkInterface(name) }
    }

    /// Takes a VM's ports out of network and rules, and returns when nothing of them is left.
    ///
    /// - Throws: `HelperFailure`, `ProblemError` `helper.unavailable` where no helper comes in time. What is left then is removed
    ///   by the next helper, or by another call.
    func close(_ record: VMRecord) async throws {
        let ifnames = record.nics.map(\.tap)
        ports.leave(ifnames)
        for ifname in ifnames { try await remove(ifname) }
    }

    /// As `close`, for a VM that stays: that something is left is told, and holds up nothing.
    func release(_ record: VMRecord) async {
        do {
            try await close(record)
        } catch {
            logger.warning("ports of \(record.name) can't be removed: \(error)")
            await events.add(
                kind: "port.left", subject: "vm/\(record.owner)/\(record.name)",
                message: "its ports can't be removed yet; the next net-helper is asked again: \(error)")
        }
    }

    /// Asks a new helper for what the ones before it left over.
    func removeLeftOver(_ helper: HelperClient) async {
        for ifname in ports.waiting where ports.begin(ifname) {
            do {
                try await CrashPoint.around("helper removePort") { try await helper.removePort(ifname: ifname) }
                ports.end(ifname, isGone: true)
            } catch {
                ports.end(ifname, isGone: false)
                logger.warning("port \(ifname) can't be removed: \(error)")
            }
            wake()
        }
    }

    private func remove(_ ifname: String) async throws {
        while ports.isLeft(ifname) {
            // Somebody else is at it: whether that succeeds is seen then.
            guard ports.begin(ifname) else {
                try await nextChange()
                continue
            }
            do {
                try await ask("removePort") { try await $0.removePort(ifname: ifname) }
                ports.end(ifname, isGone: true)
                wake()
            } catch {
                ports.end(ifname, isGone: false)
                wake()
                throw error
            }
        }
    }

    /// Asks the helper, and the next one where it goes away before it has answered, which is safe with every request.
    private func ask<T: Sendable>(
        _ label: String, _ request: (HelperClient) async throws -> T
    ) async throws -> T {
        let end = ContinuousClock.now + Self.patience
        while true {
            try await wait("a net-helper") { $0.helper == nil }
            let helper = try reach()
            do {
                return try await CrashPoint.around("helper \(label)") { try await request(helper) }
            } catch let failure as HelperFailure where failure.isClosed {
                // It may be the request that ends them all.
                guard !isStopping, ContinuousClock.now < end else { throw failure }
                lost(helper)
            }
        }
    }

    /// What a card's port is to be, once its network stands.
    private func plan(_ nic: NICRecord) async throws -> GuestPort {
        guard let name = Name(nic.network) else { throw ProblemError.notFound("network", nic.network) }
        try await wait("network \(name)") { $0.state.networks[name]?.standing == .pending }
        guard let network = state.networks[name] else { throw ProblemError.notFound("network", nic.network) }
        guard network.standing == .up else {
            throw ProblemError.unavailable(
                "network.pending", "network \"\(nic.network)\" is \(state.condition(of: name).state)")
        }
        return FirewallActor.plan(nic, network.record)
    }

    /// Waits while it is so, and not for ever: whether it still is so, the caller looks.
    private func wait(
        _ what: String, while condition: @escaping @Sendable (isolated NetworkActor) -> Bool
    ) async throws {
        guard condition(self) else { return }
        do {
            try await withDeadline(Self.patience, on: loop, what) { try await self.wait(while: condition) }
        } catch is DeadlineError {}
    }

    private func wait(while condition: @Sendable (isolated NetworkActor) -> Bool) async throws {
        while !isStopping, condition(self) { try await nextChange() }
    }
}
