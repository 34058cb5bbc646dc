internal import JSON

/// A monitor session without its socket and clock: messages in, actions out.
struct MonitorState {
    /// Where the session stands.
    enum Phase: Equatable {
        /// Connected; QEMU has not spoken yet. Goes to `negotiating` or `closed`.
        case awaitingGreeting
        /// `qmp_capabilities` is under way with this id. Goes to `ready` or `closed`.
        case negotiating(Int64)
        /// Commands may be sent. Goes to `closed`.
        case ready
        /// Over, for this reason.
        case closed(MonitorError)
    }

    /// What the session wants done after a message.
    enum Action: Equatable {
        case none
        /// The greeting came: send the line, which is the command with that id.
        case negotiate(id: Int64, line: [UInt8])
        /// The command with this id has its outcome.
        case finish(id: Int64, Outcome)
        case emit(MonitorEvent)
    }

    enum Outcome: Equatable {
        case result(JSONValue)
        case failure(MonitorError)
    }

    /// The most commands that may wait for their answer, those included whose caller has given up.
    static let maximumUnanswered = 128

    private(set) var phase = Phase.awaitingGreeting
    private(set) var greeting: MonitorGreeting?
    /// The first SHUTDOWN event. An end of the stream without one is a crash.
    private(set) var shutdown: MonitorShutdown?
    private(set) var counters = MonitorCounters()
    private var unanswered: [Int64: String] = [:]
    private var nextID: Int64 = 1

    /// Takes one message, in the order of the stream.
    mutating func receive(_ message: MonitorMessage) -> Action {
        if case .closed = phase { return .none }
        switch message {
        case .greeting(let greeting): return receive(greeting)
        case .result(let id, let value): return finish(id) { _ in .result(value) }
        case .failure(let id, let errorClass, let text):
            return finish(id) {
                .failure(MonitorError(.refused, text, command: $0, errorClass: errorClass))
            }
        case .event(let name, let data, _):
            counters.events += 1
            let event = MonitorEvent(name: name, data: data)
            if case .shutdown(let guest, let reason) = event, shutdown == nil {
                shutdown = MonitorShutdown(guest: guest, reason: reason)
            }
            return .emit(event)
        case .unknown:
            counters.dropped += 1
            return .none
        }
    }

    /// Registers a command.
    ///
    /// - Returns: its id and the line to send.
    /// - Throws: `MonitorError` if the session is not ready or QEMU answers too few.
    mutating func begin(_ command: String, _ arguments: JSONValue?) throws(MonitorError) -> (id: Int64, line: [UInt8]) {
        switch phase {
        case .closed(let reason): throw reason.about(command)
        case .awaitingGreeting: throw MonitorError(.noGreeting, "the monitor is not ready yet", command: command)
        case .negotiating, .ready: break
        }
        guard unanswered.count < Self.maximumUnanswered else {
            throw MonitorError(.busy, "\(unanswered.count) commands are unanswered already", command: command)
        }
        return register(command, arguments)
    }

    /// Says that the caller of a command waits no more; its answer will be dropped.
    func abandon(_ id: Int64, after deadline: Duration) -> MonitorError {
        MonitorError(.timeout, "no answer within \(deadline)", command: unanswered[id])
    }

    /// Ends the session. Only the first reason counts.
    ///
    /// - Returns: the commands that were unanswered, with the error of each.
    mutating func close(_ reason: MonitorError) -> [(id: Int64, error: MonitorError)] {
        if case .closed = phase { return [] }
        phase = .closed(reason)
        defer { unanswered = [:] }
        return unanswered.map { ($0.key, reason.about($0.value)) }
    }

    mutating func countBytes(_ count: Int) { counters.bytes += count }

    mutating func countLostEvent() { counters.lostEvents += 1 }

    private mutating func receive(_ greeting: MonitorGreeting) -> Action {
        guard phase == .awaitingGreeting else {
            counters.dropped += 1
            return .none
        }
        self.greeting = greeting
        let (id, line) = register("qmp_capabilities", nil)
        phase = .negotiating(id)
        return .negotiate(id: id, line: line)
    }

    private mutating func finish(_ id: JSONValue?, _ outcome: (String) -> Outcome) -> Action {
        guard let id = id?.intValue, let command = unanswered.removeValue(forKey: Int64(id)) else {
            counters.dropped += 1
            return .none
        }
        let outcome = outcome(command)
        if phase == .negotiating(Int64(id)), case .result = outcome { phase = .ready }
        return .finish(id: Int64(id), outcome)
    }

    private mutating func register(_ command: String, _ arguments: JSONValue?) -> (id: Int64, line: [UInt8]) {
        let id = nextID
        nextID += 1
        unanswered[id] = command
        counters.commands += 1
        var object: [String: JSONValue] = ["execute": .string(command), "id": .int(id)]
        object["arguments"] = arguments
        return (id, JSONValue.object(object).encoded() + [UInt8(ascii: "\n")])
    }
}

extension MonitorError {
    /// The same error, told of a command.
    func about(_ command: String) -> MonitorError {
        var error = self
        error.command = command
        return error
    }
}
