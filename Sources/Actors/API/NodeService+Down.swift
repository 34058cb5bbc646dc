package import JSON
internal import Machine
internal import Model
internal import Runtime

extension NodeService {
    /// Stops all VMs and removes what the node has made outside its directories; the records stay, so that the next
    /// start of the daemon makes it all again. By force, also the machines of the run-time directory end that no record
    /// explains.
    ///
    /// Called while another call is at it, it shares that one's end: by force it cuts what the other waits for.
    ///
    /// - Throws: `ProblemError` `down.unexplained` (409) while such machines run and there is no force; `down.timeout` (504)
    ///   when a guest does not power off in time. The node goes on then; what has ended waits to be started.
    ///   `down.incomplete` (500) when something could not be removed: the daemon ends all the same.
    package func down(force: Bool) async throws -> JSONValue {
        if force { ending.withLock { $0.isForced = true } } else { try await refuseUnexplained() }
        let actors = await supervisor.goDown(force: ending.withLock { $0.isForced })
        let left = await stillLiving(actors, after: .seconds(force ? 15 : parts.configuration.stopTimeout + 5))
        let isForced = ending.withLock { $0.isForced }
        guard isForced || left.isEmpty else {
            await supervisor.stayUp()
            throw ProblemError(
                status: 504, code: "down.timeout", title: "Guests did not power off",
                detail: counted(left.count, "VM")
                    + " did not power off in time: \(left.prefix(5).joined(separator: ", "))",
                fix: "cut them: uncloud-node down --force", retryable: true)
        }
        guard ending.withLock({ $0.beginsRemoval() }) else { return try await removal.wait() }
        // What is torn down can't be used any more: the daemon ends, whatever comes of it.
        do {
            let answer: JSONValue = ["stopped": .int(Int64(try await tearDown(actors, force: isForced)))]
            removal.resolve(.success(answer))
            return answer
        } catch {
            let problem = ProblemError(
                status: 500, code: "down.incomplete", title: "Not everything could be removed",
                detail: "not everything could be removed: \(error)",
                fix: "try again, now without the daemon: "
                    + (isForced ? "uncloud-node down --force" : "uncloud-node down"))
            removal.resolve(.failure(problem))
            throw problem
        }
    }

    /// What the calls of `down` want together.
    struct Ending {
        /// Whether one of them came by force.
        var isForced = false
        private var isRemoving = false

        /// Whether it is this call that removes everything: the first one to come so far.
        mutating func beginsRemoval() -> Bool {
            defer { isRemoving = true }
            return !isRemoving
        }
    }

    /// Removes everything; gives how many machines have ended.
    private func tearDown(_ actors: [VMActor], force: Bool) async throws -> Int {
        await supervisor.stop()
        // The locks tell what still lives, whatever the actors and the records say.
        let unexplained = force ? try await Teardown.endMachines(parts.configuration, on: parts.store.loop) : 0
        try await parts.network.tearDown()
        await parts.consoles.tearDown()
        return actors.count + unexplained
    }

    /// Nobody would ask these to power off, and nothing of them may be taken away under them.
    private func refuseUnexplained() async throws {
        let known = await parts.store.catalog.vms
        let unknown = try Teardown.machines(parts.configuration).filter { name, _ in
            VMID(name).map { known[$0] == nil } ?? true
        }
        guard let first = unknown.first else { return }
        throw ProblemError.conflict(
            "down.unexplained",
            "\(unknown.count) processes run that no record explains, such as process \(first.pid) in vms/\(first.name)",
            fix: "look at them: uncloud-node gc --dry-run; to end them too: uncloud-node down --force")
    }

    /// The VMs whose processes live on when the time is over, which is one for all of them.
    private func stillLiving(_ actors: [VMActor], after limit: Duration) async -> [String] {
        try? await withDeadline(limit, on: parts.store.loop, "the end of all VMs") {
            for actor in actors { try await actor.wait { !$0.hasProcess } }
        }
        var left: [String] = []
        for actor in actors where await actor.lifecycle.hasProcess { left.append(await actor.subject) }
        return left
    }
}
