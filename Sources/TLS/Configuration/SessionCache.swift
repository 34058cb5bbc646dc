internal import COpenSSL
internal import Runtime

/// A session that may be resumed.
// SAFETY: `raw` is owned from init to deinit; OpenSSL counts its references with atomics and locks what it changes in it.
final class Session: @unchecked Sendable {
    let raw: OpaquePointer

    /// Takes over one reference.
    init(owning raw: OpaquePointer) { self.raw = raw }

    deinit { SSL_SESSION_free(raw) }

    /// Whether it may be resumed once only, so that nobody can tell by it that two connections are one client's: RFC 8446,
    /// appendix C.4.
    var isSingleUse: Bool { SSL_SESSION_get_protocol_version(raw) >= TLS1_3_VERSION }
}

/// The sessions of a client, a few for each server, the newest first used. For any thread.
final class SessionCache: Sendable {
    private static let perServer = 4

    private struct State {
        var sessions: [String: [Session]] = [:]
        /// The servers, the one that gave a session longest ago first.
        var order: [String] = []
    }

    private let limit: Int
    private let state = Locked(State())

    init(limit: Int) { self.limit = limit }

    func take(_ server: String) -> Session? {
        state.withLock { state in
            guard let newest = state.sessions[server]?.last else { return nil }
            if newest.isSingleUse {
                state.sessions[server]?.removeLast()
                if state.sessions[server]?.isEmpty == true {
                    state.sessions[server] = nil
                    state.order.removeAll { $0 == server }
                }
            }
            return newest
        }
    }

    func give(_ server: String, _ session: Session) {
        state.withLock { state in
            state.order.removeAll { $0 == server }
            state.order.append(server)
            var kept = session.isSingleUse ? state.sessions[server] ?? [] : []
            kept.append(session)
            state.sessions[server] = kept.suffix(Self.perServer)
            if state.order.count > limit { state.sessions[state.order.removeFirst()] = nil }
        }
    }
}
