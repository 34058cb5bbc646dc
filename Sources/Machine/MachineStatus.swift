internal import JSON
package import QemuMonitor

/// What QEMU says of its machine, in the terms that decisions need.
package enum MachineStatus: Sendable, Hashable, Codable {
    /// Made, but nothing has run yet: ours to `cont`.
    case prelaunch
    /// The guest runs.
    case running
    /// Stopped by somebody's `stop`.
    case paused
    /// The guest sleeps (S3).
    case suspended
    /// The guest powered off: collect and `quit`.
    case poweredOff
    /// The guest told of its panic: crashed.
    case panicked
    /// QEMU or the accelerator gave up: crashed.
    case internalError
    /// A disk failed: `cont` once that is mended.
    case ioError
    /// The destination of a migration: never `cont`.
    case incoming
    /// The source of a migration: never `cont` without fencing the destination.
    case migrated
    /// A snapshot is being saved or restored.
    case busySnapshot
    /// What this version of the node doesn't know; touch nothing.
    case other(String)

    /// From the member `status` of `query-status`.
    package init(qemu status: String) {
        switch status {
        case "prelaunch": self = .prelaunch
        case "running": self = .running
        case "paused", "debug", "watchdog": self = .paused
        case "suspended": self = .suspended
        case "shutdown": self = .poweredOff
        case "guest-panicked": self = .panicked
        case "internal-error": self = .internalError
        case "io-error": self = .ioError
        case "inmigrate": self = .incoming
        case "finish-migrate", "postmigrate", "colo": self = .migrated
        case "save-vm", "restore-vm": self = .busySnapshot
        default: self = .other(status)
        }
    }

    /// Whether the guest's life is over: what is left is to collect the process.
    package var isOver: Bool {
        switch self {
        case .poweredOff, .panicked, .internalError: true
        default: false
        }
    }

    /// Asks QEMU.
    package static func query(_ monitor: Monitor, within deadline: Duration = .seconds(10)) async throws
        -> MachineStatus
    {
        let answer = try await monitor.execute("query-status", within: deadline)
        return MachineStatus(qemu: answer["status"]?.stringValue ?? "")
    }
}
