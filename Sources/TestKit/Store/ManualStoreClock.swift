internal import Runtime
internal import Store

/// A clock for stores that goes on only when told to.
package final class ManualStoreClock: StoreClock {
    private struct State {
        var now = Duration.zero
        var pending: [(deadline: Duration, body: @Sendable () async -> Void)] = []
    }

    private let state = Locked(State())

    /// Makes a clock that stands at zero.
    package init() {}

    package func now() -> Duration { state.withLock { $0.now } }

    package func wake(after delay: Duration, _ body: @escaping @Sendable () async -> Void) {
        state.withLock { $0.pending.append(($0.now + delay, body)) }
    }

    /// Goes on by a time and runs, one after the other, what was to be woken until then; returns when all has run.
    package func advance(by duration: Duration) async {
        let target = state.withLock { $0.now + duration }
        while let body = next(until: target) { await body() }
        state.withLock { $0.now = max($0.now, target) }
    }

    private func next(until target: Duration) -> (@Sendable () async -> Void)? {
        state.withLock { state in
            let due = state.pending.indices.filter { state.pending[$0].deadline <= target }
            guard let first = due.min(by: { state.pending[$0].deadline < state.pending[$1].deadline }) else {
                return nil
            }
            let (deadline, body) = state.pending.remove(at: first)
            state.now = max(state.now, deadline)
            return body
        }
    }
}
