internal import Model

/// How a guest is brought to an end: asked, given up on, or cut.
extension VMLifecycle {
    /// Whether the guest was asked to power off as is wanted now, and did not: it is asked again when that is wanted anew.
    var isStopUnheeded: Bool {
        !isGoingDown && !isTombstoned && record.resolved.power == .off
            && status.unheededStop == record.powerGeneration
    }

    /// Asks the guest by ACPI; the deadline decides what happens if it does not listen.
    mutating func askToStop(_ now: String) -> [Action] {
        phase = .stopping
        status.intent = endIntent
        set(.stopping, reason: "PowerdownSent", "the guest was asked to power off", now)
        return [.save, .powerdown, .arm(.stop)]
    }

    /// The guest did not listen: it runs on, and the operator is told; only `kill` cuts. That is remembered with what was wanted,
    /// lest every later event press its power button again.
    mutating func stopTimedOut(_ now: String) -> [Action] {
        guard phase == .stopping else { return [] }
        phase = .running
        restartPending = false
        status.intent = nil
        if record.resolved.power == .off { status.unheededStop = record.powerGeneration }
        showUnheeded(now)
        return [.save, .report(kind: "vm.stop-timed-out", message: "the guest did not power off when asked")]
    }

    private mutating func showUnheeded(_ now: String) {
        set(.running, reason: "StopTimedOut", "the guest did not power off when asked; force the stop to cut it", now)
    }

    /// Shows that the guest runs, and why; that it did not end when asked is told as long as it is so.
    mutating func showRunning(reason: String, _ message: String, _ now: String) {
        isStopUnheeded ? showUnheeded(now) : set(.running, reason: reason, message, now)
    }

    /// What the end of the process is for.
    private var endIntent: String {
        if isTombstoned { return "delete" }
        return restartPending && wantsProcess ? Self.restartIntent : Self.stopIntent
    }

    /// Ends the process without asking the guest. A launch is cut off as soon as there is something to be ended, and a
    /// process that is still looked for when it is found.
    mutating func cut(_ now: String) -> [Action] {
        switch phase {
        case .waking:
            isCut = true
            return []
        case .launching:
            isCut = true
            status.intent = endIntent
            set(.stopping, reason: "Cutting", "the launch is being cut off", now)
            return [.save, .kill]
        default:
            isCut = false
            phase = .collecting
            announcedEnding = .byUs
            status.intent = endIntent
            set(.stopping, reason: "Cutting", "the process is being ended", now)
            return [.save, .disarm(.stop), .kill]
        }
    }
}
