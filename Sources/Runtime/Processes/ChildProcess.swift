internal import CLinux

/// A process that we started. Its exit is noticed by its pidfd, so that no number is ever confused with another process.
///
/// Letting go of this object does not end the process; it is reaped all the same as long as its loop runs.
public final class ChildProcess: Sendable {
    /// The process's number.
    public let pid: Int32
    /// Where its exit is noticed.
    public let loop: EventLoop
    private let pidfd: FileDescriptor
    private let exit: OneShot<ExitStatus>

    private init(_ started: ProcessLauncher.Started, on loop: EventLoop) {
        pid = started.pid
        self.loop = loop
        let pidfd = FileDescriptor(owning: started.pidfd)
        let exit = OneShot<ExitStatus>()
        self.pidfd = pidfd
        self.exit = exit
        loop.run { Self.watch(pidfd, exit, on: loop) }
    }

    /// Starts a process; returns once its program runs.
    ///
    /// - Parameters:
    ///   - spec: what to start and how.
    ///   - loop: where its exit will be noticed.
    ///   - isolation: the caller's actor, on whose executor this waits.
    /// - Returns: the running process.
    /// - Throws: `SystemError` naming the step and the program, and then no process is left; `CancellationError` when
    ///   cancelled before the start. Once begun, the start is awaited: nothing half made.
    public static func spawn(
        _ spec: ProcessSpec, on loop: EventLoop, isolation: isolated (any Actor)? = #isolation
    ) async throws -> ChildProcess {
        ChildProcess(try await ProcessLauncher.launch(spec), on: loop)
    }

    /// Waits for the end. Any number of tasks, also afterwards.
    ///
    /// - Parameter isolation: the caller's actor, on whose executor this waits.
    /// - Returns: how it ended.
    /// - Throws: `CancellationError`; `UVError` when the loop shuts down while the process runs.
    public func waitForExit(isolation: isolated (any Actor)? = #isolation) async throws -> ExitStatus {
        try await exit.wait()
    }

    /// How it ended, if it has and that has been noticed.
    public var status: ExitStatus? { exit.current }

    /// Sends a signal; to this process, never to another that got its number. Throws `SystemError` (ESRCH) once it has ended.
    public func kill(_ signal: Int32 = 9 /* SIGKILL */) throws(SystemError) {
        try SystemError.check(cl_pidfd_send_signal(pidfd.number, signal), "signal \(signal) to process \(pid)")
    }

    private static func watch(_ pidfd: FileDescriptor, _ exit: OneShot<ExitStatus>, on loop: EventLoop) {
        do {
            let poll = try PollHandle(pidfd.number, on: loop)
            // The closures keep handle, descriptor and outcome alive until the exit.
            poll.onEvents = { _, _ in
                var (exited, value): (CInt, CInt) = (0, 0)
                // SAFETY: on the loop's thread; both words are this call's own.
                let code = unsafe cl_pidfd_reap(pidfd.number, &exited, &value)
                if code == 0 { return }
                poll.close(descriptorToo: false)
                if code < 0 {
                    exit.resolve(.failure(SystemError(errno: code, operation: "waitid")))
                } else {
                    exit.resolve(.success(exited != 0 ? .exited(value) : .signaled(value)))
                }
            }
            poll.onLoopEnd = { exit.resolve(.failure(UVError.cancelled("process"))) }
            poll.watch(.readable)
        } catch {
            exit.resolve(.failure(error))
        }
    }
}

/// Watches a process that is not our child, by its pidfd.
///
/// Whoever makes one has to know that the number still means the process it should, for instance by a lock that it holds,
/// looked at *after* the watch was made.
public final class ProcessWatch: Sendable {
    /// The process's number.
    public let pid: Int32
    /// Where its end is noticed.
    public let loop: EventLoop
    private let pidfd: FileDescriptor
    private let ended = OneShot<Void>()

    /// Throws `SystemError` (ESRCH) when there is no such process.
    public init(pid: Int32, on loop: EventLoop) throws(SystemError) {
        self.pid = pid
        self.loop = loop
        let pidfd = FileDescriptor(owning: try SystemError.check(cl_pidfd_open(pid), "watch process \(pid)"))
        self.pidfd = pidfd
        let ended = ended
        loop.run { Self.watch(pidfd, ended, on: loop) }
    }

    /// Waits for the end; how it ended only its parent learns. Throws `CancellationError`, or `UVError` when the loop ends.
    public func waitForExit(isolation: isolated (any Actor)? = #isolation) async throws { try await ended.wait() }

    /// Whether its end has been noticed.
    public var hasEnded: Bool { ended.current != nil }

    /// Sends a signal; 0 asks whether it may be sent. Throws `SystemError` (ESRCH) once it has ended.
    public func signal(_ number: Int32) throws(SystemError) {
        try SystemError.check(cl_pidfd_send_signal(pidfd.number, number), "signal \(number) to process \(pid)")
    }

    private static func watch(_ pidfd: FileDescriptor, _ ended: OneShot<Void>, on loop: EventLoop) {
        do {
            let poll = try PollHandle(pidfd.number, on: loop)
            poll.onEvents = { _, _ in
                poll.close(descriptorToo: false)
                withExtendedLifetime(pidfd) { _ = ended.resolve(.success(())) }
            }
            poll.onLoopEnd = { ended.resolve(.failure(UVError.cancelled("process"))) }
            poll.watch(.readable)
        } catch {
            ended.resolve(.failure(error))
        }
    }
}
