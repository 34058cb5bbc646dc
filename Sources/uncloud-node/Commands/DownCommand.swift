internal import Actors
internal import ArgumentParser
internal import JSON
internal import NetHelper
internal import Runtime

/// `down`
struct Down: HostCommand {
    static let flagUse = GlobalFlagUse(formats: [.json, .yaml], canRehearse: false)
    static let configuration = CommandConfiguration(
        abstract: "Stop all VMs and remove networks, helper and daemon; the store stays.",
        discussion: "--force cuts the VMs' power. Works with and without a running daemon.")
    @Flag(help: "Don't wait for guests to power off.") var force = false
    @OptionGroup var globals: GlobalOptions

    func run(_ host: HostContext) async throws {
        guard let loop = EventLoop.current else { return }
        let settings = try host.settings()
        if !globals.yes, let ask = host.terminal.ask, !ask("Stop all VMs and remove their networks?") {
            throw CommandFailure(.failed, "nothing was done")
        }
        let result = try await takeDown(settings, host, loop)
        if host.renderer.format == .json || host.renderer.format == .yaml {
            host.terminal.write(host.renderer.document(result))
        }
    }

    /// By the daemon where one answers, else by this process.
    private func takeDown(_ settings: Settings, _ host: HostContext, _ loop: EventLoop) async throws -> JSONValue {
        let run = settings["node.run-directory"] ?? ""
        let patience = try globals.deadline() ?? .seconds((settings.seconds("shutdown.stop-timeout") ?? 60) + 30)
        let client = ControlClient(socketPath: run + "/api.sock", loop: loop, timeout: patience)
        do {
            let query = force ? [("force", "true")] : []
            let answer = try await client.write("POST", "/v1/node/actions/down", query: query)
            try await Self.awaitEnd(of: run + "/daemon.lock", within: patience, on: loop)
            return answer.json
        } catch let failure as CommandFailure where failure.status == .unreachable {
            if let process = DaemonLock.owner(run + "/daemon.lock") {
                throw CommandFailure(
                    .unreachable, "the daemon (process \(process)) does not answer",
                    fix: "end it first: kill \(process)")
            }
            var configuration = settings.nodeConfiguration(executable: host.executable)
            // What the last holder made, whatever name the daemon had been given.
            configuration.namespace = NamespaceRecord.read(in: run) ?? configuration.namespace
            return try await Teardown.run(configuration, force: force, on: loop)
        }
    }

    /// Returns once no process holds the daemon's lock. There is nothing to wait on but the lock itself.
    private static func awaitEnd(of lock: String, within patience: Duration, on loop: EventLoop) async throws {
        try await withDeadline(patience, on: loop, "the daemon's end") {
            while DaemonLock.owner(lock) != nil { try await loop.sleep(for: .milliseconds(50)) }
        }
    }
}
