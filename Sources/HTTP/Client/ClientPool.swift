public import Runtime

/// Connections kept alive for the next request, by origin (address and host), and a limit of how many there are.
///
/// A `Client` has one of its own unless several share one. May be used from any thread.
public final class ClientPool: Sendable {
    /// Where its connections live.
    public let loop: EventLoop
    /// What makes its connections: a pool of its own for each kind, so that nothing meant for a secured connection goes by
    /// another.
    public let connector: any Connector
    /// How long a connection is kept without a request.
    public let idleTimeout: Duration

    typealias Waiter = AsyncChannel<PoolSlot<Connection>>

    private let state: Locked<PoolState<Connection, Waiter>>
    private let pruning = Locked(false)
    private let start = ContinuousClock.now

    /// An empty pool.
    ///
    /// - Parameters:
    ///   - loop: where connections live; clients that share the pool are of this loop.
    ///   - maxIdle: connections kept for each origin; more are closed.
    ///   - maxConnections: connections at a time for each origin, kept ones included; who wants one more waits for his turn.
    ///   - idleTimeout: how long a connection is kept. Shorter than the server's, it spares requests that meet its end.
    ///   - connector: what connects: `TLSClientContext.connector` for https.
    public init(
        on loop: EventLoop, maxIdle: Int = 8, maxConnections: Int = 64, idleTimeout: Duration = .seconds(30),
        connector: any Connector = PlainConnector()
    ) {
        precondition(maxIdle >= 0 && maxConnections > 0, "a pool for at least one connection")
        self.loop = loop
        self.connector = connector
        self.idleTimeout = idleTimeout
        state = Locked(PoolState(maxIdle: maxIdle, maxConnections: maxConnections))
    }

    /// How many connections are in use, upgraded ones left out, and how many are kept.
    public var counts: (used: Int, idle: Int) { state.withLock { $0.counts } }

    /// Closes what is kept, and keeps nothing from now on. Requests under way go on, later ones get fresh connections.
    public func close() {
        for connection in state.withLock({ $0.close() }) { connection.close() }
    }

    /// A place for an exchange, as soon as there is one; heeds cancellation.
    ///
    /// - Parameters:
    ///   - origin: where to.
    ///   - takesKept: whether a kept connection will do.
    /// - Returns: the place, and the kept connection if it has one.
    /// - Throws: `CancellationError`.
    func take(_ origin: Origin, takesKept: Bool) async throws -> (Lease, Connection?) {
        let waiter = Waiter(capacity: 1)
        let (now, surplus) = state.withLock { $0.take(origin, takesKept: takesKept, waiter) }
        surplus?.close()
        let slot: PoolSlot<Connection>
        if let now { slot = now } else { slot = try await wait(origin, waiter) }
        let lease = Lease(self, origin)
        if case .kept(let connection) = slot { return (lease, connection) }
        return (lease, nil)
    }

    private func wait(_ origin: Origin, _ waiter: Waiter) async throws -> PoolSlot<Connection> {
        do {
            guard let slot = try await waiter.receive() else { throw CancellationError() }
            return slot
        } catch {
            // Given in the same moment: it goes to the next one.
            if !state.withLock({ $0.leave(origin, waiter) }), let slot = waiter.tryReceive() {
                if case .kept(let connection) = slot { give(origin, connection) } else { give(origin, nil) }
            }
            throw error
        }
    }

    fileprivate func give(_ origin: Origin, _ connection: Connection?) {
        let now = start.duration(to: .now)
        let (isIdle, surplus) = state.withLock { state in
            let (waiter, slot, surplus) = state.give(origin, connection, now: now)
            // Under the lock, so that who stops waiting finds himself either in line or served.
            waiter?.trySend(slot)
            return (waiter == nil && surplus == nil, surplus)
        }
        surplus?.close()
        guard isIdle, let connection else { return }
        watch(connection, origin)
        schedulePruning(after: idleTimeout)
    }

    /// Closes a kept connection as soon as the server sends or ends anything on it: nobody has asked for that, and it must not
    /// pass for the next request's answer (RFC 9112, section 6.3).
    private func watch(_ connection: Connection, _ origin: Origin) {
        connection.rest { [weak self, weak connection] in
            guard let self, let connection else { return }
            state.withLock { $0.remove(origin) { $0 === connection } }?.close()
        }
    }

    private func schedulePruning(after delay: Duration) {
        let isFirst = pruning.withLock { pruning in
            defer { pruning = true }
            return !pruning
        }
        guard isFirst else { return }
        loop.schedule(after: delay) { [weak self] in self?.prune() }
    }

    private func prune() {
        pruning.withLock { $0 = false }
        let now = start.duration(to: .now)
        let (old, next) = state.withLock { $0.prune(before: now - idleTimeout) }
        for connection in old { connection.close() }
        if let next { schedulePruning(after: max(.milliseconds(1), next + idleTimeout - now)) }
    }
}

/// A place in the pool, given back once: by `end`, or when nobody holds it any more.
final class Lease: Sendable {
    private let pool: ClientPool
    private let origin: Origin
    private let isOver = Locked(false)

    init(_ pool: ClientPool, _ origin: Origin) {
        self.pool = pool
        self.origin = origin
    }

    deinit { end(keeping: nil) }

    /// Gives the place back, with a connection that can serve another request or without.
    func end(keeping connection: Connection?) {
        let isFirst = isOver.withLock { isOver in
            defer { isOver = true }
            return !isOver
        }
        if isFirst { pool.give(origin, connection) }
    }
}
