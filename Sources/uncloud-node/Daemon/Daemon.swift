internal import Actors
internal import Glibc
internal import HTTP
internal import JSON
internal import Logging
internal import Runtime

/// The daemon: takes the lock, starts the node on loops of its own, serves the control API on the loop it was called on,
/// and ends in the reverse order.
struct Daemon {
    var settings: Settings
    var host: HostContext

    private enum Ending: Sendable { case signal(CInt), down }

    /// Runs until SIGTERM, SIGINT or `down`.
    ///
    /// - Throws: what keeps it from starting, as one line that names the field.
    func run() async throws {
        guard let loop = EventLoop.current else { return }
        let configuration = settings.nodeConfiguration(executable: host.executable)
        let apiGroup = try settings["api.group"].map { name throws(CommandFailure) in try APISocket.group(named: name) }
        try HostFiles.makeDirectory(configuration.stateDirectory, mode: 0o700, field: "node.state-directory")
        try HostFiles.makeDirectory(configuration.runDirectory, mode: 0o700, field: "node.run-directory")
        if let apiGroup { try APISocket.open(directory: configuration.runDirectory, to: apiGroup) }
        let lock = try DaemonLock(configuration.runDirectory + "/daemon.lock")
        let logger = makeLogger()
        let signals = try await SignalSource([SIGTERM, SIGINT], on: loop)
        let count = configuration.loops > 0 ? configuration.loops : max(1, Int(sysconf(CInt(_SC_NPROCESSORS_ONLN))))
        let watchdog = LoopWatchdog { logger.warning("\($0)") }
        let group = try EventLoopGroup(loops: count, label: "node", watchdog: watchdog)
        let result: Result<Void, any Error>
        do {
            let node = try await Node.start(configuration, group: group, logger: logger)
            result = await serve(node, configuration, apiGroup, loop, signals, logger)
            await node.stop()
        } catch {
            result = .failure(error)
        }
        await group.shutdown()
        // Held to the very end: whoever waits for the lock may take everything over.
        _ = consume lock
        try result.get()
    }

    /// Serves the control API until it is to end; the node is the caller's to stop.
    private func serve(
        _ node: Node, _ configuration: NodeConfiguration, _ apiGroup: gid_t?, _ loop: EventLoop,
        _ signals: SignalSource,
        _ logger: Logger
    ) async -> Result<Void, any Error> {
        let notifier = ServiceNotifier(environment: host.environment)
        let path = configuration.runDirectory + "/api.sock"
        let server = makeServer(node, loop, logger)
        do {
            _ = try await server.listen(adopting: try APISocket.listen(at: path, group: apiGroup))
        } catch {
            return .failure(error)
        }
        notifier.notify("READY=1\nSTATUS=serving")
        logger.info("ready", metadata: ["socket": "\(path)"])
        let ending = await firstEnding(of: node, signals, loop)
        notifier.notify("STOPPING=1")
        switch ending {
        case .signal(let number): logger.info("stopping", metadata: ["signal": "\(number)"])
        case .down: logger.info("down")
        }
        await server.stop(within: .seconds(5))
        unlink(path)
        return .success(())
    }

    private func makeServer(_ node: Node, _ loop: EventLoop, _ logger: Logger) -> Server {
        let doctor = HostDoctor(
            settings: settings, environment: host.environment, isRoot: geteuid() == 0, executable: host.executable,
            loop: loop)
        let api = ControlAPI(node: node.service, logger: logger) { DoctorCheck.document(await doctor.examine()) }
        return Server(loop: loop, configuration: ControlAPI.serverConfiguration, handler: api)
    }

    /// Waits for a signal or for `down`, whichever comes first. A second signal ends the process at once.
    private func firstEnding(of node: Node, _ signals: SignalSource, _ loop: EventLoop) async -> Ending {
        let endings = AsyncChannel<Ending>(capacity: 4)
        spawn(on: loop, "signals") {
            var seen = false
            while let number = try await signals.signals.receive() {
                if seen { exit(CommandStatus.interrupted.rawValue) }
                seen = true
                endings.trySend(.signal(number))
            }
        }
        spawn(on: loop, "down") {
            await node.waitForEnd()
            endings.trySend(.down)
        }
        return (try? await endings.receive()) ?? .down
    }

    private func makeLogger() -> Logger {
        let level = settings["log.level"].flatMap(Logger.Level.init(rawValue:)) ?? .info
        let isJournal = host.environment["JOURNAL_STREAM"] != nil
        return Logger(label: "node") { StandardErrorLog(label: $0, level: level, isJournal: isJournal) }
    }
}
