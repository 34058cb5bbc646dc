internal import CLinux
internal import Glibc

/// The places where a crash would leave something half done: before and after each store write, helper call, exec and
/// QMP command.
///
/// In service this costs one comparison. The crash tests set `UNCLOUD_CRASH_POINTS` to a file, to which each place is
/// written as it is passed, or `UNCLOUD_CRASH_AT` to one of those lines, at which the daemon kills itself with SIGKILL: so
/// the places are found by running, not listed by hand. A place is its label and how often that was passed, for
/// labels of different VMs and tasks pass each other in any order.
///
/// `UNCLOUD_CRASH_ORDER` names a file by which a test has this process kill another one, again and again: a place in its
/// first line, counted from when the file is first seen, and in its second the path of a file that begins with the other's
/// process id. The order is removed when the place is reached, and the other process has ended when the place is passed.
package enum CrashPoint {
    private static let record = variable("UNCLOUD_CRASH_POINTS")
    private static let target = variable("UNCLOUD_CRASH_AT")
    private static let order = variable("UNCLOUD_CRASH_ORDER")
    private static let isActive = record != nil || target != nil || order != nil
    private static let passed = Locked<[String: Int]>([:])
    /// The order of the moment, and how often its label was passed since it was seen.
    private static let obeyed = Locked<(text: String, passed: Int)>(("", 0))

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
        if let order { obey(order, label()) }
    }

    /// Carries out the test's order if its place is this one.
    private static func obey(_ path: String, _ label: String) {
        let victim: pid_t? = obeyed.withLock { obeyed in
            let text = read(path)
            if text != obeyed.text { obeyed = (text, 0) }
            let lines = text.split(separator: "\n")
            guard lines.count == 2, lines[0].hasSuffix(" \(label)") else { return nil }
            obeyed.passed += 1
            guard lines[0] == "\(obeyed.passed) \(label)" else { return nil }
            // SAFETY: the path lives for the call.
            _ = unsafe unlink(path)
            obeyed = ("", 0)
            return read(String(lines[1])).split { $0 == " " || $0 == "\n" }.first.flatMap { pid_t($0) }
        }
        if let victim, victim > 1 { end(victim) }
    }

    /// Returns once the process has ended: what it was asked for before, it has done or never will.
    private static func end(_ pid: pid_t) {
        let descriptor = cl_pidfd_open(pid)
        kill(pid, SIGKILL)
        guard descriptor >= 0 else { return }
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        // SAFETY: one entry, which lives for the call.
        _ = unsafe poll(&entry, 1, 10_000)
        close(descriptor)
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

    /// A small file's text; empty where there is none.
    private static func read(_ path: String) -> String {
        // SAFETY: the path lives for the call.
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "" }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 1024)
        // SAFETY: the array's own bounds.
        let count = unsafe Glibc.read(file, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
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
