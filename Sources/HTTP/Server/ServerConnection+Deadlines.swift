internal import Glibc
internal import Runtime

extension ServerConnection {
    /// What a connection's one time-out is for.
    enum Deadline: UInt8 {
        case none, head, body, idle, write, halfClose, linger, drain
        /// The next piece of a body that a task reads.
        case piece
        /// A held request's own deadline.
        case held
    }

    /// Chooses the time-out that fits what the connection waits for. One that is already running for the same thing goes
    /// on, so that no peer wins time by sending a little; only an idle connection's begins anew with each request.
    func setDeadline() {
        let timeouts = core.timeouts
        // Also of a peer that sends no more: it may still read.
        if isBlocked {
            if waitsFor != .write || deadlineIsStale {
                untakenWhenArmed = untaken
                arm(.write, timeouts.write)
            }
            return
        }
        switch phase {
        case .working:
            if peerEnded {
                setHalfCloseDeadline()
            } else if let held = work?.held {
                if waitsFor != .held { arm(.held, held.millisecondsLeft) }
            } else if work?.stream?.isAwaited == true {
                if waitsFor != .piece { arm(.piece, timeouts.body) }
            } else if waitsFor != .none {
                waitsFor = .none
                stream.setTimeout(nil)
            }
        case .reading:
            if work?.body != nil {
                if waitsFor != .body || deadlineIsStale { arm(.body, timeouts.body) }
            } else if work?.parser != nil || !hasServed {
                if waitsFor != .head && waitsFor != .drain || deadlineIsStale {
                    arm(.head, isSurplus ? timeouts.drain : timeouts.head)
                }
            } else {
                arm(.idle, timeouts.idle)
            }
        case .flushing, .lingering, .over: break
        }
    }

    /// The peer sends no more, and perhaps it is gone. While it waits for its answer that shows by nothing, and so it gets only a
    /// moment; an answer that goes out piece by piece comes to its end, since what is sent to nobody is answered by a reset, as
    /// long as a piece follows within the time for writing.
    private func setHalfCloseDeadline() {
        if hasSentHead {
            arm(.halfClose, isPeerGone ? core.timeouts.halfClose : core.timeouts.write)
        } else if waitsFor != .halfClose || deadlineIsStale {
            arm(.halfClose, core.timeouts.halfClose)
        }
    }

    /// Whether the peer's socket is known to be closed both ways, as that of a unix socket is: poll(2), POLLHUP.
    private var isPeerGone: Bool {
        // SAFETY: poll looks at the one structure it's given, and does not wait.
        var look = pollfd(fd: stream.descriptor, events: 0, revents: 0)
        return poll(&look, 1, 0) == 1 && look.revents & Int16(POLLHUP) != 0
    }

    /// What the peer has not taken. `pendingBytes` would not show that it takes some of a large answer: the kernel's buffer takes
    /// it in its place, and gives it on slowly.
    private var untaken: UInt32 { UInt32(truncatingIfNeeded: stream.untakenBytes) }

    func arm(_ deadline: Deadline, _ milliseconds: UInt64) {
        waitsFor = deadline
        deadlineIsStale = false
        stream.setTimeout(milliseconds: milliseconds)
    }

    func streamDidTimeOut(_ stream: StreamHandle) {
        let passed = waitsFor
        waitsFor = .none
        if passed == .write, isBlocked, untaken != untakenWhenArmed {
            // It took something: slow, not dead.
            return setDeadline()
        }
        if passed == .held, let held = work?.held { return answerHeld(held) }
        if passed != .linger, passed != .drain { core.counters.timeouts += 1 }
        switch passed {
        case .piece:
            work?.stream?.fail(.timedOut)
            settle()
        case .head where work?.parser != nil, .body where work?.body?.isDropping == false:
            refuse(MessageError(.timedOut))
            settle()
        default: close()
        }
    }

    /// The server stops: a held request is answered, an idle connection ends now, one that was never asked anything after a
    /// moment.
    func drain() {
        if let held = work?.held { return answerHeld(held) }
        guard phase == .reading, isIdle else { return }
        if hasServed { return close() }
        arm(.drain, core.timeouts.drain)
    }
}

/// A server's time-outs in milliseconds.
struct ServerTimeouts {
    let head, body, idle, write, halfClose, drain: UInt64
    /// How long a refused peer may go on sending before it is cut.
    let linger: UInt64 = 2000

    init(_ configuration: ServerConfiguration) {
        head = Self.milliseconds(configuration.headTimeout)
        body = Self.milliseconds(configuration.bodyTimeout)
        idle = Self.milliseconds(configuration.idleTimeout)
        write = Self.milliseconds(configuration.writeTimeout)
        halfClose = Self.milliseconds(configuration.halfCloseGrace)
        drain = Self.milliseconds(configuration.drainGrace)
    }

    /// Rounded up; at least one.
    static func milliseconds(_ duration: Duration) -> UInt64 {
        let (seconds, attoseconds) = duration.components
        let whole = seconds.multipliedReportingOverflow(by: 1000)
        guard !whole.overflow, whole.partialValue >= 0 else { return duration < .zero ? 1 : UInt64(Int32.max) }
        return max(1, UInt64(whole.partialValue) + UInt64((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000))
    }
}
