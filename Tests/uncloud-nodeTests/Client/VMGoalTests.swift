import JSON
import Testing
import uncloud_node

@Suite("What commands wait for")
struct VMGoalTests {
    static func document(_ state: String, observed: Int64, reason: String = "Any", ready: Bool = false) -> JSONValue {
        var document = SampleDocuments.vm("web1", revision: 10, state: state, observed: observed)
        document["status"]?["ready"] = .bool(ready)
        document["status"]?["conditions"] = [
            ["type": "Running", "status": "false", "reason": .string(reason), "message": "why", "since": "x"]
        ]
        return document
    }

    static let cases: [(VMGoal, String, Int64, VMGoal.Verdict)] = [
        (.running, "running", 10, .reached), (.running, "starting", 10, .pending),
        (.running, "failed", 10, .failed("why")),
        (.running, "failed", 9, .pending), (.running, "stopped", 9, .pending),
        (.running, "stopped", 10, .failed("why")),
        (.stopped, "stopped", 3, .reached), (.stopped, "stopping", 10, .pending), (.stopped, "running", 10, .pending),
        (.stopped, "failed", 10, .reached), (.paused, "paused", 10, .reached), (.paused, "running", 10, .pending),
        (.ready, "running", 10, .pending), (.deleted, "running", 10, .pending), (.running, "unknown", 10, .pending),
    ]

    @Test("a VM's document is judged by its state and by what it answers", arguments: cases)
    func verdict(goal: VMGoal, state: String, observed: Int64, expected: VMGoal.Verdict) {
        #expect(goal.verdict(Self.document(state, observed: observed), since: 10) == expected)
    }

    @Test("ready needs the guest's word, not only its processors")
    func ready() {
        #expect(VMGoal.ready.verdict(Self.document("running", observed: 10, ready: true), since: 10) == .reached)
    }

    static let restarts: [(String, Int64, String, VMGoal.Verdict)] = [
        ("running", 4, "Started", .reached), ("running", 4, "StopTimedOut", .reached),
        ("running", 3, "Resumed", .pending), ("running", 3, "StopTimedOut", .timedOut),
        ("stopping", 3, "PowerdownSent", .pending), ("starting", 3, "Launching", .pending),
        ("failed", 3, "LaunchFailed", .failed("why")),
    ]

    @Test("a restart is over when a later start runs, or when the guest did not listen", arguments: restarts)
    func restart(state: String, boots: Int64, reason: String, expected: VMGoal.Verdict) {
        var document = Self.document(state, observed: 10, reason: reason)
        document["status"]?["boots"] = .int(boots)
        #expect(VMGoal.restart(document, boots: 3) == expected)
    }

    @Test("a guest that did not listen is told apart from one that still has time")
    func stopTimedOut() {
        let document = Self.document("running", observed: 10, reason: "StopTimedOut")
        #expect(VMGoal.stopped.verdict(document, since: 10) == .timedOut)
        #expect(VMGoal.stopped.verdict(document, since: 11) == .pending)
    }
}
