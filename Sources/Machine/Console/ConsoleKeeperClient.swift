internal import JSON
package import Runtime

/// Talks to the console keeper; a connection for each request, so that a keeper started anew needs no care.
package struct ConsoleKeeperClient: Sendable {
    /// RUN/keeper.sock.
    package let path: String
    private let loop: EventLoop
    private let deadline: Duration

    /// A client of the keeper at this socket; connects when asked something.
    package init(path: String, on loop: EventLoop, within deadline: Duration = .seconds(5)) {
        self.path = path
        self.loop = loop
        self.deadline = deadline
    }

    /// What an attach looks after.
    package enum Attachment: Sendable {
        /// The serial port of a QEMU that is about to be executed; its socket listens already.
        case launching
        /// Serial port and errors of a QEMU that runs.
        case running
    }

    /// Tells the keeper to read a machine's serial port and errors. After every start of keeper or daemon, for each VM.
    ///
    /// - Parameters:
    ///   - uuid: the VM.
    ///   - directory: the machine's directory, which must be absolute.
    ///   - attachment: whether QEMU is about to start or runs.
    ///   - limit: what each of its logs keeps, in bytes.
    /// - Returns: whether the serial port is connected; if not, the keeper goes on trying.
    /// - Throws: `MachineError` with the code `keeper`.
    @discardableResult
    package func attach(
        uuid: String, directory: MachineDirectory, _ attachment: Attachment, limit: Int? = nil
    ) async throws -> Bool {
        var request = KeeperRequest(.attach, uuid: uuid)
        request.socket = directory.consoleSocket
        request.log = directory.consoleLog
        request.limit = limit
        switch attachment {
        case .launching: request.fresh = true
        case .running:
            request.errorPipe = directory.errorPipe
            request.errorLog = directory.log
        }
        return try await ask(request, patiently: true).connected ?? false
    }

    /// Tells the keeper to forget a VM. Its logs stay; its streams end.
    package func detach(uuid: String) async throws {
        _ = try await ask(KeeperRequest(.detach, uuid: uuid))
    }

    /// What the keeper reads, sorted by uuid.
    package func list() async throws -> [ConsoleInfo] {
        try await ask(KeeperRequest(.list)).consoles ?? []
    }

    /// Asks the keeper who it is; proves that it answers.
    package func hello() async throws -> (pid: Int32, version: Int64) {
        let answer = try await ask(KeeperRequest(.hello))
        return (answer.pid ?? 0, answer.version ?? 0)
    }

    /// Opens a stream of a VM's console.
    ///
    /// - Parameters:
    ///   - uuid: the VM; it must have been attached.
    ///   - replay: how many of the last bytes to send first; no byte is missing between them and the live ones.
    ///   - input: whether what is written reaches the guest. Several streams may.
    /// - Returns: the console's bytes both ways; closing it detaches. A slow reader finds a note about skipped bytes.
    /// - Throws: `MachineError` with the code `keeper`.
    package func stream(uuid: String, replay: Int = 0, input: Bool = true) async throws -> Connection {
        var request = KeeperRequest(.stream, uuid: uuid)
        request.replay = replay
        request.input = input
        let asked = request
        return try await withKeeper { connection in
            _ = try await Self.ask(asked, on: connection)
            return connection
        }
    }

    private func ask(_ request: KeeperRequest, patiently: Bool = false) async throws -> KeeperAnswer {
        try await withKeeper(patiently) { connection in
            defer { connection.close() }
            return try await Self.ask(request, on: connection)
        }
    }

    /// Connects and asks. Patiently: a keeper that is just being started anew is waited for, within the deadline.
    private func withKeeper<T: Sendable>(
        _ patiently: Bool = false, _ body: @escaping @Sendable (Connection) async throws -> T
    ) async throws -> T {
        let (path, loop, deadline) = (path, loop, deadline)
        let end = ContinuousClock.now + deadline
        do {
            return try await withDeadline(deadline, on: loop, "the console keeper's answer") {
                while true {
                    do {
                        return try await body(
                            try await Connection.connect(to: .unix(path: path), on: loop, timeout: deadline))
                    } catch let error as UVError where patiently && error.isRefused && ContinuousClock.now < end {
                        try await loop.sleep(for: .milliseconds(50))
                    }
                }
            }
        } catch let error as MachineError {
            throw error
        } catch let error as CancellationError {
            throw error
        } catch {
            throw MachineError(.keeper, "the console keeper at \(path) can't be asked: \(error)")
        }
    }

    private static func ask(_ request: KeeperRequest, on connection: Connection) async throws -> KeeperAnswer {
        try await connection.write(encode(request) + [UInt8(ascii: "\n")])
        var line: [UInt8] = []
        // A byte at a time: what follows the answer to `stream` is the console's. The connection reads ahead by itself.
        while let byte = try await connection.read(upTo: 1)?.first {
            if byte == UInt8(ascii: "\n") {
                let answer = try decode(KeeperAnswer.self, from: line)
                guard answer.ok else {
                    throw MachineError(.keeper, answer.message ?? answer.code ?? "the console keeper refused")
                }
                return answer
            }
            guard line.count < KeeperProtocol.lineLimit else { break }
            line.append(byte)
        }
        throw MachineError(.keeper, "the console keeper closed without an answer")
    }
}
