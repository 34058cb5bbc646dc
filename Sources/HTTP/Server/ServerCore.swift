internal import Glibc
internal import Runtime

/// Requests, or parts of their bodies, of a connection that are taken between two polls: one that sends them without end keeps nobody waiting.
package let maxRequestsATurn = 256

/// The part of a server that lives on its loop: connections, listeners, and the buffer that answers are written into.
// SAFETY: what can change is used on the loop's thread alone.
final class ServerCore: @unchecked Sendable {
    /// Bytes of answers that are collected before they are written, when requests come pipelined.
    static let batch = 64 * 1024
    /// Bytes of a body that nobody wants that are read to keep the connection.
    static let maxDropped = 64 * 1024
    /// Bytes that a refused peer may go on sending before it is cut.
    static let maxLingered = 64 * 1024 * 1024

    let loop: EventLoop
    let configuration: ServerConfiguration
    let timeouts: ServerTimeouts
    let handle: HandlerCall
    let refusals: [MessageError.Code: PreparedResponse]
    let asteriskAnswer = PreparedResponse(status: 204)

    var encoder: AnswerEncoder
    var counters = ServerCounters()
    /// Bytes of requests and answers in memory, summed over the connections.
    private(set) var bytesInFlight = 0
    /// Whether these are more than there may be: connections whose request waits for its answer, or whose answers wait for their
    /// peer, are not read then. It is over when an eighth of the limit is free again, so that who comes and goes about the limit
    /// does not have all of them looked at each time.
    private(set) var isFull = false
    private(set) var isDraining = false
    private var live = 0
    private var listeners: [Listener] = []
    private var upgrades: [Int: (connection: Connection, task: Task<Void, any Error>?)] = [:]
    private var nextUpgrade = 0
    private var peers = PeerCounts()
    private var countsPeers = false
    /// Connections over the limits that wait to be told so.
    private var surplus = 0
    /// Who waits for the last connection's end.
    private var waiters: [CheckedContinuation<Void, Never>] = []

    init(loop: EventLoop, configuration: ServerConfiguration, handler: any RequestHandler) {
        self.loop = loop
        self.configuration = configuration
        timeouts = ServerTimeouts(configuration)
        handle = HandlerCall(handler, on: loop)
        encoder = AnswerEncoder(sendsDate: configuration.sendsDate, serverName: configuration.serverName)
        var refusals: [MessageError.Code: PreparedResponse] = [:]
        for code in MessageError.Code.allCases { refusals[code] = configuration.onRefusal(MessageError(code)) }
        self.refusals = refusals
    }

    // MARK: - Connections

    /// Begins to accept. The descriptor is closed if that fails.
    func listen(
        _ descriptor: CInt, _ security: (any StreamSecurity)? = nil
    ) throws -> (address: SocketAddress?, listener: Listener) {
        guard !isDraining else {
            Glibc.close(descriptor)
            throw UVError(code: UVError.cancelledCode, operation: "listen")
        }
        let address = try? SocketAddress.local(of: descriptor)
        let kind: StreamHandle.Kind = if case .unix = address { .unix } else { .tcp }
        if kind == .tcp { probePeers(of: descriptor) }
        do {
            let listener = try Listener(adopting: descriptor, on: loop) { [self] in accept($0, kind, security) }
            listeners.append(listener)
            return (address, listener)
        } catch {
            Glibc.close(descriptor)
            throw error
        }
    }

    /// Accepts no more from one of the listening sockets, and closes it.
    func close(_ listener: Listener) {
        listeners.removeAll { $0 === listener }
        listener.close()
    }

    private func accept(_ descriptor: CInt, _ kind: StreamHandle.Kind, _ security: (any StreamSecurity)?) {
        let isFull = connectionCount - surplus >= configuration.maxConnections
        if isFull, surplus >= configuration.overloadReserve { return reset(descriptor) }
        guard let token = configuration.admit.map({ $0(descriptor) }) ?? 0 else {
            counters.turnedAway += 1
            Glibc.close(descriptor)
            return
        }
        let credentials = kind == .unix ? PeerCredentials(of: descriptor) : nil
        let stream = StreamHandle(adopting: descriptor, on: loop, kind: kind, accepted: true)
        if let security {
            // Without its filter the stream is let go, which closes it.
            guard let filter = try? security.makeFilter() else {
                counters.turnedAway += 1
                return
            }
            stream.install(filter)
        }
        let context = ConnectionContext(token: token, credentials: credentials, loop: loop, filter: stream.filter)
        let peer = peerToCount(context)
        let isSurplus = isFull || peer.map { peers[$0] >= configuration.maxConnectionsPerPeer } ?? false
        if isSurplus {
            if surplus >= configuration.overloadReserve { return stream.abort() }
            surplus += 1
        } else if let peer {
            peers.add(peer)
        }
        let connection = ServerConnection(core: self, stream: stream, context: context)
        connection.isSurplus = isSurplus
        connection.isCounted = peer != nil && !isSurplus
        counters.accepted += 1
        live += 1
        connection.begin()
    }

