package import Model

/// The life of one VM on this host: what is wanted, what is seen, and what to do next. Pure: no I/O and no clock.
///
/// The VM's actor feeds it events and performs the actions it returns, in their order. Every action that changes the
/// world comes after a `.save` of the intent, so that a daemon that dies in between finds at its next start what was
/// under way.
package struct VMLifecycle: Sendable {
    /// Where the VM's process stands.
    package enum Phase: String, Sendable, Equatable {
        /// The daemon has just started and does not know whether a process lives. To any phase but `gone`; it stays while
        /// that can't be found out.
        case waking
        /// No process. To `launching` or `deleting`.
        case idle
        /// Ports are made and QEMU is started. To `running`, `paused` or `idle`.
        case launching
        /// The guest runs. To `paused`, `stopping`, `collecting`, `unresponsive` or `idle`.
        case running
        /// The guest's processors are halted by us. To `running`, `collecting`, `unresponsive` or `idle`.
        case paused
        /// The guest was asked to power off. To `collecting`, `running` (the deadline passed) or `idle`.
        case stopping
        /// The guest is off or was cut; QEMU is about to end. To `idle`.
        case collecting
        /// The process lives and its monitor is silent. To what it was, or to `idle`.
        case unresponsive
        /// A tombstone stands and no process lives; what is left of the VM is being removed. To `gone`.
        case deleting
        /// Nothing is left. Final.
        case gone
    }

    /// Why a process ended.
    package enum Ending: Sendable, Equatable {
        /// The guest powered itself off.
        case byGuest
        /// We told QEMU to quit, or the operator cut it.
        case byUs
        /// The guest panicked.
        case panic
        /// It ended without a SHUTDOWN event: a crash or a kill from outside (facts of QEMU's lifecycle).
        case crash
    }

    /// The intent of a restart: to be started again, whoever finds that the process has ended.
    static let restartIntent = "restart"
    /// Of a stop: the process ends, and none is wanted.
    static let stopIntent = "stop"
    /// The condition that the guest has come up: it has asked for its metadata.
    package static let ready = "Ready"

    package internal(set) var phase = Phase.waking
    package internal(set) var record: VMRecord
    package internal(set) var revision: Int64
    package internal(set) var status: VMStatus
    package internal(set) var isTombstoned: Bool
    /// The newest revision whose metadata every loop has.
    package internal(set) var publishedRevision: Int64 = 0

    /// What QEMU said about its end, before it ended.
    var announcedEnding: Ending?
    /// Start again once the process has ended. Stored as the intent, and found there by the next daemon.
    var restartPending = false
    /// Launches that failed, or processes that crashed, since the last that ran for `stableSeconds`.
    var failures = 0
    /// Nothing more is tried until the desired power changes.
    var isSettled = false
    /// The node goes down: nothing is wanted any more.
    var isGoingDown = false
    /// A cut was ordered before it was known what there is to be cut: it is done when the launch, or the look for the
    /// process, has ended.
    var isCut = false
    /// The look for the process has failed at least once, and is tried again.
    package internal(set) var isLookFailing = false
    /// What the VM was last seen as, while the look for its process fails.
    var stateBeforeLook: VMState?
    /// Why what is left of the VM could not be removed yet; it is tried again.
    package internal(set) var cleanFailure: String?
    /// How often it could not be removed.
    var cleanAttempts = 0
    /// Ports whose interfaces vanished, while it is not known yet whether their process ended.
    var lostPorts: Set<String> = []
    /// A back-off timer runs.
    var isBackingOff = false
    /// What the process was made of; nil where a daemon before this one made it.
    var machineSpec: VMSpec?
    /// The phase to return to when the monitor answers again.
    var phaseBeforeSilence = Phase.running

    package init(record: VMRecord, revision: Int64, status: VMStatus?, isTombstoned: Bool) {
        self.record = record
        self.revision = revision
        self.status = status ?? VMStatus(state: .pending, observedRevision: 0)
        self.isTombstoned = isTombstoned
    }

    /// The state that operators see.
    package var state: VMState { status.state }

    /// Whether the guest has asked for its metadata since its start.
    package var isReady: Bool { status.conditions.contains { $0.type == Self.ready && $0.status == "true" } }

    /// Whether the desired state has a process.
    var wantsProcess: Bool { !isTombstoned && !isGoingDown && record.resolved.power != .off }

    /// Whether a process of the VM may live.
    package var hasProcess: Bool {
        switch phase {
        case .launching, .running, .paused, .stopping, .collecting, .unresponsive, .waking: true
        case .idle, .deleting, .gone: false
        }
    }

    /// Takes an event and returns what to do about it.
    package mutating func handle(_ event: Event, now: String) -> [Action] {
        var actions = react(to: event, now)
        // Whoever publishes a revision has observed it; what saves the status anyway says so too.
        if actions.contains(.publish), !isTombstoned, status.observedRevision != revision {
            status.observedRevision = revision
            if !actions.contains(.save) { actions.append(.save) }
        }
        return actions
    }

    private mutating func react(to event: Event, _ now: String) -> [Action] {
        switch event {
        case .woke: return [.probe]
        case .desired(let record, let revision): return desiredChanged(record, revision, now)
        case .tombstoned:
            isTombstoned = true
            return reconcile(now)
        case .published(let revision):
            publishedRevision = max(publishedRevision, revision)
            return []
        case .keysChanged: return [.publish]
        case .goingDown(let force):
            isGoingDown = true
            return force && hasProcess ? cut(now) : reconcile(now)
        case .stayingUp: return stayUp(now)
        case .guestAsked:
            status.setCondition(
                type: Self.ready, isTrue: true, reason: "MetadataFetched",
                message: "the guest has fetched its metadata",
                now: now)
            return [.save]
        case .found(let finding): return found(finding, now)
        case .lookFailed(let message): return lookFailed(message, now)
        case .launched(let pid, let paused): return launched(pid, paused, now)
        case .launchFailed(let message): return launchFailed(message, now)
        case .machine(let event): return machineSaid(event, now)
        case .monitorLost: return monitorLost(now)
        case .monitorBack(let finding): return monitorBack(finding, now)
        case .exited: return exited(now)
        case .deadline(let deadline): return passed(deadline, now)
        case .command(let command): return commanded(command, now)
        case .cleaned: return cleaned()
        case .forgotten: return forgotten()
        case .cleanFailed(let message): return cleanFailed(message, now)
        case .portGone(let ifname): return portGone(ifname)
        }
    }

    /// Moves towards what is wanted from wherever the VM stands.
    mutating func reconcile(_ now: String) -> [Action] {
        switch phase {
        case .waking, .launching, .collecting, .deleting, .gone, .unresponsive: return []
        case .idle: return reconcileIdle(now)
        case .running:
            if isStopUnheeded { return [] }
            if !wantsProcess { return isTombstoned ? cut(now) : askToStop(now) }
            if restartPending { return askToStop(now) }
            if record.resolved.power == .paused { return [.pause] }
            return []
        case .paused:
            if isTombstoned { return cut(now) }
            if isStopUnheeded { return [] }
            if !wantsProcess || restartPending { return [.resume] + askToStop(now) }
            if record.resolved.power == .on { return [.resume] }
            return []
        case .stopping: return isTombstoned ? cut(now) : []
        }
    }

    private mutating func reconcileIdle(_ now: String) -> [Action] {
        if isTombstoned {
            phase = .deleting
            set(.stopping, reason: "Deleting", "what is left of the VM is being removed", now)
            return [.withdraw, .clean]
        }
        guard wantsProcess else {
            if isGoingDown, record.resolved.power != .off {
                // Not "stopped": the next start of the node is to start it again.
                set(.pending, reason: "NodeDown", "the node was taken down; the VM starts with it again", now)
                return [.save]
            }
            guard status.state != .stopped || status.intent != nil else { return [] }
            status.intent = nil
            set(.stopped, reason: "PowerOff", "the VM is off, as wanted", now)
            return [.save]
        }
        guard !isSettled, !isBackingOff else { return [] }
        phase = .launching
        announcedEnding = nil
        restartPending = false
        status.intent = "launch"
        status.setCondition(
            type: Self.ready, isTrue: false, reason: "Starting",
            message: "the guest has not asked for its metadata yet",
            now: now)
        set(.starting, reason: "Launching", "ports are made and QEMU is started", now)
        machineSpec = record.resolved
        return [.save, .launch]
    }

    /// The node stays up after all. What has ended already waits for an order of its own: to start it now would undo what
    /// was asked for a moment ago.
    private mutating func stayUp(_ now: String) -> [Action] {
        guard isGoingDown else { return [] }
        isGoingDown = false
        guard phase == .idle, wantsProcess else { return [] }
        isSettled = true
        set(.pending, reason: "NodeDown", "it was stopped for a down of the node that then failed; start it again", now)
        return [.save]
    }

    /// Sets the shown state with its reason; the condition's `since` moves only when the reason does.
    mutating func set(_ state: VMState, reason: String, _ message: String, _ now: String) {
        status.state = state
        status.observedRevision = revision
        status.setCondition(
            type: "Running", isTrue: state == .running, reason: reason, message: message, now: now)
    }
}
