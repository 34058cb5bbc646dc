internal import Logging
internal import Metadata
package import Model
package import Runtime

/// One VM: feeds its lifecycle with events, one after the other, and performs what that decides.
///
/// Runs on its loop. What takes long (a launch, an adoption, a clean-up) runs in a task of its own and comes back as an
/// event, so that a hung QEMU holds up nothing but its own VM.
package actor VMActor {
    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    package nonisolated let id: VMID
    let parts: NodeParts
    private(set) var lifecycle: VMLifecycle
    /// Tells when the guest of this boot asks for its metadata.
    private var firstRequest: FirstRequest?
    /// The process under our eyes, if there is one.
    var machine: MachineHandle?

    private struct Letter: Sendable {
        var event: VMLifecycle.Event
        /// Resolved when what follows from the event is done, as far as the inbox waits for it.
        var done: OneShot<Void>?
    }

    private nonisolated let inbox = AsyncChannel<Letter>(capacity: 1024)
    private var timers: [VMLifecycle.Deadline: ScheduledTimer] = [:]
    private var waiters: [(condition: @Sendable (VMLifecycle) -> Bool, reply: AsyncChannel<Void>)] = []

    package init(lifecycle: VMLifecycle, parts: NodeParts, loop: EventLoop) {
        id = lifecycle.record.uuid
        self.lifecycle = lifecycle
        self.parts = parts
        self.loop = loop
    }

    /// What events, messages and lists call this VM.
    var subject: String { "vm/\(lifecycle.record.owner)/\(lifecycle.record.name)" }

    /// Tells the VM something; never waits. An inbox that is full means the actor is stuck, which is logged.
    package nonisolated func post(_ event: VMLifecycle.Event) {
        post(Letter(event: event))
    }

    /// - Returns: whether the letter will be read.
    @discardableResult
    private nonisolated func post(_ letter: Letter) -> Bool {
        if inbox.trySend(letter) { return true }
        if !inbox.isFinished { parts.logger.error("a VM's inbox is full", metadata: ["vm": "\(id)"]) }
        return false
    }

    /// Gives the VM a command and returns when it is begun, its intent stored. A cancelled caller stops waiting.
    ///
    /// - Throws: `ProblemError` `vm.busy` (503) where the VM takes none: it is gone, or the daemon ends.
    package nonisolated func order(_ command: VMLifecycle.Command) async throws {
        let done = OneShot<Void>()
        guard post(Letter(event: .command(command), done: done)) else {
            throw ProblemError.unavailable(
                "vm.busy", "the VM takes no orders now: it is gone, or the daemon ends",
                fix: "see whether it is there: uncloud-node vm list")
        }
        try await done.wait()
    }

    /// Lives until the VM is gone or the inbox is finished. Started once by the supervisor.
    package func run() async {
        post(.woke)
        while lifecycle.phase != .gone, let letter = try? await inbox.receive() {
            let actions = lifecycle.handle(letter.event, now: parts.clock.now())
            await perform(actions)
            wakeWaiters()
            letter.done?.resolve(.success(()))
        }
        inbox.finish()
        while let letter = inbox.tryReceive() { letter.done?.resolve(.success(())) }
        for timer in timers.values { timer.cancel() }
        for waiter in waiters { waiter.reply.finish() }
        waiters = []
    }

    /// Ends the actor and leaves the VM's process alone: the daemon is going.
    package func stop() async {
        inbox.finish()
        await machine?.forget()
        machine = nil
    }

    /// Returns when the condition holds, or the VM is gone.
    package func wait(until condition: @escaping @Sendable (VMLifecycle) -> Bool) async throws {
        if condition(lifecycle) || lifecycle.phase == .gone { return }
        let reply = AsyncChannel<Void>(capacity: 1)
        waiters.append((condition, reply))
        _ = try await reply.receive()
    }

    private func wakeWaiters() {
        let held = waiters.filter { $0.condition(lifecycle) }
        guard !held.isEmpty else { return }
        waiters.removeAll { $0.condition(lifecycle) }
        for waiter in held { _ = waiter.reply.trySend(()) }
    }

    private func perform(_ actions: [VMLifecycle.Action]) async {
        for action in actions {
            do {
                try await perform(action)
            } catch {
                await failed(action, error)
                if actions.contains(.launch) {
                    post(.launchFailed("\(error)"))
                    return
                }
            }
        }
    }

    private func perform(_ action: VMLifecycle.Action) async throws {
        switch action {
        case .save: try await saveStatus()
        case .publish: await publish()
        case .withdraw: await parts.directory.publish(nil, numbers: lifecycle.record.nics.map(\.number))
        case .arm(let deadline): arm(deadline)
        case .disarm(let deadline): timers.removeValue(forKey: deadline)?.cancel()
        case .finishDeletion: await finishDeletion()
        case .report(let kind, let message): await parts.events.add(kind: kind, subject: subject, message: message)
        case .launch:
            // A new boot: the guest has asked for nothing yet.
            firstRequest = nil
            await publish()
            startLongAction(action)
        case .probe, .reconnect, .clean: startLongAction(action)
        // Awaited: a launch that follows must not have its new ports taken away.
        case .releasePorts: await parts.network.release(lifecycle.record)
        case .resume: try await command("cont")
        case .pause: try await command("stop")
        case .powerdown: try await command("system_powerdown")
        case .reset: try await command("system_reset")
        case .quit: try await command("quit")
        case .kill: try killProcess()
        }
    }

    private func failed(_ action: VMLifecycle.Action, _ error: any Error) async {
        parts.logger.error("\(subject): \(action) failed: \(error)")
        await parts.events.add(kind: "vm.action-failed", subject: subject, message: "\(action): \(error)")
    }

    private func arm(_ deadline: VMLifecycle.Deadline) {
        timers[deadline]?.cancel()
        let seconds = lifecycle.seconds(of: deadline, stopTimeout: parts.configuration.stopTimeout)
        timers[deadline] = loop.schedule(after: .seconds(seconds)) { [weak self] in self?.post(.deadline(deadline)) }
    }

    private func publish() async {
        let record = lifecycle.record
        let revision = lifecycle.revision
        let facts = GuestFacts(
            uuid: record.uuid.text, name: record.name.text, owner: record.owner.text,
            sshKeys: await parts.store.catalog.sshKeys(of: record), userData: record.resolved.userData,
            vendorData: record.resolved.vendorData, networkConfig: record.resolved.networkConfig)
        let first = firstRequest ?? FirstRequest(told: lifecycle.isReady) { [weak self] in self?.post(.guestAsked) }
        firstRequest = first
        await parts.directory.publish(
            GuestDocument(facts: facts, firstRequest: first), numbers: record.nics.map(\.number))
        _ = lifecycle.handle(.published(revision: revision), now: parts.clock.now())
    }
}
