internal import CLinux
internal import Glibc

/// A connect under way. On the loop only; it keeps itself alive until it has an outcome.
final class ConnectAttempt: @unchecked Sendable {
    // SAFETY: all members are used on the loop's thread.
    private let address: SocketAddress
    private let loop: EventLoop
    private let isWanted: () -> Bool
    private let completion: (Result<CInt, any Error>) -> Bool
    private var descriptor: CInt = -1
    private var poll: PollHandle?
    private var timers: [ScheduledTimer] = []
    private var retrying: ScheduledTimer?
    private var isOver = false

    /// Starts; the outcome is a connected, non-blocking descriptor, which belongs to whoever waits for it.
    convenience init(_ address: SocketAddress, on loop: EventLoop, timeout: Duration, outcome: OneShot<CInt>) {
        self.init(
            address, on: loop, timeout: timeout, isWanted: { !outcome.isClaimed }, completion: { outcome.resolve($0) })
    }

    /// Starts.
    ///
    /// - Parameters:
    ///   - address: where to.
    ///   - loop: the loop.
    ///   - timeout: how long at most; nil for as long as the kernel tries.
    ///   - isWanted: asked before each try.
    ///   - completion: gets the outcome, once, also before this returns; true if it takes the descriptor.
    init(
        _ address: SocketAddress, on loop: EventLoop, timeout: Duration?, isWanted: @escaping () -> Bool,
        completion: @escaping (Result<CInt, any Error>) -> Bool
    ) {
        self.address = address
        self.loop = loop
        self.isWanted = isWanted
        self.completion = completion
        if let timeout {
            timers.append(
                loop.schedule(after: timeout, onAbandon: { self.loopEnds() }) {
                    self.end(.failure(DeadlineError(what: "connect to \(address)", duration: timeout)))
                })
        }
        attempt()
    }

    /// Gives up, when whoever waited does not any more.
    func abandon() { end(nil) }

    private func attempt() {
        // A loop that is ending has abandoned the timer above at once.
        if isOver { return }
        if !isWanted() { return end(nil) }
        do {
            if descriptor < 0 {
                descriptor = try SystemError.check(
                    cl_socket(address.family, CInt(SOCK_STREAM.rawValue), 0), "socket for \(address)")
            }
            switch try begin() {
            case 0: end(.success(descriptor))
            case -EINPROGRESS: try awaitWritable()
            // A unix socket whose backlog is full: there is nothing to poll for, only to try again.
            case -EAGAIN: retry()
            case let code: end(.failure(failure(code)))
            }
        } catch {
            end(.failure(error))
        }
    }

    private func failure(_ code: CInt) -> UVError { UVError(code: code, operation: "connect to \(address)") }

    private func begin() throws -> CInt {
        if case .unix(let path) = address { return unsafe cl_unix_connect(descriptor, path) }
        var native = try address.native()
        return unsafe cl_connect(descriptor, &native)
    }

    private func awaitWritable() throws {
        let poll = try PollHandle(descriptor, on: loop)
        self.poll = poll
        poll.onEvents = { [self] _, _ in
            let code = cl_socket_error(descriptor)
            end(code < 0 ? .failure(failure(code)) : .success(descriptor))
        }
        poll.onLoopEnd = { [self] in loopEnds() }
        poll.watch(.writable)
    }

    private func retry() {
        // Without a handle of libuv's nobody else would tell it of the loop's end.
        retrying = loop.schedule(after: .milliseconds(5), onAbandon: { self.loopEnds() }) { self.attempt() }
    }

    private func loopEnds() { end(.failure(failure(UVError.cancelledCode))) }

    /// Once: frees everything, and the descriptor too unless somebody takes it.
    private func end(_ result: Result<CInt, any Error>?) {
        if isOver { return }
        isOver = true
        for timer in timers { timer.cancel() }
        timers = []
        retrying?.cancel()
        retrying = nil
        poll?.close(descriptorToo: false)
        poll = nil
        let taken = result.map { completion($0) } ?? false
        if case .success = result, taken {
            descriptor = -1
        } else if descriptor >= 0 {
            cl_close(descriptor)
            descriptor = -1
        }
    }
}
