internal import Runtime

extension Monitor {
    /// Waits until QEMU has told of its SHUTDOWN in this session, or the session has ended.
    ///
    /// Independent of `events`; any number of tasks may wait.
    ///
    /// - Returns: the shutdown; nil if the session ended without one, or if the task was cancelled.
    public func waitForShutdown() async -> MonitorShutdown? {
        let ticket = watchers.ticket()
        let loop = loop
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if state.shutdown != nil || watchers.ending != nil {
                    return continuation.resume(returning: state.shutdown)
                }
                watchers.addShutdown(continuation, ticket)
            }
        } onCancel: {
            loop.execute { [weak self] in self?.assumeIsolated { $0.watchers.cancel(ticket) } }
        }
    }

    /// Waits until the session has ended.
    ///
    /// - Returns: how; nil only if the task was cancelled.
    public func waitForEnd() async -> MonitorEnding? {
        let ticket = watchers.ticket()
        let loop = loop
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if let ending = watchers.ending { return continuation.resume(returning: ending) }
                watchers.addEnd(continuation, ticket)
            }
        } onCancel: {
            loop.execute { [weak self] in self?.assumeIsolated { $0.watchers.cancel(ticket) } }
        }
    }

    /// How the session ended; nil while it stands.
    public var ending: MonitorEnding? { watchers.ending }
}
