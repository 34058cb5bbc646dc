internal import Foundation
internal import Runtime

/// The places where a crash would leave something half done: before and after each store write, helper call, exec and
/// QMP command.
///
/// In service this costs one comparison. The crash tests set `UNCLOUD_CRASH_POINTS` to a file, to which each place is
/// written as it is passed, or `UNCLOUD_CRASH_AT` to one of those lines, at which the daemon kills itself with SIGKILL: so
/// the places are found by running, not listed by hand. A place is its label and how often that was passed, for
/// labels of different VMs and tasks pass each other in any order.
package enum CrashPoint {
    private static let record = ProcessInfo.processInfo.environment["UNCLOUD_CRASH_POINTS"]
    private static let target = ProcessInfo.processInfo.environment["UNCLOUD_CRASH_AT"]
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
    package static func around<T: Sendable>(_ label: String, _ body: () async throws -> T) async rethrows -> T {
        reach("before \(label)")
        let result = try await body()
        reach("after \(label)")
        return result
    }

    private static func append(_ line: String, to path: String) {
        guard let file = fopen(path, "a") else { return }
        fputs(line, file)
        fclose(file)
    }
}
