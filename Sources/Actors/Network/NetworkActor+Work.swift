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
        } catch let failure as HelperFailure where failure.isClosed {
            // Says nothing of the network, and the next helper is asked again.
            logger.warning("network \(record.name): \(failure)")
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
        } catch let failure as HelperFailure where failure.isClosed {
            logger.warning("network \(record.name): \(failure)")
        } catch {
            logger.error("network \(record.name) can't be removed: \(error)")
            await events.add(kind: "network.remove-failed", subject: "network/\(record.name)", message: "\(error)")
        }
    }
}
