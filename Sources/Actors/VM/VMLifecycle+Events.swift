package import Model

extension VMLifecycle {
    /// What the VM's actor tells the machine.
    package enum Event: Sendable {
        /// The actor has started: look for a process of this VM.
        case woke
        case desired(VMRecord, revision: Int64)
        case tombstoned
        /// Every loop has the metadata of this revision.
        case published(revision: Int64)
        /// The node goes down: end the process and start nothing more.
        case goingDown(force: Bool)
        /// The node's going down failed, and it goes on.
        case stayingUp
        /// The guest asked for its metadata for the first time since its start.
        case guestAsked
        /// A stored key that the record names was changed.
        case keysChanged
        /// What looking for a process at the daemon's start found.
        case found(Finding)
        /// It could not be found out whether a process of this VM lives.
        case lookFailed(String)
        /// `pid` is nil where something else runs the guest.
        case launched(pid: Int32?, paused: Bool)
        case launchFailed(String)
        case machine(MachineEvent)
        /// The monitor's connection ended or a command went unanswered, and the process was not seen to end.
        case monitorLost
        case monitorBack(Finding)
        case exited
        case deadline(Deadline)
        case command(Command)
        /// Ports, sockets and files are removed.
        case cleaned
        /// The records that the deletion left are removed too.
        case forgotten
        /// Something of the VM could not be removed.
        case cleanFailed(String)
        /// The interface of one of its ports vanished: its process ended, or somebody deleted it.
        case portGone(String)
    }

    /// What a look at the process found.
    package enum Finding: Sendable, Equatable {
        case nothing
        case running(pid: Int32)
        case paused(pid: Int32)
        /// Never told to run: a launch that was cut off before `cont`.
        case prelaunch(pid: Int32)
        /// The guest powered off and QEMU waits to be collected.
        case poweredOff(pid: Int32)
        case panicked(pid: Int32)
        /// The process lives and its monitor does not answer.
        case silent(pid: Int32)

        /// The process, nil if there is none.
        var pid: Int32? {
            switch self {
            case .nothing: nil
            case .running(let pid), .paused(let pid), .prelaunch(let pid), .poweredOff(let pid), .panicked(let pid),
                .silent(let pid):
                pid
            }
        }
    }

    /// What QEMU tells by events.
    package enum MachineEvent: Sendable, Equatable {
        case shutdown(byGuest: Bool)
        case panicked
        case stopped
        case resumed
        case reset
    }

    package enum Deadline: String, Sendable, CaseIterable {
        /// A guest that was asked to power off has not.
        case stop
        /// The pause between two attempts to start is over.
        case backoff
        /// A lost monitor was not followed by the end of the process.
        case silence
        /// Time to try a silent monitor again.
        case reconnect
        /// The process has run long enough for earlier failures to be forgotten.
        case stable
        /// QEMU was told to end and has not.
        case collect
        /// Time to try again to remove what is left of a deleted VM.
        case cleanup
        /// A port's interface vanished, and the process has not ended since.
        case port
    }

    package enum Command: String, Sendable {
        /// Power off at once, without asking the guest.
        case kill
        /// As a reset button.
        case reset
        /// Power off by ACPI and start again.
        case restart
    }

    /// What the VM's actor is to do.
    package enum Action: Sendable, Equatable {
        /// Write `status`; the next actions wait for it.
        case save
        /// Look for a process; answers with `.found` or `.lookFailed`.
        case probe
        /// Render the metadata of `record` and give it to every loop; answers with `.published`.
        case publish
        /// Take the metadata from every loop.
        case withdraw
        /// Make ports, start QEMU, let it run; answers with `.launched` or `.launchFailed`.
        case launch
        case resume
        case pause
        case powerdown
        case reset
        /// Tell QEMU to quit: the guest is off already.
        case quit
        /// End the process by signal; answers with `.exited`, a launch that is cut off with `.launchFailed` or `.launched`.
        case kill
        /// Try the monitor again; answers with `.monitorBack`.
        case reconnect
        /// Remove ports, sockets and files; answers with `.cleaned` or `.cleanFailed`.
        case clean
        /// Take the ports of a VM without a process out of network and rules.
        case releasePorts
        /// Remove the records that the deletion left: status, tombstone; answers with `.forgotten` or `.cleanFailed`.
        case finishDeletion
        case arm(Deadline)
        case disarm(Deadline)
        /// Tell the operator.
        case report(kind: String, message: String)
    }
}

extension VMLifecycle {
    mutating func desiredChanged(_ record: VMRecord, _ revision: Int64, _ now: String) -> [Action] {
        guard revision > self.revision || publishedRevision == 0 else { return [] }
        let isPowerOrder = record.powerGeneration != self.record.powerGeneration
        if isPowerOrder { isSettled = false }
        let machineBefore = self.record.resolved
        self.record = record
        self.revision = revision
        var isChanged = isPowerOrder && startAfterStop()
        if hasProcess, !record.resolved.makesSameMachine(as: machineBefore) {
            showCurrent(isTrue: machineSpec.map(record.resolved.makesSameMachine) ?? false, now)
            isChanged = true
        }
        return [.publish] + (isChanged ? [.save] : []) + reconcile(now)
    }

