internal import Runtime

/// A person or a script at a VM's console.
struct ConsoleDialogue: Sendable {
    var connection: Connection
    var terminal: Terminal

    /// The key that leaves: ^].
    private static let escape: UInt8 = 0x1d
    /// How long output still counts after input has ended.
    private static let silence: Duration = .seconds(1)

    /// Sends the lines, and prints what comes until the pattern is seen; without one, until the console is silent.
    ///
    /// - Throws: a failure of status `timedOut` where the pattern was not seen in time, `failed` where the console ended
    ///   first.
    func script(_ lines: [String], until pattern: ConsolePattern?, within deadline: Duration, name: String) async throws
    {
        for line in lines { try await connection.write(Array((line + "\n").utf8)) }
        guard let pattern else { return try await drain() }
        do {
            try await withDeadline(deadline, on: connection.loop, "the console of vm \(name)") {
                var pattern = pattern
                while let bytes = try await connection.read() {
                    terminal.write(bytes)
                    if pattern.take(bytes) { return }
                }
                throw CommandFailure(
                    .failed, "the console ended before --until was seen",
                    fix: "see: uncloud-node vm show \(name)")
            }
        } catch is DeadlineError {
            throw CommandFailure(
                .timedOut, "was not seen on the console of vm \(name) in \(TimeText.words(deadline))", field: "--until",
                fix: "see: uncloud-node vm log \(name), or wait longer with --timeout")
        }
    }

    /// Copies both ways until `^]` at a terminal, or the console's end, or the end of input and then silence.
    func attach(within deadline: Duration?) async throws {
        let raw = RawTerminal()
        defer { raw?.restore() }
        if raw != nil { terminal.tell("attached; ^] leaves\r") }
        let input = StandardInput(on: connection.loop)
        let output = spawn(on: connection.loop, "console output") {
            defer { input.bytes.finish() }
            while let bytes = try await connection.read() { terminal.write(bytes) }
        }
        let timer = deadline.map { connection.loop.schedule(after: $0) { input.bytes.finish() } }
        defer { timer?.cancel() }
        while let bytes = try await input.bytes.receive() {
            if raw != nil, let end = bytes.firstIndex(of: Self.escape) {
                if end > 0 { try await connection.write(Array(bytes[..<end])) }
                output.cancel()
                return
            }
            try await connection.write(bytes)
        }
        output.cancel()
        _ = await output.result
        if raw == nil { try await drain() }
    }

    /// Prints what comes until nothing does for a while.
    private func drain() async throws {
        while true {
            do {
                let bytes = try await withDeadline(Self.silence, on: connection.loop, "silence") {
                    try await connection.read()
                }
                guard let bytes else { return }
                terminal.write(bytes)
            } catch is DeadlineError {
                return
            }
        }
    }
}
