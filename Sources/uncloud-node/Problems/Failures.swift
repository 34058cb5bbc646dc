internal import Model
internal import Network
internal import Runtime
internal import Store

/// What an error means to the operator.
package enum Failures {
    /// The one line and the exit status of whatever a command threw.
    package static func failure(of error: any Error) -> CommandFailure {
        switch error {
        case let failure as CommandFailure: return failure
        case let problem as ProblemError: return problem.failure
        case let problem as ConfigurationProblem: return problem.failure
        case let deadline as DeadlineError:
            return CommandFailure(
                .timedOut, "\(deadline.what) is still in progress after \(TimeText.words(deadline.duration))",
                fix: "wait longer with --timeout")
        case let error as StoreError: return failure(of: error)
        case let failure as HelperFailure where failure.code == "holder.namespace":
            return CommandFailure(.conflict, failure.message, field: "node.namespace", fix: failure.fix)
        case let failure as HelperFailure:
            return CommandFailure(.failed, failure.message, field: "network", fix: failure.fix)
        case is CancellationError: return CommandFailure(.interrupted, "interrupted")
        default: return CommandFailure(.failed, "\(error)")
        }
    }

    /// What keeps a daemon from its store. The field is the setting that chooses the store's place.
    private static func failure(of error: StoreError) -> CommandFailure {
        let status: CommandStatus =
            switch error.code {
            case .locked: .conflict
            case .notWritable: .refused
            case .unavailable, .closed: .unreachable
            default: .failed
            }
        let cause = error.cause.map { " (\($0))" } ?? ""
        return CommandFailure(status, error.message + cause, field: "node.state-directory", fix: error.fix)
    }
}
