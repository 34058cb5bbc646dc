/// The tasks that `spawn` started on a loop and that have not ended, so that a shutdown can cancel and await them.
final class TaskRegistry: Sendable {
    private struct Entry {
        let cancel: @Sendable () -> Void
        let label: String
        /// The task's address, by which the loop knows what it runs.
        let identity: UInt
    }

    private struct State {
        var next: UInt64 = 0
        /// nil from `reserve` to `attach`.
        var live: [UInt64: Entry?] = [:]
        /// The task that ended last: its last job may still be asked for.
        var last: Entry?
        var cancelled = false
        var drained: OneShot<Void>?
    }

    private let state = Locked(State())

    var count: Int { state.withLock { $0.live.count } }

    /// A number for a task about to start.
    func reserve() -> UInt64 {
        state.withLock { state in
            state.next += 1
            state.live.updateValue(nil, forKey: state.next)
            return state.next
        }
    }

    /// How to cancel the task; cancels at once if the loop is shutting down.
    func attach(_ id: UInt64, identity: UInt, label: String, cancel: @escaping @Sendable () -> Void) {
        let entry = Entry(cancel: cancel, label: label, identity: identity)
        let now = state.withLock { state in
            if state.live[id] != nil { state.live.updateValue(entry, forKey: id) }
            return state.cancelled
        }
        if now { cancel() }
    }

    /// The label of the task at an address: one that lives, or the last that has ended.
    func label(of identity: UInt) -> String? {
        state.withLock { state in
            for case .some(let entry) in state.live.values where entry.identity == identity { return entry.label }
            return state.last?.identity == identity ? state.last?.label : nil
        }
    }

    func remove(_ id: UInt64) {
        let drained = state.withLock { state in
            state.last = state.live.removeValue(forKey: id) ?? nil
            return state.live.isEmpty ? state.drained : nil
        }
        drained?.resolve(.success(()))
    }

    /// Cancels all tasks, present and future; the result arrives when none is left.
    func cancelAll() -> OneShot<Void> {
        let (cancels, drained, empty) = state.withLock { state in
            state.cancelled = true
            let drained = state.drained ?? OneShot<Void>()
            state.drained = drained
            return (state.live.values.compactMap { $0?.cancel }, drained, state.live.isEmpty)
        }
        for cancel in cancels { cancel() }
        if empty { drained.resolve(.success(())) }
        return drained
    }
}
