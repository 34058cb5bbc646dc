public import JSON
internal import Logging
public import Runtime

/// A session with one QEMU's monitor (QMP).
///
/// Commands are matched to answers by id, each with a deadline of its own, so that a QEMU that hangs costs its callers
/// an error and nobody else anything. The socket is read at all times, whether or not anyone reads `events`: what QEMU
/// can't write it keeps in memory without end. Runs on `loop`; every function may be called from any task. The owner
/// calls `close` at the end; before that the session holds itself alive.
public actor Monitor {
    /// The loop that the session runs on.
    public nonisolated let loop: EventLoop
    /// The name for logs.
    public nonisolated let label: String
    /// What happens in QEMU; one reader. Finishes when the session ends. A slow reader loses events and is told so by
    /// `MonitorEvent.lagged`.
    public nonisolated let events: AsyncChannel<MonitorEvent>

    /// The loop, as the executor of this actor.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    struct Waiting {
        var continuation: CheckedContinuation<JSONValue, any Error>
        var timer: ScheduledTimer
    }

    static let eventCapacity = 256

    let connection: Connection
    let log: Logger
    var state = MonitorState()
    private var framer: LineFramer
    private var waiting: [Int64: Waiting] = [:]
    private var outgoing: [[UInt8]] = []
    private var writing = false
    private var lost = 0
    private var ready: CheckedContinuation<Void, any Error>?
    private var closedByUs = false
    var watchers = MonitorWatchers()

    init(over connection: Connection, label: String, lineLimit: Int) {
        self.connection = connection
        loop = connection.loop
        self.label = label
        events = AsyncChannel(capacity: Self.eventCapacity)
        framer = LineFramer(limit: lineLimit)
        var log = Logger(label: "uncloud.monitor")
        log[metadataKey: "vm"] = .string(label)
        self.log = log
    }

    /// What the session has done so far.
    public var counters: MonitorCounters { state.counters }

    /// What QEMU said of itself; nil before its greeting.
    public var greeting: MonitorGreeting? { state.greeting }

    /// Sends a command and waits for its answer.
    ///
    /// - Parameters:
    ///   - command: such as `query-status`.
    ///   - arguments: an object, or nil for none.
    ///   - deadline: how long the answer may take. After it the command may still take effect: query.
    /// - Returns: the member `return` of the answer.
    /// - Throws: `MonitorError` (`refused`, `timeout`, `closed`, `busy`); `CancellationError` if the task is cancelled,
    ///   at once, while QEMU may still carry the command out.
    public func execute(
        _ command: String, _ arguments: JSONValue? = nil, within deadline: Duration = .seconds(10)
    ) async throws -> JSONValue {
        try Task.checkCancellation()
        let (id, line) = try state.begin(command, arguments)
        return try await CrashPoint.around("qmp \(label) \(command)") {
            try await answer(id, line, within: deadline)
        }
    }

    /// Sends a command's line and waits for what comes of it.
    private func answer(_ id: Int64, _ line: [UInt8], within deadline: Duration) async throws -> JSONValue {
        let loop = loop
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let timer = loop.schedule(after: deadline) { [weak self] in
                    self?.assumeIsolated { $0.expire(id, after: deadline) }
                }
                waiting[id] = Waiting(continuation: continuation, timer: timer)
                send(line)
            }
        } onCancel: {
            // The next turn of the loop comes after the registration above, which doesn't suspend.
            loop.execute { [weak self] in
                self?.assumeIsolated { $0.resolve(id, with: .failure(CancellationError())) }
            }
        }
    }

    /// Ends the session. Commands in flight fail with `closed`; `events` finishes. QEMU itself goes on.
    public func close() async {
        closedByUs = true
        end(MonitorError(.closed, "the session was closed on this side"))
    }

    // MARK: The start

    /// Reads until the session is ready for commands.
    func negotiate(within deadline: Duration) async throws {
        spawn(on: loop, "monitor \(label)") { await self.readAll() }
        let timer = loop.schedule(after: deadline) { [weak self] in
            self?.assumeIsolated { $0.startTimedOut(deadline) }
        }
        defer { timer.cancel() }
        let loop = loop
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                if case .closed(let reason) = state.phase { return continuation.resume(throwing: reason) }
                ready = continuation
            }
        } onCancel: {
            loop.execute { [weak self] in
                self?.assumeIsolated { $0.cancelStart() }
            }
        }
    }

    private func startTimedOut(_ deadline: Duration) {
        guard ready != nil else { return }
        let missing = state.phase == .awaitingGreeting
        end(
            MonitorError(
                missing ? .noGreeting : .timeout,
                missing
                    ? "no greeting within \(deadline): QEMU hangs, or another client holds its monitor"
                    : "no answer to qmp_capabilities within \(deadline)"))
    }

    private func cancelStart() {
        guard let ready else { return }
        self.ready = nil
        end(MonitorError(.closed, "the connecting task was cancelled"))
        ready.resume(throwing: CancellationError())
    }

    private func becomeReady() {
        ready?.resume()
        ready = nil
    }

    // MARK: Reading

    private func readAll() async {
        do {
            while let bytes = try await connection.read(upTo: 65536) {
                try receive(bytes)
            }
            end(MonitorError(.closed, "QEMU closed the monitor"))
        } catch let error as MonitorError {
            log.warning("the monitor is given up", metadata: ["error": "\(error)"])
            end(error)
        } catch {
            // A QEMU that dies with unread input makes ECONNRESET of what is an end of file.
            end(MonitorError(.closed, "the monitor's connection broke: \(error)"))
        }
    }

    private func receive(_ bytes: [UInt8]) throws {
        state.countBytes(bytes.count)
        for line in try framer.append(bytes.span) {
            perform(state.receive(try MonitorMessage(decoding: line)))
        }
    }

    private func perform(_ action: MonitorState.Action) {
        switch action {
        case .none: break
        case .negotiate(_, let line): send(line)
        case .finish(let id, .result(let value)):
            if ready != nil, state.phase == .ready { becomeReady() }
            resolve(id, with: .success(value))
        case .finish(let id, .failure(let error)):
            if ready != nil { end(error) }
            resolve(id, with: .failure(error))
        case .emit(let event):
            emit(event)
            if state.shutdown != nil { watchers.shutdownSeen(state.shutdown) }
        }
    }

    private func emit(_ event: MonitorEvent) {
        if lost > 0, events.trySend(.lagged(dropped: lost)) { lost = 0 }
        if lost > 0 || !events.trySend(event) {
            lost += 1
            state.countLostEvent()
        }
    }

    // MARK: Writing

    /// Queues a line. Writing never holds up a caller: a QEMU that doesn't read is met by the command's deadline.
    private func send(_ line: [UInt8]) {
        outgoing.append(line)
        guard !writing else { return }
        writing = true
        spawn(on: loop, "monitor write \(label)") { await self.writeAll() }
    }

    private func writeAll() async {
        defer { writing = false }
        while !outgoing.isEmpty {
            let bytes = outgoing.count == 1 ? outgoing[0] : Array(outgoing.joined())
            outgoing = []
            do {
                try await connection.write(bytes)
            } catch {
                // The reader sees the same end, with what QEMU said before it.
                return
            }
        }
    }

    // MARK: The end

    private func expire(_ id: Int64, after deadline: Duration) {
        resolve(id, with: .failure(state.abandon(id, after: deadline)))
    }

    private func resolve(_ id: Int64, with result: Result<JSONValue, any Error>) {
        guard let waiting = waiting.removeValue(forKey: id) else { return }
        waiting.timer.cancel()
        waiting.continuation.resume(with: result)
    }

    private func end(_ reason: MonitorError) {
        if case .closed = state.phase { return }
        connection.close()
        for (id, error) in state.close(reason) { resolve(id, with: .failure(error)) }
        outgoing = []
        if lost > 0 { _ = events.trySend(.lagged(dropped: lost)) }
        events.finish()
        ready?.resume(throwing: reason)
        ready = nil
        watchers.ended(MonitorEnding(reason: reason, byUs: closedByUs, shutdown: state.shutdown))
    }
}
