internal import CLinux
internal import Glibc
internal import Runtime

/// What the console keeper's process is started with.
package struct KeeperOptions: Sendable, Hashable {
    /// RUN: `keeper.sock` and `keeper.pid` are in it.
    package var runDirectory: String
    /// An inherited socket that listens at `keeper.sock` already; nil makes the keeper bind it.
    package var listener: Int32?

    /// Options.
    package init(runDirectory: String, listener: Int32? = nil) {
        self.runDirectory = runDirectory
        self.listener = listener
    }

    /// From `--run DIR [--listen-fd N]`; nil if it is anything else.
    package init?(arguments: [String]) {
        var arguments = arguments[...]
        var run: String?
        var listener: Int32?
        while let option = arguments.popFirst() {
            guard let value = arguments.popFirst() else { return nil }
            switch option {
            case "--run": run = value
            case "--listen-fd":
                guard let number = Int32(value), number > 2 else { return nil }
                listener = number
            default: return nil
            }
        }
        guard let run else { return nil }
        self.init(runDirectory: run, listener: listener)
    }

    var socket: String { runDirectory + "/keeper.sock" }
    var pidFile: String { runDirectory + "/keeper.pid" }
}

/// The console keeper's process: serves until SIGTERM or SIGINT, then exits with 0. Call it on the main thread, before
/// anything else runs.
///
/// - Parameter arguments: see `KeeperOptions`.
package func runConsoleKeeper(arguments: [String]) -> Never {
    guard let options = KeeperOptions(arguments: arguments) else {
        fail("usage: internal keeper --run DIR [--listen-fd N]", status: 2)
    }
    do {
        try lockKeeper(options)
        let group = try EventLoopGroup(loops: 1, label: "keeper")
        let loop = group.loops[0]
        spawn(on: loop, "keeper") { await serve(options, on: loop) }
    } catch {
        fail("the console keeper can't start: \(error)", status: 1)
    }
    while true { pause() }
}

private func serve(_ options: KeeperOptions, on loop: EventLoop) async -> Never {
    do {
        let signals = try await SignalSource([SIGTERM, SIGINT], on: loop)
        let keeper = ConsoleKeeper(on: loop)
        try await keeper.listen(adopting: try listener(options))
        _ = try await signals.signals.receive()
        await keeper.stop()
    } catch {
        fail("the console keeper can't serve: \(error)", status: 1)
    }
    // The socket goes before the lock does, so that it is never a new keeper's.
    unlink(options.socket)
    exit(0)
}

/// Takes the lock that there is one keeper a node; it is held until the process ends.
private func lockKeeper(_ options: KeeperOptions) throws {
    let file = open(options.pidFile, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { throw SystemError(errno: errno, operation: "open \(options.pidFile)") }
    guard cl_lock_file(file) == 0 else {
        throw MachineError(.alreadyRunning, "a console keeper runs already: process \(cl_lock_owner(file))")
    }
    let text = Array("\(getpid())\n".utf8)
    ftruncate(file, 0)
    cl_write(file, text, text.count)
}

private func listener(_ options: KeeperOptions) throws -> CInt {
    if let inherited = options.listener {
        cl_cloexec(inherited, 1)
        return inherited
    }
    return try KeeperSocket.bind(options)
}

private func fail(_ message: String, status: Int32) -> Never {
    let line = Array("uncloud-node keeper: \(message)\n".utf8)
    cl_write(STDERR_FILENO, line, line.count)
    exit(status)
}
