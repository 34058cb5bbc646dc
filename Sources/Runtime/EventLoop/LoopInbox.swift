internal import Synchronization

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
        /// Whether the loop looks by itself, so that nobody need wake it.
        var isWatched = false
        var crossings = 0
        var wakeups = 0
    }

    private let content = Locked(Content())
    /// Whether work came while the loop looks: written under the lock, read without it.
    private let arrived = Atomic<Bool>(false)

    /// Whether work has come since `watch`, as far as this thread sees by now.
    var hasArrived: Bool { arrived.load(ordering: .relaxed) }

    /// Leaves work and wakes the loop if there was none; false, and the work is not taken, once closed.
    ///
    /// `wake` is called under the lock: when `silence` has returned, nobody can be about to signal a dead handle.
    func add(_ work: Work, wake: () -> Void) -> Bool {
        content.withLock { content in
            if content.mode == .closed { return false }
            content.crossings += 1
            content.work.append(work)
            if content.isWatched {
                arrived.store(true, ordering: .relaxed)
            } else if content.work.count == 1 && content.mode == .open {
                content.wakeups += 1
                wake()
            }
            return true
        }
    }

    /// Spares others the waking: the loop is going to look at `hasArrived`, and to `unwatch` before it sleeps. Nothing happens,
    /// and it need not look, where there is work: false.
    func watch() -> Bool {
        content.withLock { content in
            if !content.work.isEmpty { return false }
            content.isWatched = true
            arrived.store(false, ordering: .relaxed)
            return true
        }
    }

    /// From now on the loop has to be woken again. What has come is to be taken: nobody has told of it.
    func unwatch() { content.withLock { $0.isWatched = false } }

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
