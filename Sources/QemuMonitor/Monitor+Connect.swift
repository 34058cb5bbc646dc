internal import Glibc
public import Runtime

extension Monitor {
    /// Connects to a monitor's socket and makes the session ready for commands.
    ///
    /// - Parameters:
    ///   - path: QEMU's monitor socket; may be longer than a socket address holds.
    ///   - loop: the loop that the session will run on.
    ///   - deadline: for all of it, the greeting above all: a second client connects well, but is greeted only once the
    ///     first has left.
    ///   - label: the VM's name in logs.
    ///   - lineLimit: the longest message accepted, in bytes.
    /// - Returns: a session that accepts commands; its owner closes it.
    /// - Throws: `MonitorError` (`unreachable`, `noGreeting`, `timeout`, `closed`, `refused`); `CancellationError`.
    public static func connect(
        path: String, on loop: EventLoop, greetingWithin deadline: Duration, label: String,
        lineLimit: Int = LineFramer.defaultLimit
    ) async throws -> Monitor {
        let start = ContinuousClock.now
        let connection = try await open(path: path, on: loop, within: deadline)
        let left = max(deadline - (ContinuousClock.now - start), .milliseconds(1))
        return try await over(connection, greetingWithin: left, label: label, lineLimit: lineLimit)
    }

    /// Makes a session of a connection that stands already, such as one made before QEMU was started.
    ///
    /// - Parameters:
    ///   - connection: becomes the session's; it is closed if this throws.
    ///   - deadline: for the greeting and the negotiation together.
    ///   - label: the VM's name in logs.
    ///   - lineLimit: the longest message accepted, in bytes.
    /// - Returns: a session that accepts commands; its owner closes it.
    /// - Throws: as `connect`.
    public static func over(
        _ connection: Connection, greetingWithin deadline: Duration, label: String,
        lineLimit: Int = LineFramer.defaultLimit
    ) async throws -> Monitor {
        let monitor = Monitor(over: connection, label: label, lineLimit: lineLimit)
        try await CrashPoint.around("qmp \(label) qmp_capabilities") { try await monitor.negotiate(within: deadline) }
        return monitor
    }

    /// Connects. A backlog that is full for the moment (EAGAIN) is tried again until the deadline.
    private static func open(path: String, on loop: EventLoop, within deadline: Duration) async throws -> Connection {
        let end = ContinuousClock.now + deadline
        while true {
            do {
                return try await Connection.connect(to: .unix(path: path), on: loop, timeout: deadline)
            } catch let error as CancellationError {
                throw error
            } catch let error as UVError where error.code == -EAGAIN && ContinuousClock.now < end {
                try await loop.sleep(for: .milliseconds(20))
            } catch {
                throw MonitorError(.unreachable, "the monitor socket \(path) can't be reached: \(error)")
            }
        }
    }
}
