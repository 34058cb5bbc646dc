/// What a command exits with; scripts rely on the numbers, so they never change.
package enum CommandStatus: Int32, Sendable, CaseIterable {
    case ok = 0
    /// It failed, for a reason that no other status names.
    case failed = 1
    /// The command line, the configuration or the request is wrong; repeating it is of no use.
    case usage = 2
    case notFound = 3
    /// It exists already, or somebody else changed it in between.
    case conflict = 4
    /// Time ran out; what was asked for may still happen.
    case timedOut = 5
    /// Not allowed: permission, protection, quota, or a state that forbids it.
    case refused = 6
    /// The daemon or its store can't be reached.
    case unreachable = 7
    /// Some of several failed; each failure had its line on standard error.
    case someFailed = 8
    case interrupted = 130

    /// The status of a command about several things, from the status of each: that of all if they agree, else
    /// `someFailed`.
    package static func combined(_ statuses: [CommandStatus]) -> CommandStatus {
        guard let first = statuses.first else { return .ok }
        return statuses.allSatisfy { $0 == first } ? first : .someFailed
    }
}
