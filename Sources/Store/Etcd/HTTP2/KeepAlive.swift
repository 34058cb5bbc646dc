/// Finds out whether a peer from which nothing comes is still there: while streams are open and nothing was heard for
/// `interval`, it is asked (PING), and has `patience` to say anything at all.
///
/// etcd cuts whoever asks more often than every 5 s, or with no stream open (`--grpc-keepalive-min-time`). Pure: the caller has
/// clock, timer and connection.
package struct KeepAlive: Sendable {
    /// What the caller is to do.
    package enum Action: Sendable, Hashable {
        /// Call `tick` again after so long.
        case wait(Duration)
        /// Send a PING, and call `tick` again after so long.
        case ask(Duration)
        /// Nothing, until `begin`.
        case rest
        /// The peer is gone.
        case giveUp
    }

    private enum State {
        /// No stream is open. Can become listening.
        case resting
        /// A tick is due. Can become any other.
        case listening
        /// A PING is under way since then. Can become listening or resting.
        case asking(since: Duration)
    }

    /// How long nothing may come before the peer is asked.
    let interval: Duration
    /// How long it may take for an answer.
    let patience: Duration
    private var state = State.resting
    private var heard = Duration.zero

    package init(interval: Duration, patience: Duration) {
        self.interval = interval
        self.patience = patience
    }

    /// Something came.
    package mutating func hear(at now: Duration) { heard = now }

    /// A stream was opened; nil if a tick is due already.
    package mutating func begin(at now: Duration) -> Duration? {
        guard case .resting = state else { return nil }
        state = .listening
        heard = now
        return interval
    }

    /// The time that was asked for has passed.
    package mutating func tick(at now: Duration, hasStreams: Bool) -> Action {
        if case .asking(let since) = state {
            if heard < since { return .giveUp }
            state = .listening
        }
        guard hasStreams else {
            state = .resting
            return .rest
        }
        let silence = now - heard
        if silence < interval { return .wait(interval - silence) }
        state = .asking(since: now)
        return .ask(patience)
    }
}
