internal import Model

extension VMLifecycle {
    /// How many launches are tried before a VM that never came up is left as failed.
    static let launchAttempts = 5

    /// Seconds until a deadline passes; the stop deadline is the node's setting.
    package func seconds(of deadline: Deadline, stopTimeout: Int) -> Double {
        switch deadline {
        case .stop: Double(stopTimeout)
        case .backoff: Double(min(60, 1 << min(max(failures - 1, 0), 6)))
        case .silence: 1
        case .reconnect: 2
        case .stable: 60
        case .collect: 5
        case .cleanup: Double(min(60, 1 << min(max(cleanAttempts - 1, 0), 6)))
        case .port: 2
        }
    }

    mutating func passed(_ deadline: Deadline, _ now: String) -> [Action] {
        switch deadline {
        case .stop: return stopTimedOut(now)
        case .backoff:
            isBackingOff = false
            return reconcile(now)
        case .silence: return silent(now)
        case .reconnect:
            switch phase {
            case .unresponsive: return [.reconnect]
            case .waking: return [.probe]
            default: return []
            }
        case .stable:
            if phase == .running || phase == .paused { failures = 0 }
            return []
        case .collect:
            guard phase == .collecting else { return [] }
            return [.kill]
        case .cleanup: return phase == .deleting ? [.clean] : []
        case .port: return portsStayGone()
        }
    }

    private mutating func silent(_ now: String) -> [Action] {
        switch phase {
        case .running, .paused, .stopping:
            phase = .unresponsive
            set(.unresponsive, reason: "MonitorSilent", "QEMU's monitor does not answer", now)
            return [
                .save, .arm(.reconnect), .report(kind: "vm.unresponsive", message: "QEMU's monitor does not answer"),
            ]
        case .unresponsive: return [.arm(.reconnect)]
        default: return []
        }
    }

    mutating func commanded(_ command: Command, _ now: String) -> [Action] {
        switch (command, phase) {
        case (.kill, .running), (.kill, .paused), (.kill, .stopping), (.kill, .unresponsive), (.kill, .launching),
            (.kill, .waking):
            return cut(now)
        case (.kill, .idle):
            isBackingOff = false
            return [.disarm(.backoff)] + reconcile(now)
        case (.reset, .running), (.reset, .paused): return [.reset]
        case (.restart, .running):
            restartPending = true
            return askToStop(now)
        case (.restart, .paused):
            restartPending = true
            return [.resume] + askToStop(now)
        case (.restart, .idle):
            isSettled = false
            isBackingOff = false
            return [.disarm(.backoff)] + reconcile(now)
        default: return []
        }
    }

    func cleaned() -> [Action] {
        phase == .deleting ? [.finishDeletion] : []
    }

    mutating func forgotten() -> [Action] {
        guard phase == .deleting else { return [] }
        phase = .gone
        cleanFailure = nil
        return [.report(kind: "vm.deleted", message: "nothing of the VM is left on this host")]
    }

    /// The tombstone stays until nothing of the VM is left.
    mutating func cleanFailed(_ message: String, _ now: String) -> [Action] {
        guard phase == .deleting else { return [] }
        cleanAttempts += 1
        guard cleanFailure != message else { return [.arm(.cleanup)] }
        cleanFailure = message
        set(.stopping, reason: "CleanFailed", message, now)
        return [.save, .arm(.cleanup), .report(kind: "vm.clean-failed", message: message)]
    }

    /// A tap goes with its process, a moment before that is seen to end: it is told only where the process lives on.
    mutating func portGone(_ ifname: String) -> [Action] {
        guard [.running, .paused, .stopping, .unresponsive].contains(phase) else { return [] }
        lostPorts.insert(ifname)
        return [.arm(.port)]
    }

    private mutating func portsStayGone() -> [Action] {
        let gone = lostPorts.sorted()
        lostPorts = []
        guard [.running, .paused, .stopping, .unresponsive].contains(phase) else { return [] }
        return gone.map { .report(kind: "port.gone", message: "the interface \($0) vanished while the VM has it") }
    }
}

extension VMSpec {
    /// Whether both make the same machine: what differs else takes effect while it runs.
    func makesSameMachine(as other: VMSpec) -> Bool {
        cpus == other.cpus && memory == other.memory && kernel == other.kernel && initrd == other.initrd
            && append == other.append && disks == other.disks && nics == other.nics
    }
}
