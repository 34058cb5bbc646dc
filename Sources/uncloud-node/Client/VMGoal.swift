package import JSON

/// What a command waits for a VM to become. Pure.
package enum VMGoal: String, Sendable, CaseIterable {
    /// Its guest's processors run.
    case running
    /// Its guest has said that it is ready, or the node sees that it is.
    case ready
    case stopped
    case paused
    /// It is gone.
    case deleted

    package enum Verdict: Sendable, Equatable {
        case reached
        case pending
        /// The node has given up waiting for the guest; nothing was undone.
        case timedOut
        /// It won't come about by itself.
        case failed(String)
    }

    /// Judges a VM's document. That it won't come about is judged only by what was observed at this revision of the
    /// desired state or a later one; what was seen before says nothing about it.
    package func verdict(_ document: JSONValue, since revision: Int64) -> Verdict {
        guard self != .deleted else { return .pending }
        let status = document["status"] ?? [:]
        let state = status["state"]?.stringValue ?? "unknown"
        switch (self, state) {
        case (.running, "running"), (.stopped, "stopped"), (.stopped, "failed"), (.paused, "paused"): return .reached
        case (.ready, "running") where status["ready"]?.boolValue == true: return .reached
        default: break
        }
        guard (status["observedRevision"]?.intValue ?? 0) >= revision else { return .pending }
        switch (self, state) {
        case (.stopped, "running"): return Self.reasonWord(status) == "StopTimedOut" ? .timedOut : .pending
        case (_, "failed"): return .failed(Self.message(status) ?? "it failed")
        case (.running, "stopped"), (.ready, "stopped"): return .failed(Self.message(status) ?? "it is off")
        default: return .pending
        }
    }

    /// Judges a VM's document that was written after an order to restart it, before which `boots` processes had been started
    /// for it.
    package static func restart(_ document: JSONValue, boots: Int64) -> Verdict {
        let status = document["status"] ?? [:]
        switch status["state"]?.stringValue {
        case "running" where (status["boots"]?.intValue ?? 0) > boots: return .reached
        case "running": return reasonWord(status) == "StopTimedOut" ? .timedOut : .pending
        case "failed": return .failed(message(status) ?? "it failed")
        default: return .pending
        }
    }

    /// Why the VM is in its state, as a line.
    package static func message(_ status: JSONValue) -> String? { runningCondition(status)?["message"]?.stringValue }

    private static func reasonWord(_ status: JSONValue) -> String? { runningCondition(status)?["reason"]?.stringValue }

    private static func runningCondition(_ status: JSONValue) -> JSONValue? {
        (status["conditions"]?.arrayValue ?? []).first { $0["type"]?.stringValue == "Running" }
    }
}
