internal import Logging
internal import Machine
internal import Model
internal import QemuMonitor
internal import Runtime

extension VMActor {
    private static let heartbeat = Duration.seconds(15)
    private static let answerTime = Duration.seconds(5)

    /// Runs an action that takes long in a task of its own; its result comes back as an event.
    func startLongAction(_ action: VMLifecycle.Action) {
        // As the lifecycle knows it now: it may change before the task begins.
        let record = lifecycle.record
        spawn(on: loop, "vm.\(action)") { [weak self] in
            switch action {
            case .launch: await self?.launch(record)
            case .probe: await self?.probe()
            case .reconnect: await self?.reconnect()
            case .clean: await self?.clean()
            case .kill: await self?.cutLaunch()
            default: break
            }
        }
    }

    private func launch(_ record: VMRecord) async {
        do {
            let taps = try await parts.network.open(record)
            if record.resolved.isExternal { return post(.launched(pid: nil, paused: false)) }
            let machine = try await parts.machines.launch(record, taps: taps, on: loop) { [weak self] in
                await self?.lifecycle.isCut ?? true
            }
            watch(machine)
            await parts.consoles.note(record.uuid)
            let paused = record.resolved.power == .paused
            if !paused, !lifecycle.isCut { try await machine.resume() }
            // Its end may have been seen already, while a launch was awaited and nobody's end: it would be missed.
            guard self.machine?.watch === machine.watch else {
                throw MachineError(.startFailed, "QEMU ended as it was started")
            }
            post(.launched(pid: machine.pid, paused: paused))
        } catch {
            let failed = machine
            machine = nil
            await failed?.forget()
            try? await failed?.running?.kill()
            await parts.network.release(record)
            post(.launchFailed("\(error)"))
        }
    }

    /// Ends a QEMU that is being started: the launch then fails, at once even where QEMU hangs. One that isn't there yet is
    /// cut when it has been launched.
    private func cutLaunch() async {
        do {
            try await parts.machines.endHolder(of: lifecycle.record, on: loop)
        } catch {
            parts.logger.warning("\(subject): its launch can't be cut off: \(error)")
        }
    }

    /// Looks for a process that outlived the daemon.
    private func probe() async {
        let record = lifecycle.record
        guard !record.resolved.isExternal else { return post(.found(.nothing)) }
        do {
            switch try await parts.machines.adopt(record, on: loop) {
            case .absent:
                await parts.network.release(record)
                post(.found(.nothing))
            case .running(let machine, let status):
                watch(machine)
                await attachConsole()
                post(.found(Self.finding(status, machine.pid)))
            case .unresponsive(let silent):
                watch(silent)
                post(.found(.silent(pid: silent.pid)))
            }
        } catch {
            parts.logger.error("\(subject): the look for its process failed: \(error)")
            post(.lookFailed("\(error)"))
        }
    }

    /// Tries a silent monitor again.
    private func reconnect() async {
        guard let pid = machine?.pid, let watch = machine?.watch else { return }
        let old = machine?.running
        machine?.running = nil
        await old?.monitor.close()
        do {
            switch try await parts.machines.adopt(lifecycle.record, on: loop) {
            case .absent: return
            case .unresponsive: post(.monitorBack(.silent(pid: pid)))
            case .running(let found, let status):
                guard machine?.watch === watch else { return await found.monitor.close() }
                for task in machine?.session ?? [] { task.cancel() }
                machine?.running = found
                machine?.session = startSession(found)
                await attachConsole()
                post(.monitorBack(Self.finding(status, pid)))
            }
        } catch {
            post(.monitorBack(.silent(pid: pid)))
        }
    }

    private func clean() async {
        let record = lifecycle.record
        await parts.consoles.detach(record.uuid)
        do {
            try await parts.network.close(record)
            try await parts.machines.removeDirectory(of: record)
            post(.cleaned)
        } catch {
            parts.logger.error("\(subject): not all of it can be removed: \(error)")
            post(.cleanFailed((error as? MachineError)?.message ?? "\(error)"))
        }
    }

    private func attachConsole() async {
        do {
            try await parts.consoles.attach(lifecycle.record.uuid)
        } catch {
            await parts.events.add(kind: "vm.console-failed", subject: subject, message: "\(error)")
        }
    }

