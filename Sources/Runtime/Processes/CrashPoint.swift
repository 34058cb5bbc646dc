internal import Glibc

/// The places where a crash would leave something half done: before and after each store write, helper call, exec and
/// QMP command.
///
/// In service this costs one comparison. The crash tests set `UNCLOUD_CRASH_POINTS` to a file, to which each place is
/// written as it is passed, or `UNCLOUD_CRASH_AT` to one of those lines, at which the daemon kills itself with SIGKILL: so
/// the places are found by running, not listed by hand. A place is its label and how often that was passed, for
/// labels of different VMs and tasks pass each other in any order.
package enum CrashPoint {
    private static let record = variable("UNCLOUD_CRASH_POINTS")
    private static let target = variable("UNCLOUD_CRASH_AT")
    private static let isActive = record != nil || target != nil
    private static let passed = Locked<[String: Int]>([:])

    /// Passes the place called `label`; does not return from the one that the test chose.
    package static func reach(_ label: @autoclosure () -> String) {
        guard isActive else { return }
        passed.withLock { passed in
            let label = label()
            passed[label, default: 0] += 1
            let place = "\(passed[label, default: 0]) \(label)"
            if let record { append(place + "\n", to: record) }
            if place == target { kill(getpid(), SIGKILL) }
        }
    }

    /// Runs `body` between two places, `before LABEL` and `after LABEL`.
    package static func around<T: Sendable>(
        isolation: isolated (any Actor)? = #isolation, _ label: @autoclosure () -> String, _ body: () async throws -> T
    ) async rethrows -> T {
        reach("before \(label())")
        let result = try await body()
        reach("after \(label())")
        return result
    }

    private static func variable(_ name: String) -> String? {
        // SAFETY: the environment is not changed once the program has begun.
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }

    private static func append(_ line: String, to path: String) {
        // SAFETY: the path lives for the call.
        let file = unsafe open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { return }
        let bytes = Array(line.utf8)
        // SAFETY: the array's own bounds.
        _ = unsafe write(file, bytes, bytes.count)
        close(file)
    }
}
