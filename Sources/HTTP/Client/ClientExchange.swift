internal import HTTPTypes
internal import Runtime

/// One request and its answer on a connection. Runs on the client's loop.
actor ClientExchange {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    enum State {
        case head
        case counted(Int64)
        case chunked(ChunkedDecoder)
        case untilClose
        case over
    }

    /// What a time-out is for.
    enum Phase: String {
        case head = "the answer's head"
        case reading = "the answer's next bytes"
        case writing = "the server to take the body"
        case whole = "the whole answer"
    }

    let configuration: ClientConfiguration
    let lease: Lease
    let limits = ParserLimits(maxHead: 256 * 1024, maxFields: 1000)
    var connection: Connection?
    var buffer: [UInt8] = []
    var state = State.head
    var trailers = HTTPFields()
    var keepsAlive = false
    /// The request went out whole.
    var isWritten = false
    /// What a streamed request of known length still owes.
    var owed: Int64?
    var requestTrailers: [UInt8] = []
    var bodyTask: Task<Void, any Error>?
    /// What the request's streamed body failed with.
    var bodyFailure: (any Error)?
    private var timers: [Phase: ScheduledTimer] = [:]
    /// The time that was over, and for which the connection was closed.
    private var expired: Phase?

    init(_ connection: Connection, _ lease: Lease, _ configuration: ClientConfiguration) {
        loop = connection.loop
        self.connection = connection
        self.lease = lease
        self.configuration = configuration
    }

    deinit {
        for timer in timers.values { timer.cancel() }
        bodyTask?.cancel()
    }

    /// Nothing of an answer had come when the connection ended: if it had been idle, the server closed it before it saw
    /// the request, or could have seen it; or something had come on it that was no answer to any request.
    struct NothingCame: Error { var cause: (any Error)? }

    /// Sends the request and waits for the answer's head.
    func send(
        _ bytes: [UInt8], isHead: Bool, isKept: Bool = false, expectsUpgrade: Bool = false,
        stream: RequestStream? = nil, deadline: ContinuousClock.Instant? = nil
    ) async throws -> (Int, HTTPFields) {
        guard let connection else { throw ClientError(.interrupted, "the connection is closed") }
        if let deadline { arm(.whole, ContinuousClock.now.duration(to: deadline)) }
        do {
            if isKept, !connection.wake() { throw NothingCame() }
            try await write(bytes, stream, to: connection)
            while true {
                let head = try await readHead(connection, bytewise: expectsUpgrade)
                let fields = self.fields(head)
                buffer.removeFirst(head.end)
                if head.status == 101, expectsUpgrade {
                    disarm(.head)
                    return (101, fields)
                }
                // Who has not asked for another protocol can't go on with one: RFC 9110, section 15.2.2.
                guard head.status != 101 else {
                    throw ClientError(.badAnswer, "the server changes the protocol, for which nobody has asked it")
                }
                if head.status < 200 { continue }
                disarm(.head)
                begin(head, isHead: isHead)
                return (head.status, fields)
            }
        } catch {
            abandon()
            throw error
        }
    }

    private func readHead(_ connection: Connection, bytewise: Bool) async throws -> ResponseHead {
        var parser = ResponseParser()
        while true {
            if !buffer.isEmpty {
                switch parser.parse(buffer.span, limits: limits) {
                case .complete: return parser.head
                case .failed(let code):
                    throw ClientError(.badAnswer, "the server's answer is malformed", cause: MessageError(code))
                case .incomplete: break
                }
            }
            let piece: [UInt8]?
            do {
                // What follows a 101 isn't ours: its head is read to the last byte and no further.
                piece = try await connection.read(upTo: bytewise ? 1 : 65_536)
            } catch let error as UVError {
                throw lost(error)
            }
            guard let piece else { throw lost(nil) }
            buffer += piece
        }
    }

    private func lost(_ cause: UVError?) -> any Error {
        if let reason = ownEnd { return reason }
        if buffer.isEmpty { return NothingCame(cause: cause) }
        return ClientError(.interrupted, "the connection ended inside the answer", cause: cause)
    }

    /// Why this side closed the connection; nil if it did not.
    var ownEnd: (any Error)? {
        if let expired { return ClientError(.timedOut, "waiting for \(expired.rawValue) took too long") }
        return bodyFailure
    }

    private func fields(_ head: ResponseHead) -> HTTPFields {
        var fields = HTTPFields()
        fields.reserveCapacity(head.fieldCount)
        let bytes = buffer.span
        var start = head.fieldsStart
        while case .field(let line, let next) = FieldLine.parse(bytes, at: start) {
            fields.append(bytes.extracting(line.name), bytes.extracting(line.value))
            start = next
        }
        return fields
    }

    /// The connection after a 101.
    func takeConnection() -> Connection? {
        defer { connection = nil }
        state = .over
        disarmAll()
        lease.end(keeping: nil)
        return connection
    }

    // MARK: - Time

    /// Starts a phase's time anew; nil gives it for ever.
    func arm(_ phase: Phase, _ duration: Duration?) {
        guard let duration else { return }
        timers[phase]?.cancel()
        timers[phase] = loop.schedule(after: duration) { [weak self] in
            self?.assumeIsolated { $0.expire(phase) }
        }
    }

    func disarm(_ phase: Phase) { timers.removeValue(forKey: phase)?.cancel() }

    func disarmAll() {
        for timer in timers.values { timer.cancel() }
        timers = [:]
    }

    private func expire(_ phase: Phase) {
        guard let connection else { return }
        expired = phase
        connection.close()
    }
}
