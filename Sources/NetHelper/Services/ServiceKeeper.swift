internal import Glibc
internal import Logging
internal import Network
internal import Runtime

/// Keeps one network's dnsmasq running: starts it in its namespace, and again when it ends, with a growing pause.
actor ServiceKeeper {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private let plan: NetworkPlan
    private let program: String
    private let namespace: FileDescriptor
    private let files: ServiceFiles
    private let tell: @Sendable (HelperEvent) -> Void
    private let logger = Logger(label: "net-helper")
    private var process: ChildProcess?
    private var keeping: Task<Void, any Error>?
    private var isStopped = false
    private var backoff = RestartBackoff()

    /// dnsmasq's process, nil while none runs.
    var pid: Int32? { process?.pid }

    init(
        _ plan: NetworkPlan, program: String, namespace: FileDescriptor, files: ServiceFiles, loop: EventLoop,
        tell: @escaping @Sendable (HelperEvent) -> Void
    ) {
        self.plan = plan
        self.program = program
        self.namespace = namespace
        self.files = files
        self.loop = loop
        self.tell = tell
    }

    /// Starts the first process, and from then on keeps one running.
    ///
    /// - Throws: `HelperFailure` `service.failed` if it can't be started at all.
    func start() async throws {
        let first = try await launch()
        process = first
        keeping = spawn(on: loop, "dnsmasq of \(plan.name)") { try await self.keep(first) }
    }

    private func keep(_ first: ChildProcess) async throws {
        var current: ChildProcess? = first
        while !isStopped {
            let began = HelperCore.now()
            var reason = "can't be started"
            if let running = current {
                reason = (try? await running.waitForExit()).map(String.init(describing:)) ?? "unknown"
                unlink(files.pid)
            }
            process = nil
            guard !isStopped else { return }
            files.trimLog()
            logger.warning("dnsmasq ended", metadata: ["network": "\(plan.name)", "reason": "\(reason)"])
            tell(.serviceExited(network: plan.number, reason: reason))
            let pause = backoff.delay(after: (HelperCore.now() - began) / 1000)
            try await loop.sleep(for: .seconds(pause))
            guard !isStopped else { return }
            current = try? await launch()
            process = current
        }
    }

    private func launch() async throws -> ChildProcess {
        let (input, log) = try files.open()
        defer {
            close(input)
            close(log)
        }
        files.trimLog()
        // The namespace rides as descriptor 3; the mode `service` enters it and becomes dnsmasq.
        let spec = ProcessSpec(
            executable: "/proc/self/exe",
            arguments: [
                "internal", "service", "--namespace", "3", "--parent", String(getpid()), "--", program,
            ] + DnsmasqConfiguration.arguments, inheritedDescriptors: [0: input, 1: log, 2: log, 3: namespace.number])
        do {
            let child = try await ChildProcess.spawn(spec, on: loop)
            try? files.put("\(child.pid)\n", files.pid)
            return child
        } catch {
            throw HelperFailure(code: "service.failed", message: "dnsmasq can't be started: \(error)")
        }
    }

    /// Ends the process and waits for its end.
    func stop() async {
        isStopped = true
        keeping?.cancel()
        if let process {
            try? process.kill(SIGTERM)
            let ended = try? await withDeadline(.seconds(2), on: loop, "dnsmasq's end") {
                _ = try await process.waitForExit()
                return true
            }
            if ended == nil {
                try? process.kill(SIGKILL)
                _ = try? await process.waitForExit()
            }
        }
        process = nil
        unlink(files.pid)
    }
}
