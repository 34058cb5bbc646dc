internal import JSON
internal import Model
internal import Runtime

/// Follows a VM until it is what a command wants it to be.
struct VMWaiter: Sendable {
    var session: Session
    var goal: VMGoal
    /// The revision of the desired state that the wait is about.
    var since: Int64

    private enum Outcome: Sendable { case reached(JSONValue), gone, over }

    /// Waits, by the collection's watch, beginning with the VM as it is.
    ///
    /// - Returns: the VM as it was when the goal was reached; nil where it is gone, as was wanted.
    /// - Throws: a failure of status `timedOut` at the deadline, `failed` where the goal can't be reached any more.
    @discardableResult
    func wait(_ name: String, within deadline: Duration) async throws -> JSONValue? {
        do {
            return try await withDeadline(deadline, on: session.loop, "vm \(name)") {
                while true {
                    let document: JSONValue
                    let revision: Int64?
                    do {
                        let answer = try await session.client.get(session.path("vms", name))
                        (document, revision) = (answer.json, answer.revision)
                    } catch let problem as ProblemError where problem.status == 404 && goal == .deleted {
                        return nil
                    }
                    if try judge(document, name) { return document }
                    switch try await follow(name, uuid: document["uuid"]?.stringValue, from: revision) {
                    case .reached(let document): return document
                    case .gone: return nil
                    case .over: continue
                    }
                }
            }
        } catch is DeadlineError {
            throw try await timedOut(name, deadline)
        }
    }

    private func judge(_ document: JSONValue, _ name: String) throws(CommandFailure) -> Bool {
        switch goal.verdict(document, since: since) {
        case .reached: return true
        case .pending: return false
        case .timedOut:
            throw CommandFailure(
                .timedOut, "vm \(name) still runs: its guest did not power off",
                fix: "cut it with: uncloud-node vm stop \(name) --force")
        case .failed(let why):
            throw CommandFailure(
                .failed, "vm \(name) is not \(goal.rawValue): \(why)",
                fix: "see: uncloud-node vm show \(name), and: uncloud-node vm log \(name)")
        }
    }

    /// Reads the watch until it tells what was waited for, or ends.
    private func follow(_ name: String, uuid: String?, from revision: Int64?) async throws -> Outcome {
        let since = revision.map { [("since", String($0))] } ?? []
        let path = PathText.path(["v1", "owners", session.owner, "vms"])
        do {
            let outcome: Outcome? = try await session.client.lines(path, query: [("watch", "true")] + since) { line in
                guard let object = line["object"], object["name"]?.stringValue == name else { return nil }
                if line["type"]?.stringValue == "deleted" {
                    guard goal == .deleted else { throw ProblemError.notFound("vm", name) }
                    return .gone
                }
                guard object["uuid"]?.stringValue == uuid else { return nil }
                return try judge(object, name) ? .reached(object) : nil
            }
            if let outcome { return outcome }
        } catch let problem as ProblemError where problem.status == 410 {
            // Compacted meanwhile: look anew.
        }
        try await session.loop.sleep(for: .milliseconds(200))
        return .over
    }

    /// The failure at the deadline, with the state that the VM is in.
    private func timedOut(_ name: String, _ deadline: Duration) async throws -> CommandFailure {
        let status = (try? await session.client.get(session.path("vms", name)))?.json["status"] ?? [:]
        let state = status["state"]?.stringValue ?? "unknown"
        let why = VMGoal.message(status).map { " (\($0))" } ?? ""
        let fix =
            goal == .stopped ? "cut it with: uncloud-node vm stop \(name) --force" : "wait longer with --timeout"
        return CommandFailure(
            .timedOut, "vm \(name) is \(state) and not \(goal.rawValue) after \(TimeText.words(deadline))\(why)",
            fix: fix)
    }
}