    /// Closes with a reset: nothing is sent that the peer has to acknowledge, and no state is left behind.
    private func reset(_ descriptor: CInt) {
        counters.turnedAway += 1
        var option = linger(l_onoff: 1, l_linger: 0)
        // SAFETY: setsockopt reads the one structure it's given.
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        Glibc.close(descriptor)
    }

    /// Once for each connection, when it is over or another's.
    func remove(_ connection: ServerConnection) {
        live -= 1
        if connection.accounted > 0 { addInFlight(-Int(connection.accounted)) }
        if connection.isSurplus { surplus -= 1 }
        if connection.isCounted, let peer = configuration.peerKey?(connection.context) { peers.remove(peer) }
        if countsPeers, live < configuration.peerCountThreshold / 2 { countPeers(false) }
        wakeIfEmpty()
    }

    /// Whether there is no room for another request, or for more of one.
    var isOverLimit: Bool { bytesInFlight > configuration.maxBytesInFlight }

    /// Counts bytes that have come, or have gone.
    func addInFlight(_ change: Int) {
        bytesInFlight &+= change
        let limit = configuration.maxBytesInFlight
        if isFull ? bytesInFlight <= limit - limit / 8 : bytesInFlight > limit { turnFull() }
    }

    /// Reads no more of those that wait, or reads them again. At once: each would add what one read gives.
    private func turnFull() {
        isFull.toggle()
        for connection in connections { connection.setReading() }
    }

    /// Who a new connection is counted for, if they are counted by now.
    private func peerToCount(_ context: ConnectionContext) -> UInt64? {
        guard let key = configuration.peerKey, live >= configuration.peerCountThreshold || countsPeers else {
            return nil
        }
        if !countsPeers { countPeers(true) }
        return key(context)
    }

    /// Begins to count connections by peer, or ends it.
    private func countPeers(_ wanted: Bool) {
        countsPeers = wanted
        peers = PeerCounts()
        for connection in connections where !connection.isSurplus {
            let peer = wanted ? configuration.peerKey?(connection.context) : nil
            if let peer { peers.add(peer) }
            connection.isCounted = peer != nil
        }
    }

    var connectionCount: Int { live + upgrades.count }

    /// Those that were accepted and are not over. A list of them would cost each connection more than all else that the core
    /// does for it.
    private var connections: [ServerConnection] {
        loop.openStreams().compactMap { stream in
            guard let connection = stream.delegate as? ServerConnection, connection.core === self else { return nil }
            return connection.phase == .over ? nil : connection
        }
    }

    func addUpgrade(_ connection: Connection, _ task: Task<Void, any Error>?) -> Int {
        nextUpgrade += 1
        upgrades[nextUpgrade] = (connection, task)
        return nextUpgrade
    }

    func removeUpgrade(_ id: Int) {
        upgrades[id] = nil
        wakeIfEmpty()
    }

    // MARK: - The end

    /// Stops accepting and lets what is under way come to its end.
    func beginDrain() {
        isDraining = true
        for listener in listeners { listener.close() }
        listeners = []
        for connection in connections { connection.drain() }
    }

    /// Ends what is left.
    func cutAll() {
        for connection in connections { connection.close() }
        for upgrade in upgrades.values {
            upgrade.task?.cancel()
            upgrade.connection.close()
        }
    }

    func whenEmpty(_ waiter: CheckedContinuation<Void, Never>) {
        waiters.append(waiter)
        wakeIfEmpty()
    }

    private func wakeIfEmpty() {
        guard !waiters.isEmpty, connectionCount == 0 else { return }
        let woken = waiters
        waiters = []
        for waiter in woken { waiter.resume() }
    }

    /// Has the kernel probe quiet peers. Connections inherit it from their listening socket (tcp(7) names the options, and
    /// Linux copies them on accept), so that it costs them no system call.
    private func probePeers(of listener: CInt) {
        let seconds = max(4, Int32(clamping: configuration.deadPeerTimeout.components.seconds))
        let probes: CInt = 3
        let interval = seconds / 4
        Self.set(listener, SOL_SOCKET, SO_KEEPALIVE, 1)
        Self.set(listener, CInt(IPPROTO_TCP), TCP_KEEPIDLE, seconds - probes * interval)
        Self.set(listener, CInt(IPPROTO_TCP), TCP_KEEPINTVL, interval)
        Self.set(listener, CInt(IPPROTO_TCP), TCP_KEEPCNT, probes)
    }

    /// For streams and upgrades: small pieces are sent when they are written, not when the peer has acknowledged the last one.
    static func prepareForLongLife(_ stream: StreamHandle) {
        guard stream.kind == .tcp, stream.descriptor >= 0 else { return }
        set(stream.descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, 1)
    }

    private static func set(_ descriptor: CInt, _ level: CInt, _ option: CInt, _ value: CInt) {
        var value = value
        // SAFETY: setsockopt reads the one integer it's given.
        setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<CInt>.size))
    }
}
