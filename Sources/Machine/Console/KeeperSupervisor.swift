internal import CLinux
internal import Glibc
package import Runtime

/// Sees to it that the node has a console keeper: finds the one that runs, or starts one that outlives the daemon.
package struct KeeperSupervisor: Sendable {
    /// Asks the keeper; a connection a request, so it survives a keeper started anew.
    package let client: ConsoleKeeperClient
    private let executable: String
    private let arguments: [String]
    private let options: KeeperOptions
    private let loop: EventLoop

    /// A supervisor; nothing happens yet.
    ///
    /// - Parameters:
    ///   - executable: the program that `runConsoleKeeper` is in.
    ///   - arguments: what comes before the keeper's own options, such as `internal keeper`.
    ///   - runDirectory: RUN.
    ///   - loop: runs what is asked of the keeper.
    package init(executable: String, arguments: [String], runDirectory: String, on loop: EventLoop) {
        self.executable = executable
        self.arguments = arguments
        self.loop = loop
        options = KeeperOptions(runDirectory: runDirectory)
        client = ConsoleKeeperClient(path: options.socket, on: loop)
    }

    /// Finds or starts the keeper, and waits until it answers.
    ///
    /// Only one daemon of a node may call this at a time. A keeper that was just started knows no console: attach all.
    ///
    /// - Returns: the keeper's process.
    /// - Throws: `MachineError` with the code `keeper`.
    package func start() async throws -> Int32 {
        if KeeperSocket.owner(options) == 0 {
            do {
                try await spawnKeeper()
            } catch {
                throw MachineError(.keeper, "the console keeper can't be started: \(error)")
            }
        }
        return try await client.hello().pid
    }

    private func spawnKeeper() async throws {
        // The socket listens before the process is there, so nobody has to wait for it in a loop.
        let listener = try KeeperSocket.bind(options)
        defer { cl_close(listener) }
        // Added to, so that a keeper's last words outlive the next one's start.
        let path = options.runDirectory + "/keeper.log"
        let log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        defer { if log >= 0 { cl_close(log) } }
        var spec = ProcessSpec(
            executable: executable, arguments: arguments + ["--run", options.runDirectory, "--listen-fd", "3"])
        spec.inheritedDescriptors = log >= 0 ? [2: log, 3: listener] : [3: listener]
        spec.detached = true
        let keeper = try await CrashPoint.around("exec keeper") { try await ChildProcess.spawn(spec, on: loop) }
        spawn(on: loop, "keeper.reap") { _ = try await keeper.waitForExit() }
    }
}
