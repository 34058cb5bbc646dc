/// Where other threads leave work for a loop.
final class LoopInbox: Sendable {
    enum Mode {
        /// Takes work and wakes the loop. Can become silent.
        case open
        /// Takes work, but there is no loop to wake any more. Becomes closed at once.
        case silent
        /// Takes nothing.
        case closed
    }

    struct Content {
        var work: [Work] = []
        var mode = Mode.open
        var crossings = 0
        var wakeups = 0
    }

    private let content = Locked(Content())

    /// Leaves work and wakes the loop if there was none; false, and the work is not taken, once closed.
    ///
    /// `wake` is called under the lock: when `silence` has returned, nobody can be about to signal a dead handle.
    func add(_ work: Work, wake: () -> Void) -> Bool {
        content.withLock { content in
            if content.mode == .closed { return false }
            content.crossings += 1
            content.work.append(work)
            if content.work.count == 1 && content.mode == .open {
                content.wakeups += 1
                wake()
            }
            return true
        }
    }

    /// Takes everything, leaving `spare` (empty, with its capacity) in its place.
    func take(into spare: inout [Work]) {
        content.withLock { swap(&$0.work, &spare) }
    }

    /// Wakes nobody from now on.
    func silence() { content.withLock { $0.mode = .silent } }

    /// Takes nothing from now on; `forward` gets what is left, before anybody can learn that it is closed.
    func close(forward: ([Work]) -> Void) {
        content.withLock { content in
            content.mode = .closed
            forward(content.work)
            content.work = []
        }
    }

    var isEmpty: Bool { content.withLock { $0.work.isEmpty } }

    var counts: (crossings: Int, wakeups: Int) { content.withLock { ($0.crossings, $0.wakeups) } }
}
