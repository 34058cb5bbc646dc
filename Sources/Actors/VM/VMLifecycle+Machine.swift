internal import Model

extension VMLifecycle {
    mutating func launched(_ pid: Int32?, _ paused: Bool, _ now: String) -> [Action] {
        guard phase == .launching else { return [] }
        phase = paused ? .paused : .running
        status.pid = pid
        status.intent = nil
        status.started = now
        status.boots = (status.boots ?? 0) + 1
        status.powerGeneration = record.powerGeneration
        status.unheededStop = nil
        set(
            paused ? .paused : .running, reason: paused ? "Paused" : "Started",
            paused ? "the VM was started with its processors halted" : "the guest runs", now)
        showCurrent(isTrue: machineSpec.map(record.resolved.makesSameMachine) ?? true, now)
        let message = pid.map { "process \($0)" } ?? "its interface was taken in"
        let told = Action.report(kind: "vm.started", message: message)
        if isCut { return [told] + cut(now) }
        if let end = collectAnnounced() { return [.save, told] + end }
        return [.save, .arm(.stable), told] + reconcile(now)
    }

    mutating func launchFailed(_ message: String, _ now: String) -> [Action] {
        guard phase == .launching else { return [] }
        phase = .idle
        announcedEnding = nil
        status.pid = nil
        status.intent = nil
        if isCut {
            isCut = false
            return ended(.byUs, now)
        }
        failures += 1
        if wantsProcess, record.resolved.restart != .never, failures < Self.launchAttempts {
            isBackingOff = true
            set(.pending, reason: "LaunchFailed", message, now)
            return [.save, .arm(.backoff), .report(kind: "vm.launch-failed", message: message)]
        }
        settle(.failed, reason: "LaunchFailed", message, now)
        return [.save, .report(kind: "vm.failed", message: message)] + reconcile(now)
    }

    mutating func machineSaid(_ event: MachineEvent, _ now: String) -> [Action] {
        switch event {
        case .shutdown(let byGuest):
            if announcedEnding == nil { announcedEnding = byGuest ? .byGuest : .byUs }
            guard phase == .running || phase == .stopping || phase == .paused else { return [] }
            phase = .collecting
            return byGuest ? [.disarm(.stop), .quit, .arm(.collect)] : [.disarm(.stop), .arm(.collect)]
        case .panicked:
            announcedEnding = .panic
            guard phase != .collecting, phase != .idle else { return [] }
            phase = .collecting
            return [.report(kind: "vm.panicked", message: "the guest's kernel panicked"), .quit, .arm(.collect)]
        case .stopped:
            guard phase == .running else { return [] }
            phase = .paused
            set(.paused, reason: "Paused", "the guest's processors are halted", now)
            return [.save] + reconcileHalt(now)
        case .resumed:
            guard phase == .paused else { return [] }
            phase = .running
            showRunning(reason: "Resumed", "the guest runs", now)
            return [.save] + reconcile(now)
        case .reset:
            return [.report(kind: "vm.reset", message: "the guest was reset")]
        }
    }

    /// What to do where the guest's end was told before it was known that the guest runs: QEMU tells once, and the look at the
    /// process may be older than what it told.
    mutating func collectAnnounced() -> [Action]? {
        guard let ending = announcedEnding else { return nil }
        phase = .collecting
        return ending == .byUs ? [.arm(.collect)] : [.quit, .arm(.collect)]
    }

    /// A halt that nobody wanted is shown and left: QEMU halts a guest on a storage fault, and only its mending helps.
    private mutating func reconcileHalt(_ now: String) -> [Action] {
        record.resolved.power == .paused || !wantsProcess ? reconcile(now) : []
    }

    mutating func monitorLost(_ now: String) -> [Action] {
        switch phase {
        case .running, .paused, .stopping:
            phaseBeforeSilence = phase
            return [.arm(.silence)]
        case .collecting, .unresponsive: return [.arm(.silence)]
        default: return []
        }
    }

    mutating func monitorBack(_ finding: Finding, _ now: String) -> [Action] {
        guard phase == .unresponsive else { return [] }
        switch finding {
        case .nothing: return []
        case .silent: return [.arm(.reconnect)]
        case .poweredOff:
            announcedEnding = announcedEnding ?? .byGuest
            phase = .collecting
            return [.quit, .arm(.collect)]
        case .panicked:
            announcedEnding = .panic
            phase = .collecting
            return [.quit, .arm(.collect)]
        case .running, .prelaunch, .paused:
            let paused: Bool
            if case .paused = finding { paused = true } else { paused = false }
            phase = paused ? .paused : .running
            let message = "QEMU's monitor answers again"
            if paused {
                set(.paused, reason: "MonitorBack", message, now)
            } else {
                showRunning(reason: "MonitorBack", message, now)
            }
            if let end = collectAnnounced() { return [.save] + end }
            return [.save, .report(kind: "vm.responsive", message: "the monitor answers again")] + reconcile(now)
        }
    }

    mutating func exited(_ now: String) -> [Action] {
        switch phase {
        case .idle, .deleting, .gone, .launching, .waking: return []
        case .running, .paused, .stopping, .collecting, .unresponsive: break
        }
        phase = .idle
        lostPorts = []
        return [.disarm(.stop), .disarm(.silence), .disarm(.stable), .disarm(.collect), .disarm(.reconnect)]
            + ended(announcedEnding ?? .crash, now)
    }

    /// The process is gone: the restart policy and the operator's wish decide what follows.
    mutating func ended(_ ending: Ending, _ now: String) -> [Action] {
        status.pid = nil
        status.intent = nil
        status.unheededStop = nil
        announcedEnding = nil
        if isTombstoned || !wantsProcess || restartPending {
            restartPending = false
            return [.releasePorts, .report(kind: "vm.stopped", message: Self.describe(ending))] + reconcile(now)
        }
        let isFailure = ending == .crash || ending == .panic
        switch record.resolved.restart {
        case .always: break
        case .onFailure where isFailure: break
        case .onFailure, .never:
            settle(
                isFailure ? .failed : .stopped, reason: isFailure ? "Crashed" : "GuestPoweredOff",
                Self.describe(ending), now)
            return [.releasePorts, .save, .report(kind: "vm.ended", message: Self.describe(ending))]
        }
        failures += 1
        status.restarts += 1
        isBackingOff = true
        set(.pending, reason: "BackOff", "\(Self.describe(ending)); starting again after a pause", now)
        return [.releasePorts, .save, .report(kind: "vm.ended", message: Self.describe(ending)), .arm(.backoff)]
    }

    mutating func settle(_ state: VMState, reason: String, _ message: String, _ now: String) {
        isSettled = true
        status.powerGeneration = record.powerGeneration
        set(state, reason: reason, message, now)
    }

    static func describe(_ ending: Ending) -> String {
        switch ending {
        case .byGuest: "the guest powered itself off"
        case .byUs: "its power was cut, or QEMU was told to quit"
        case .panic: "the guest's kernel panicked"
        case .crash: "QEMU ended without saying why: a crash, or killed from outside"
        }
    }
}
