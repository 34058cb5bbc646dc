internal import JSON
internal import Model
internal import Runtime

/// Follows a VM from the order to restart it until it runs after a later start, or until the node has given that up.
struct RestartWaiter: Sendable {
    var session: Session
    /// How many processes were started for it before the order.
    var boots: Int64
    /// The store's revision before the order: only what was observed after it says that the restart failed.
    var since: Int64?

    /// Waits, by the collection's watch.
    ///
    /// - Throws: a failure of status `timedOut` where the guest did not power off, `failed` where it can't be started any more;
    ///   `DeadlineError`.
    func wait(_ name: String, within deadline: Duration) async throws -> JSONValue {
        try await withDeadline(deadline, on: session.loop, "the restart of vm \(name)") {
            var since = since
            while true {
                let now = try await session.client.get(session.path("vms", name))
                // As it is now it may be from before the order, unless it was started since.
                if VMGoal.restart(now.json, boots: boots) == .reached { return now.json }
                do {
                    if let document = try await follow(name, since ?? now.revision) { return document }
                } catch let problem as ProblemError where problem.status == 410 {
                    // Compacted meanwhile: from here on.
                    since = now.revision
                }
                try await session.loop.sleep(for: .milliseconds(200))
            }
        }
    }

    /// Reads the watch until it tells of the restart; nil where it ends before.
    private func follow(_ name: String, _ since: Int64?) async throws -> JSONValue? {
        let query = [("watch", "true")] + (since.map { [("since", String($0))] } ?? [])
        let path = PathText.path(["v1", "owners", session.owner, "vms"])
        // An array, since nil of a JSON value would be its null.
        let seen: [JSONValue]? = try await session.client.lines(path, query: query) { line in
            guard let object = line["object"], object["name"]?.stringValue == name else { return nil }
            return try judge(object, name) ? [object] : nil
        }
        return seen?.first
    }

    private func judge(_ document: JSONValue, _ name: String) throws(CommandFailure) -> Bool {
        switch VMGoal.restart(document, boots: boots) {
        case .reached: return true
        case .pending: return false
        case .timedOut:
            throw CommandFailure(
                .timedOut, "vm \(name) runs on and was not restarted: its guest did not power off",
                fix: "cut it with: uncloud-node vm restart \(name) --force")
        case .failed(let why):
            throw CommandFailure(.failed, why, fix: "see: uncloud-node vm log \(name)")
        }
    }
}
