/// No address of a host could be connected to.
public struct HostConnectError: Error, Sendable, CustomStringConvertible {
    /// The host's name and the port.
    public let target: String
    /// What went wrong with each look-up and attempt, in their order: `ResolutionError`, `UVError`, `SystemError`.
    public let causes: [any Error]

    /// "connect to example.test:80: connect to [::1]:80: connection refused; ...".
    public var description: String {
        let reasons = causes.map { "\($0)" }.joined(separator: "; ")
        return "connect to \(target): \(reasons.isEmpty ? "the name has no address" : reasons)"
    }
}

extension Connection {
    /// Connects to a host by its name, or to an address as text: the first attempt that connects wins (RFC 8305).
    ///
    /// IPv6 and IPv4 addresses are looked up at the same time and tried alternately, beginning with IPv6; the next attempt
    /// starts when the one before has failed, or after a quarter of a second. Whatever else is under way when one connects is
    /// closed.
    ///
    /// - Parameters:
    ///   - host: a name, or an IPv4 or IPv6 address without brackets.
    ///   - port: the TCP port.
    ///   - loop: where the connection lives.
    ///   - timeout: how long at most, look-up included.
    ///   - options: set on the socket.
    ///   - resolver: who looks names up.
    ///   - pacing: the RFC's delays.
    ///   - isolation: the caller's actor, on whose executor this waits.
    /// - Returns: the connection.
    /// - Throws: `HostConnectError` when all failed, `DeadlineError` after `timeout`, `CancellationError` at once. Nothing is
    ///   left open then.
    public static func connect(
        toHost host: String, port: UInt16, on loop: EventLoop, timeout: Duration = .seconds(10),
        options: TCPOptions = TCPOptions(),
        resolver: any AddressResolver = SystemResolver.shared, pacing: ConnectPacing = ConnectPacing(),
        isolation: isolated (any Actor)? = #isolation
    ) async throws -> Connection {
        let descriptor = try await connectedDescriptor(
            toHost: host, port: port, on: loop, timeout: timeout, resolver: resolver, pacing: pacing)
        return Connection(adopting: descriptor, on: loop, options: options)
    }

    /// As `connect(toHost:)`, for whoever makes a stream of callbacks of it: the descriptor is the caller's.
    package static func connectedDescriptor(
        toHost host: String, port: UInt16, on loop: EventLoop, timeout: Duration = .seconds(10),
        resolver: any AddressResolver = SystemResolver.shared, pacing: ConnectPacing = ConnectPacing(),
        isolation: isolated (any Actor)? = #isolation
    ) async throws -> CInt {
        try Task.checkCancellation()
        if let address = SocketAddress(literal: host, port: port) {
            return try await connectedDescriptor(to: address, on: loop, timeout: timeout)
        }
        let outcome = OneShot<CInt>()
        let place = Handover<HostConnect>()
        loop.run {
            if outcome.isClaimed { return }
            let connect = HostConnect(host, port, on: loop, pacing: pacing, outcome: outcome)
            place.value = connect
            connect.start(resolver, timeout: timeout)
        }
        return try await outcome.cancellableValue { loop.execute { place.value?.end() } }
    }
}

/// A connect to a name under way. On the loop only; it keeps itself alive until it has an outcome.
private final class HostConnect: @unchecked Sendable {
    // SAFETY: all members are used on the loop's thread: its look-ups are tasks of the loop, in no actor.
    private let host: String
    private let port: UInt16
    private let loop: EventLoop
    private let pacing: ConnectPacing
    private let outcome: OneShot<CInt>
    private var state = EyeballsState()
    private var lookups: [Task<Void, any Error>] = []
    private var attempts: [ConnectAttempt] = []
    private var timers: [ScheduledTimer] = []
    private var attemptTimer: ScheduledTimer?
    private var isOver = false

    init(_ host: String, _ port: UInt16, on loop: EventLoop, pacing: ConnectPacing, outcome: OneShot<CInt>) {
        self.host = host
        self.port = port
        self.loop = loop
        self.pacing = pacing
        self.outcome = outcome
    }

    private var target: String { "\(host):\(port)" }

    func start(_ resolver: any AddressResolver, timeout: Duration) {
        let (host, port, target) = (host, port, target)
        let late = DeadlineError(what: "connect to \(target)", duration: timeout)
        timers.append(
            loop.schedule(after: timeout, onAbandon: { self.end(.failure(UVError.cancelled("connect to \(target)"))) })
            {
                self.end(.failure(late))
            })
        for family in AddressFamily.allCases {
            lookups.append(
                spawn(on: loop, "look up \(host)") {
                    let result: Result<[SocketAddress], any Error>
                    do {
                        result = .success(try await resolver.addresses(of: host, port: port, family: family))
                    } catch {
                        result = .failure(error)
                    }
                    self.loop.run { if !self.isOver { self.perform(self.state.resolved(family, result)) } }
                })
        }
    }

    /// Once: frees everything; a descriptor is closed unless somebody takes it. True if that was done here.
    @discardableResult
    func end(_ result: Result<CInt, any Error>? = nil) -> Bool {
        if isOver { return false }
        isOver = true
        let taken = result.map { outcome.resolve($0) } ?? false
        for lookup in lookups { lookup.cancel() }
        for timer in timers { timer.cancel() }
        attemptTimer?.cancel()
        for attempt in attempts { attempt.abandon() }
        (lookups, attempts, timers, attemptTimer) = ([], [], [], nil)
        return taken
    }

    private func perform(_ actions: [EyeballsState.Action]) {
        for action in actions where !isOver {
            switch action {
            case .attempt(let address): attempt(address)
            case .awaitResolution:
                timers.append(
                    loop.schedule(after: pacing.resolutionDelay) {
                        if !self.isOver { self.perform(self.state.resolutionDelayPassed()) }
                    })
            case .fail: end(.failure(HostConnectError(target: target, causes: state.failures)))
            }
        }
    }

    private func attempt(_ address: SocketAddress) {
        attemptTimer?.cancel()
        attemptTimer = loop.schedule(after: pacing.attemptDelay) {
            if !self.isOver { self.perform(self.state.attemptDelayPassed()) }
        }
        let attempt = ConnectAttempt(address, on: loop, timeout: nil, isWanted: { !self.outcome.isClaimed }) { result in
            if self.isOver { return false }
            switch result {
            case .success: return self.end(result)
            case .failure(let error):
                // Not within the attempt's own call, whose object may not be kept yet.
                self.loop.execute { if !self.isOver { self.perform(self.state.failed(address, error)) } }
                return false
            }
        }
        if isOver { return }
        attempts.append(attempt)
    }
}