    // MARK: - Watching

    private func watch(_ running: RunningMachine) {
        machine = MachineHandle(pid: running.pid, watch: running.watch, running: running)
        machine?.session = startSession(running)
        machine?.vigil = startVigil(running.watch)
    }

    private func watch(_ silent: UnresponsiveMachine) {
        machine = MachineHandle(pid: silent.pid, watch: silent.watch)
        machine?.vigil = startVigil(silent.watch)
    }

    private func startSession(_ running: RunningMachine) -> [Task<Void, any Error>] {
        let monitor = running.monitor
        let reader = spawn(on: loop, "vm.events") { [weak self] in
            while let event = try await monitor.events.receive() {
                if let known = Self.event(of: event) { self?.post(.machine(known)) }
            }
            try Task.checkCancellation()
            self?.post(.monitorLost)
        }
        let loop = loop
        let asker = spawn(on: loop, "vm.heartbeat") {
            while true {
                try await loop.sleep(for: Self.heartbeat)
                do {
                    _ = try await running.status(within: Self.answerTime)
                } catch is MonitorError {
                    // Closing ends the reader, which tells of the loss.
                    await monitor.close()
                    return
                }
            }
        }
        return [reader, asker]
    }

    /// Waits for the process's end, and then for what its monitor said last: how it ended comes before that it ended.
    private func startVigil(_ watch: ProcessWatch) -> Task<Void, any Error> {
        let loop = loop
        return spawn(on: loop, "vm.vigil") { [weak self] in
            try await watch.waitForExit()
            let reader = await self?.machine?.session.first
            _ = try? await withDeadline(.seconds(1), on: loop, "the last events of a monitor") {
                try await reader?.value
            }
            await self?.processEnded(watch)
        }
    }

    private func processEnded(_ watch: ProcessWatch) async {
        guard machine?.watch === watch else { return }
        let ended = machine
        machine = nil
        for task in ended?.session ?? [] { task.cancel() }
        await ended?.running?.monitor.close()
        post(.exited)
    }

    // MARK: - Orders

    /// Sends the monitor an order without an answer worth having.
    func command(_ name: String) async throws {
        if lifecycle.record.resolved.isExternal { return await commandExternal(name) }
        guard let monitor = machine?.running?.monitor else { return }
        // In a task of its own: a hung monitor must not hold up the VM's inbox.
        spawn(on: loop, "vm.\(name)") { [weak self] in
            do {
                _ = try await monitor.execute(name)
            } catch let error as MonitorError where error.code == .closed && name == "quit" {
            } catch {
                await self?.orderFailed(name, error)
            }
        }
    }

    private func orderFailed(_ name: String, _ error: any Error) async {
        await parts.events.add(kind: "vm.order-failed", subject: subject, message: "\(name): \(error)")
    }

    /// A guest that something else runs can't be told anything; its interface is let go.
    private func commandExternal(_ name: String) async {
        guard name == "system_powerdown" || name == "quit" else { return }
        post(.machine(.shutdown(byGuest: false)))
        post(.exited)
    }

    func killProcess() throws {
        if lifecycle.record.resolved.isExternal { return post(.exited) }
        if let machine { return try machine.watch.signal(9) }
        lifecycle.phase == .launching ? startLongAction(.kill) : post(.exited)
    }
}

extension VMActor {
    private static func finding(_ status: MachineStatus, _ pid: Int32) -> VMLifecycle.Finding {
        switch status {
        case .prelaunch: .prelaunch(pid: pid)
        case .poweredOff: .poweredOff(pid: pid)
        case .panicked, .internalError: .panicked(pid: pid)
        case .paused, .ioError, .incoming, .migrated: .paused(pid: pid)
        case .running, .suspended, .busySnapshot, .other: .running(pid: pid)
        }
    }

    private static func event(of event: MonitorEvent) -> VMLifecycle.MachineEvent? {
        switch event {
        case .shutdown(let guest, _): .shutdown(byGuest: guest)
        case .reset: .reset
        case .stop: .stopped
        case .resume: .resumed
        case .guestPanicked: .panicked
        default: nil
        }
    }
}
