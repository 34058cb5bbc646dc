internal import CLinux
public import Runtime

/// Stands between a client and a server, for tests of what happens when the way between them is bad.
public final class TCPRelay: Sendable {
    /// Where clients connect.
    public let address: SocketAddress

    private struct State {
        var pairs: [Int: [Connection]] = [:]
        var next = 0
        var held: Event?
        var refusing = false
        var bytes = 0
    }

    private let state = Locked(State())
    private let target: SocketAddress
    private let loop: EventLoop
    private let listener: FDListener
    private let acceptor = Locked<Task<Void, any Error>?>(nil)

    /// Listens on a free port of ::1 (or a unix path) and forwards to `target`.
    ///
    /// - Parameters:
    ///   - target: the server.
    ///   - path: a unix path to listen at instead.
    ///   - loop: where the relay runs.
    /// - Throws: `SystemError` when it cannot listen.
    public init(to target: SocketAddress, at path: String? = nil, on loop: EventLoop = TestLoops.other) throws {
        self.target = target
        self.loop = loop
        let own = path.map { SocketAddress.unix(path: $0) } ?? .ipv6(host: "::1", port: 0)
        let descriptor = try Listener.socket(on: own)
        address = try SocketAddress.local(of: descriptor) ?? own
        listener = FDListener(adopting: descriptor, on: loop)
        let task = spawn(on: loop, "relay") { [weak self, listener] in
            while let client = try? await listener.acceptDescriptor() { self?.serve(client) }
        }
        acceptor.withLock { $0 = task }
    }

    deinit { stop() }

    /// Bytes forwarded so far, both ways.
    public var bytes: Int { state.withLock { $0.bytes } }
    /// Connections open now.
    public var connections: Int { state.withLock { $0.pairs.count } }

    /// Keeps back everything from here on, until `release`.
    public func hold() { state.withLock { if $0.held == nil { $0.held = Event() } } }

    /// Lets what was kept back go.
    public func release() {
        let held = state.withLock { state in
            let held = state.held
            state.held = nil
            return held
        }
        held?.happen()
    }

    /// Closes new connections at once, or serves them again.
    public func refuse(_ refusing: Bool) { state.withLock { $0.refusing = refusing } }

    /// Resets every open connection, on both sides.
    public func cut() {
        let all = state.withLock { state in
            let all = state.pairs.values.flatMap { $0 }
            state.pairs = [:]
            return all
        }
        for connection in all { connection.reset() }
    }

    /// Ends the relay.
    public func stop() {
        listener.close()
        acceptor.withLock { $0?.cancel() }
        release()
        cut()
    }

    private func serve(_ client: CInt) {
        let near = Connection(adopting: client, on: loop)
        if state.withLock({ $0.refusing }) { return near.reset() }
        spawn(on: loop, "relayed connection") { [weak self, loop, target] in
            guard let far = try? await Connection.connect(to: target, on: loop), let self else { return near.reset() }
            let id = state.withLock { state in
                state.next += 1
                state.pairs[state.next] = [near, far]
                return state.next
            }
            let back = spawn(on: loop, "relay back") { await self.copy(far, near) }
            await copy(near, far)
            try await back.value
            near.close()
            far.close()
            state.withLock { _ = $0.pairs.removeValue(forKey: id) }
        }
    }

    private func copy(_ source: Connection, _ target: Connection) async {
        do {
            while let bytes = try await source.read() {
                try await state.withLock({ $0.held })?.wait()
                try await target.write(bytes)
                state.withLock { $0.bytes += bytes.count }
            }
            try await target.shutdownWrite()
        } catch {
            source.reset()
            target.reset()
        }
    }
}
