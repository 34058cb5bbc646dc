internal import Glibc
internal import JSON
internal import Logging
internal import QemuMonitor
package import Runtime

/// Reads the serial ports of all VMs of a node, and does so while the daemon is away.
///
/// QEMU throws away serial output that nobody reads, and its own log files never end: so a process that outlives the
/// daemon reads each port, keeps the last bytes of it in files (`CappedLog`) and passes them on to whoever watches. What
/// to read is told by the daemon after every start of either. Runs on one loop.
package actor ConsoleKeeper {
    private nonisolated let loop: EventLoop
    private let log = Logger(label: "uncloud.console-keeper")
    private var consoles: [String: Console] = [:]
    private var listener: Listener?
    private var stopped = false

    package nonisolated let unownedExecutor: UnownedSerialExecutor

    /// A keeper without consoles.
    package init(on loop: EventLoop) {
        self.loop = loop
        unownedExecutor = loop.asUnownedSerialExecutor()
    }

    /// Serves requests on a listening unix socket, which becomes the keeper's.
    package func listen(adopting descriptor: CInt) throws {
        listener = try Listener(adopting: descriptor, on: loop) { [weak self] in self?.accepted($0) }
    }

    private nonisolated func accepted(_ descriptor: CInt) {
        let connection = Connection(adopting: descriptor, on: loop)
        spawn(on: loop, "keeper client") { await self.serve(connection) }
    }

    /// Stops listening and reading; the logs stay.
    package func stop() {
        stopped = true
        listener?.close()
        listener = nil
        for console in consoles.values { console.stop() }
        consoles = [:]
    }

    // MARK: Requests

    private func serve(_ connection: Connection) async {
        guard !stopped, let peer = connection.peerCredentials(), peer.uid == geteuid() || peer.uid == 0 else {
            return connection.close()
        }
        var framer = LineFramer(limit: KeeperProtocol.lineLimit)
        do {
            while let bytes = try await connection.read() {
                for line in try framer.append(bytes.span) {
                    if try await answer(line, on: connection) == .streaming { return }
                }
            }
        } catch {
            log.debug("a client is gone", metadata: ["error": "\(error)"])
        }
        connection.close()
    }

    private enum Afterwards { case nextRequest, streaming }

    private func answer(_ line: [UInt8], on connection: Connection) async throws -> Afterwards {
        let request: KeeperRequest
        do {
            request = try decode(KeeperRequest.self, from: line)
        } catch {
            try await send(.refused("bad-request", "\(error)"), on: connection)
            return .nextRequest
        }
        if request.op == .stream {
            guard let console = consoles[request.uuid ?? ""] else {
                try await send(.refused("unknown-console", "no such console"), on: connection)
                return .nextRequest
            }
            await stream(console, request, on: connection)
            return .streaming
        }
        try await send(await perform(request), on: connection)
        return .nextRequest
    }

    private func send(_ answer: KeeperAnswer, on connection: Connection) async throws {
        try await connection.write(encode(answer) + [UInt8(ascii: "\n")])
    }

    private func perform(_ request: KeeperRequest) async -> KeeperAnswer {
        switch request.op {
        case .hello:
            return KeeperAnswer(ok: true, version: KeeperProtocol.version, pid: getpid())
        case .attach: return await attach(request)
        case .detach:
            consoles.removeValue(forKey: request.uuid ?? "")?.stop()
            return .done()
        case .list:
            return KeeperAnswer(ok: true, consoles: consoles.values.map { $0.info() }.sorted { $0.uuid < $1.uuid })
        case .stream: return .refused("bad-request", "a stream is no plain request")
        }
    }

    // MARK: Reading

    /// Begins to read a console. One that is known is connected again if it is not, or if its QEMU is a fresh one.
    private func attach(_ request: KeeperRequest) async -> KeeperAnswer {
        guard let uuid = request.uuid, let socket = request.socket, let log = request.log else {
            return .refused("bad-request", "attach needs uuid, socket and log")
        }
        let paths = Console.Paths(socket: socket, log: log, limit: request.limit ?? CappedLog.defaultLimit)
        let console: Console
        if let known = consoles[uuid], known.paths == paths {
            console = known
        } else {
            consoles.removeValue(forKey: uuid)?.stop()
            console = Console(uuid: uuid, paths: paths)
            consoles[uuid] = console
        }
        if console.connection == nil || request.fresh == true {
            let first = try? await Connection.connect(to: .unix(path: socket), on: loop, timeout: .seconds(1))
            guard consoles[uuid] === console, !stopped else {
                first?.close()
                return .refused("detached", "the console was detached meanwhile")
            }
            startReading(console, first)
        }
        if let pipe = request.errorPipe, let errorLog = request.errorLog {
            startReadingErrors(console, pipe, CappedLog(path: errorLog, limit: paths.limit))
        }
        return KeeperAnswer(ok: true, connected: console.connection != nil)
    }

    private func startReading(_ console: Console, _ first: Connection?) {
        console.connection = first
        console.generation += 1
        let reader = Reader(uuid: console.uuid, console: ObjectIdentifier(console), generation: console.generation)
        console.reader = spawn(on: loop, "console \(console.uuid)") { try await self.keepReading(reader, first) }
    }

    /// A reading task of a console.
    private struct Reader: Sendable {
        var uuid: String
        var console: ObjectIdentifier
        var generation: Int
    }

    /// The reader's console, unless that was detached.
    private func console(of reader: Reader) -> Console? {
        guard let console = consoles[reader.uuid], ObjectIdentifier(console) == reader.console else { return nil }
        return console
    }

    /// Reads until superseded or detached; after an end it connects again, ever more rarely while nobody listens.
    private func keepReading(_ reader: Reader, _ first: Connection?) async throws {
        var connection = first
        var pause = Duration.milliseconds(100)
        while true {
            if let open = connection {
                pause = .milliseconds(100)
                await readToEnd(reader, open)
            }
            guard console(of: reader)?.generation == reader.generation else { return }
            try await loop.sleep(for: pause)
            pause = min(pause * 2, .seconds(10))
            guard let console = console(of: reader), console.generation == reader.generation else { return }
            connection = try? await Connection.connect(
                to: .unix(path: console.paths.socket), on: loop, timeout: .seconds(1))
            guard self.console(of: reader)?.generation == reader.generation else {
                connection?.close()
                return
            }
            console.connection = connection
        }
    }

    private func readToEnd(_ reader: Reader, _ connection: Connection) async {
        do {
            while let bytes = try await connection.read(upTo: 65536), let console = console(of: reader) {
                console.take(bytes)
            }
        } catch {
            log.debug("a console's connection ended", metadata: ["vm": "\(reader.uuid)", "error": "\(error)"])
        }
        connection.close()
        if let console = console(of: reader), console.connection === connection { console.connection = nil }
    }

    /// Moves what QEMU writes to its standard error into its log, until QEMU is gone.
    private func startReadingErrors(_ console: Console, _ pipe: String, _ log: CappedLog) {
        console.errorReader?.cancel()
        let descriptor = open(pipe, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return }
        let connection = Connection(adopting: descriptor, on: loop)
        nonisolated(unsafe) let log = log  // SAFETY: from here on only the task below uses it, on this loop.
        console.errorReader = spawn(on: loop, "errors of \(console.uuid)") {
            while let bytes = try await connection.read() { log.append(bytes) }
        }
    }

    // MARK: Streams

    private func stream(_ console: Console, _ request: KeeperRequest, on connection: Connection) async {
        let stream = ConsoleStream(connection, takesInput: request.input ?? true)
        // Answer, replay and registration happen in one turn, so that no byte is missing or doubled between them.
        stream.send(((try? encode(KeeperAnswer.done())) ?? []) + [UInt8(ascii: "\n")])
        stream.send(console.log.tail(max(0, min(request.replay ?? 0, console.paths.limit))))
        console.add(stream)
        do {
            while let bytes = try await connection.read() {
                if stream.takesInput { try await console.connection?.write(bytes) }
            }
        } catch {
            log.debug("a stream ended", metadata: ["vm": "\(console.uuid)", "error": "\(error)"])
        }
        console.remove(stream)
    }
}