    /// Has a VM that is just being stopped start again once it is off, if that is wanted by now; whether it is.
    private mutating func startAfterStop() -> Bool {
        guard phase == .stopping || phase == .collecting, status.intent == Self.stopIntent, wantsProcess else {
            return false
        }
        restartPending = true
        status.intent = Self.restartIntent
        return true
    }

    /// Shows whether the process is the machine that the specification asks for.
    mutating func showCurrent(isTrue: Bool, _ now: String) {
        status.setCondition(
            type: "Current", isTrue: isTrue, reason: isTrue ? "Started" : "RestartRequired",
            message: isTrue
                ? "the machine is as the specification says"
                : "the change of the machine takes effect at the VM's next start", now: now)
    }

    mutating func found(_ finding: Finding, _ now: String) -> [Action] {
        guard phase == .waking else { return [] }
        isLookFailing = false
        restartPending = status.intent == Self.restartIntent
        if isCut, let pid = finding.pid {
            status.pid = pid
            phase = .running
            return [.publish] + cut(now)
        }
        isCut = false
        switch finding {
        case .nothing: return wokeWithoutProcess(now)
        case .running(let pid): return [.publish] + alive(.running, pid, now)
        case .paused(let pid): return [.publish] + alive(.paused, pid, now)
        case .prelaunch(let pid):
            // The launch was cut off between exec and cont: it is ours to let run.
            return [.publish] + alive(.paused, pid, now)
        case .poweredOff(let pid):
            status.pid = pid
            announcedEnding = .byGuest
            phase = .collecting
            return [.publish, .quit, .arm(.collect)]
        case .panicked(let pid):
            status.pid = pid
            announcedEnding = .panic
            phase = .collecting
            return [.publish, .quit, .arm(.collect)]
        case .silent(let pid):
            status.pid = pid
            phaseBeforeSilence = .running
            phase = .unresponsive
            set(.unresponsive, reason: "MonitorSilent", "QEMU's monitor does not answer", now)
            return [.publish, .save, .arm(.reconnect)]
        }
    }

    /// A VM without a process at the daemon's start: what it was last seen as, and what was under way, tell whether it is missed.
    private mutating func wokeWithoutProcess(_ now: String) -> [Action] {
        phase = .idle
        let last = stateBeforeLook ?? status.state
        let powerUnchanged = status.powerGeneration == record.powerGeneration
        if last == .stopped || last == .failed, powerUnchanged { isSettled = true }
        var actions: [Action] = [.publish]
        // A guest that something else runs has no process by whose absence the look would have released its ports; the next
        // launch finds them as they are.
        if record.resolved.isExternal, !isTombstoned, !wantsProcess || isSettled { actions.append(.releasePorts) }
        if wantsProcess, !record.resolved.isExternal, !restartPending, status.intent != "launch",
            [.running, .paused, .unresponsive, .stopping, .unknown].contains(last)
        {
            actions.append(.report(kind: "vm.vanished", message: "the VM's process ended while the daemon was away"))
            actions += ended(.crash, now)
        } else {
            actions += reconcile(now)
        }
        return actions
    }

    /// An error says nothing about the process: it is looked for again until that is known, and nothing is started or
    /// ended meanwhile. Its metadata is published, for its guest may well run.
    mutating func lookFailed(_ message: String, _ now: String) -> [Action] {
        guard phase == .waking else { return [] }
        guard !isLookFailing else { return [.arm(.reconnect)] }
        isLookFailing = true
        stateBeforeLook = status.state
        let why = "whether its process lives can't be found out: \(message)"
        switch status.state {
        case .stopped, .failed: break
        case .pending: set(.pending, reason: "LookFailed", why, now)
        case .starting, .running, .paused, .stopping, .unresponsive, .unknown:
            set(.unknown, reason: "LookFailed", why, now)
        }
        return [.publish, .save, .arm(.reconnect), .report(kind: "vm.look-failed", message: why)]
    }

    private mutating func alive(_ phase: Phase, _ pid: Int32, _ now: String) -> [Action] {
        self.phase = phase
        status.pid = pid
        status.intent = nil
        if phase == .paused {
            set(.paused, reason: "Paused", "the guest's processors are halted", now)
        } else {
            showRunning(reason: "Adopted", "the process was found running and taken over", now)
        }
        if let end = collectAnnounced() { return [.save] + end }
        return [.save, .arm(.stable), .report(kind: "vm.adopted", message: "process \(pid) was taken over")]
            + reconcile(now)
    }
}
