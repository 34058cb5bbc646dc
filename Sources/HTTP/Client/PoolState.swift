internal import Runtime

/// Where a connection leads: connections of one origin can stand in for each other.
struct Origin: Hashable, Sendable {
    var address: SocketAddress
    var host: String
}

/// What a pool gives to who asked.
enum PoolSlot<Connection: Sendable>: Sendable {
    /// A connection that was kept.
    case kept(Connection)
    /// Leave to make one.
    case fresh
}

/// The books of a client's connections. Pure: no I/O, no clock; what has to be closed is returned.
struct PoolState<Connection: Sendable, Waiter: AnyObject & Sendable>: Sendable {
    typealias Slot = PoolSlot<Connection>

    private struct Line: Sendable {
        var used = 0
        /// Oldest first.
        var idle: [(connection: Connection, since: Duration)] = []
        var waiters: [(waiter: Waiter, takesKept: Bool)] = []
    }

    private var lines: [Origin: Line] = [:]
    private let maxIdle: Int
    private let maxConnections: Int
    private(set) var isClosed = false

    init(maxIdle: Int, maxConnections: Int) {
        self.maxIdle = maxIdle
        self.maxConnections = maxConnections
    }

    /// Takes a place, or queues the waiter, who is named by `give` or `fail` later; nil means that he waits.
    mutating func take(
        _ origin: Origin, takesKept: Bool, _ waiter: Waiter
    ) -> (slot: Slot?, close: Connection?) {
        var line = lines[origin] ?? Line()
        defer { lines[origin] = line }
        // The one used last is the least likely to have been closed by the server.
        if takesKept, let last = line.idle.popLast() {
            line.used += 1
            return (.kept(last.connection), nil)
        }
        if line.used + line.idle.count < maxConnections {
            line.used += 1
            return (.fresh, nil)
        }
        if !line.idle.isEmpty {
            line.used += 1
            return (.fresh, line.idle.removeFirst().connection)
        }
        line.waiters.append((waiter, takesKept))
        return (nil, nil)
    }

    /// Whether the waiter still waited; he does not any more.
    mutating func leave(_ origin: Origin, _ waiter: Waiter) -> Bool {
        guard let place = lines[origin]?.waiters.firstIndex(where: { $0.waiter === waiter }) else { return false }
        lines[origin]?.waiters.remove(at: place)
        forget(origin)
        return true
    }

    /// A place becomes free, with a connection that can be kept or without one.
    mutating func give(
        _ origin: Origin, _ connection: Connection?, now: Duration
    ) -> (waiter: Waiter?, slot: Slot, close: Connection?) {
        guard var line = lines[origin] else { return (nil, .fresh, connection) }
        defer {
            lines[origin] = line
            forget(origin)
        }
        if !line.waiters.isEmpty {
            let next = line.waiters.removeFirst()
            if next.takesKept, let connection { return (next.waiter, .kept(connection), nil) }
            return (next.waiter, .fresh, connection)
        }
        line.used -= 1
        guard let connection, !isClosed, line.idle.count < maxIdle else { return (nil, .fresh, connection) }
        line.idle.append((connection, now))
        return (nil, .fresh, nil)
    }

    /// Takes out a kept connection; nil if it is not kept any more.
    mutating func remove(_ origin: Origin, where isMeant: (Connection) -> Bool) -> Connection? {
        guard let place = lines[origin]?.idle.firstIndex(where: { isMeant($0.connection) }) else { return nil }
        defer { forget(origin) }
        return lines[origin]?.idle.remove(at: place).connection
    }

    /// Takes out what has been idle since before a moment; also tells since when the next one is.
    mutating func prune(before moment: Duration) -> (close: [Connection], next: Duration?) {
        var closed: [Connection] = []
        var next: Duration?
        for origin in lines.keys {
            guard var line = lines[origin] else { continue }
            let old = line.idle.prefix { $0.since <= moment }.count
            closed += line.idle[..<old].map(\.connection)
            line.idle.removeFirst(old)
            if let first = line.idle.first?.since { next = min(next ?? first, first) }
            lines[origin] = line
            forget(origin)
        }
        return (closed, next)
    }

    /// Keeps nothing from now on; returns what was kept.
    mutating func close() -> [Connection] {
        isClosed = true
        return prune(before: .seconds(Int64.max / 2)).close
    }

    /// How many connections are in use and kept.
    var counts: (used: Int, idle: Int) {
        (lines.values.reduce(0) { $0 + $1.used }, lines.values.reduce(0) { $0 + $1.idle.count })
    }

    /// An origin that nothing is known of needs no room.
    private mutating func forget(_ origin: Origin) {
        if let line = lines[origin], line.used == 0, line.idle.isEmpty, line.waiters.isEmpty { lines[origin] = nil }
    }
}
