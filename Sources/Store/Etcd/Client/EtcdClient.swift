internal import Runtime

/// etcd's client: one connection to one member at a time, another when that fails, the user's token, and what every answer is
/// held against.
///
/// An actor of its loop: nothing of it runs elsewhere, and whoever calls from another loop waits there.
actor EtcdClient {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    nonisolated let configuration: EtcdConfiguration
    /// What answers are held against.
    nonisolated let answers: Locked<AnswerCheck>
    var pool: EndpointPool
    private(set) var security: EtcdSecurity?
    private var current: EtcdLink?
    /// Those who wait for a connection.
    private var waiting: [UInt64: Ticket<EtcdLink>] = [:]
    private var nextWaiter: UInt64 = 0
    private var connector: Task<Void, any Error>?
    private var connectFailure: StoreError?
    /// The user's token, once etcd has given one.
    var token: String?
    var login: Task<String?, any Error>?
    /// Whether etcd has said that nobody has to log in.
    var isLoginUnasked = false

    private(set) var isClosed = false
    /// Calls under way; those that may be ended by `close` are also in `interruptible`.
    private var underway = 0
    private var interruptible: [ObjectIdentifier: GRPCCall] = [:]
    private var closing: [Ticket<Void>] = []

    init(_ configuration: EtcdConfiguration, endpoints: [EtcdEndpoint], cluster: UInt64?, on loop: EventLoop) {
        self.loop = loop
        self.configuration = configuration
        security = configuration.security
        pool = EndpointPool(endpoints)
        answers = Locked(AnswerCheck(cluster: cluster, highest: configuration.seenRevision))
    }

    /// Where it is connected, if it is.
    var endpoint: EtcdEndpoint? { current?.endpoint }

    /// Speaks TLS with this from now on: new connections alone, and calls from now on get one.
    func use(_ security: EtcdSecurity) {
        self.security = security
        current?.connection.retire()
        current = nil
    }

    // MARK: Calls that are under way

    /// Counts a call, so that `close` waits for it.
    func began() throws(StoreError) {
        if isClosed { throw .closed }
        underway += 1
    }

    func ended() {
        underway -= 1
        guard isClosed, underway == 0 else { return }
        for ticket in closing { ticket.settle(.success(())) }
        closing = []
    }

    /// Lets `close` end a call that changes nothing.
    func register(_ call: GRPCCall) { interruptible[ObjectIdentifier(call)] = call }
    func unregister(_ call: GRPCCall) { interruptible[ObjectIdentifier(call)] = nil }

    /// Refuses new calls, ends reads and watches, waits for the writes under way, and closes the connection.
    func close() async {
        isClosed = true
        connector?.cancel()
        for ticket in waiting.values { ticket.settle(.failure(StoreError.closed)) }
        for call in interruptible.values { call.finish(.cancelled) }
        if underway > 0 {
            let ticket = Ticket<Void>()
            closing.append(ticket)
            try? await ticket.value()
        }
        current?.connection.close("the store was closed")
        current = nil
    }

    // MARK: Connections

    /// A connection that takes requests, as soon as there is one.
    ///
    /// - Parameters:
    ///   - deadline: until when, in the loop's time.
    ///   - heedsCancellation: whether a cancelled task waits no longer.
    /// - Returns: the connection.
    /// - Throws: `StoreError` (`unavailable`, `closed`); `CancellationError`.
    func connected(until deadline: Duration, heedsCancellation: Bool) async throws -> EtcdLink {
        if let current, current.connection.isUsable { return current }
        current = nil
        if isClosed { throw StoreError.closed }
        let ticket = Ticket<EtcdLink>()
        nextWaiter += 1
        let id = nextWaiter
        waiting[id] = ticket
        startConnecting()
        let timer = loop.schedule(after: max(deadline - loop.now, .zero)) {
            ticket.settle(.failure(GRPCFailure.deadline))
        }
        defer {
            timer.cancel()
            waiting[id] = nil
        }
        do {
            guard heedsCancellation else { return try await ticket.value() }
            return try await withTaskCancellationHandler {
                try await ticket.value()
            } onCancel: {
                ticket.settle(.failure(CancellationError()))
            }
        } catch is GRPCFailure {
            throw connectFailure ?? StoreError(.unavailable, "etcd can't be reached")
        }
    }

    /// The member does not do its work: calls from now on go elsewhere, those under way end by themselves.
    func abandon(_ link: EtcdLink) {
        pool.failed(link.endpoint, at: loop.now)
        link.connection.retire()
        if link === current { current = nil }
    }

    private func startConnecting() {
        guard connector == nil else { return }
        connector = spawn(on: loop, "etcd.connect") { await self.connect() }
    }

    /// Tries one member after the other, as long as somebody waits.
    private func connect() async {
        defer { connector = nil }
        while !isClosed, !waiting.isEmpty {
            switch pool.next(at: loop.now) {
            case .wait(let pause): try? await loop.sleep(for: pause)
            case .connect(let endpoint):
                do {
                    let link = try await EtcdLink.connect(to: endpoint, configuration, security, on: loop)
                    if configuration.followsMembers, await !isMember(link) {
                        link.connection.close("\(endpoint) belongs to another cluster")
                        pool.drop(endpoint)
                        continue
                    }
                    didConnect(link)
                    return
                } catch {
                    pool.failed(endpoint, at: loop.now)
                    connectFailure = error as? StoreError ?? EtcdFailure.unavailable(error, endpoint.description)
                }
            }
        }
    }

    private func didConnect(_ link: EtcdLink) {
        guard !isClosed else { return link.connection.close("the store was closed") }
        current = link
        connectFailure = nil
        for ticket in waiting.values { ticket.settle(.success(link)) }
        waiting = [:]
    }
}
