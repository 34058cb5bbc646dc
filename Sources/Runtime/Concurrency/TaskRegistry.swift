/// The tasks that `spawn` started on a loop and that have not ended, so that a shutdown can cancel and await them and the
/// watchdog can name them. A list that runs through its entries: one object a task, and no search.
final class TaskRegistry: Sendable {
    /// A task's place.
    final class Entry: @unchecked Sendable {
        // SAFETY: all but the label is used under the registry's lock alone.
        let label: String
        /// The task; nil from `insert` to `attach`, and after its end.
        fileprivate var task: Running?
        fileprivate var hasEnded = false
        fileprivate var next: Entry?
        // SAFETY: whoever is in the list is kept by it.
        fileprivate unowned(unsafe) var previous: Entry?

        init(label: String) { self.label = label }
    }

    /// What can be cancelled.
    fileprivate enum Running {
        case task(AnyTask)
        case child(RunningChild)

        /// By which the loop knows what it runs.
        var address: UInt {
            switch self {
            case .task(let task): task.address
            case .child(let child): child.address
            }
        }

        func cancel() {
            switch self {
            case .task(let task): task.cancel()
            case .child(let child): child.cancel()
            }
        }
    }

    /// A task whose result nobody asks for here.
    @safe
    fileprivate struct AnyTask {
        // SAFETY: a Task is one reference, to the object that the loop's jobs of it are, whatever its result: it is retained as
        // that, and cancelled through another type of Task, which passes that reference on.
        private let object: AnyObject

        init<T>(_ task: Task<T, any Error>) { object = unsafe unsafeBitCast(task, to: AnyObject.self) }

        var address: UInt { UInt(bitPattern: ObjectIdentifier(object)) }

        func cancel() { unsafe unsafeBitCast(object, to: Task<Never, Never>.self).cancel() }
    }

    @safe
    private struct State {
        var first: Entry?
        var count = 0
        /// How many there have been.
        var started = 0
        /// The task that ended last, whose last job may still be asked for.
        var last: (address: UInt, label: String)?
        var cancelled = false
        /// Nobody waits for them any more.
        var abandoned = false
        /// Arrives when none is left.
        var drained: OneShot<Void>?
    }

    private let state = Locked(State())

    var started: Int { state.withLock { $0.started } }

    /// A place for a task about to start: from here on a shutdown waits for it.
    func insert(_ entry: Entry) {
        state.withLock { state in
            entry.next = state.first
            unsafe entry.next?.previous = entry
            state.first = entry
            state.count += 1
            state.started += 1
        }
    }

    /// The task of the place, unless it has ended by now; it is cancelled at once if the loop is shutting down.
    func attach<T>(_ task: Task<T, any Error>, to entry: Entry) { attach(.task(AnyTask(task)), to: entry) }

    /// As the other, for a child that is running.
    func attach(_ child: RunningChild, to entry: Entry) { attach(.child(child), to: entry) }

    private func attach(_ task: Running, to entry: Entry) {
        let now = state.withLock { state in
            if !entry.hasEnded { entry.task = task }
            return state.cancelled
        }
        if now { task.cancel() }
    }

    /// The label of the task at an address: one that lives, or the last that has ended.
    func label(of address: UInt) -> String? {
        state.withLock { state in
            var entry = state.first
            while let this = entry {
                if this.task?.address == address { return this.label }
                entry = this.next
            }
            return state.last?.address == address ? state.last?.label : nil
        }
    }

    func remove(_ entry: Entry) {
        let (drained, task) = state.withLock { state -> (OneShot<Void>?, Running?) in
            let (next, previous, task) = unsafe (entry.next, entry.previous, entry.task)
            unsafe next?.previous = previous
            if let previous { previous.next = next } else { state.first = next }
            entry.next = nil
            unsafe entry.previous = nil
            entry.task = nil
            entry.hasEnded = true
            state.count -= 1
            state.last = task.map { ($0.address, entry.label) }
            if state.count > 0 { return (nil, task) }
            defer { state.drained = nil }
            return (state.drained, task)
        }
        drained?.resolve(.success(()))
        // Let go outside of the lock, if this is the last reference.
        _ = task
    }

    /// Cancels all tasks, present and future.
    func cancelAll() {
        let tasks = state.withLock { state in
            state.cancelled = true
            var tasks: [Running] = []
            var entry = state.first
            while let this = entry {
                if let task = this.task { tasks.append(task) }
                entry = this.next
            }
            return tasks
        }
        for task in tasks { task.cancel() }
    }

    /// What arrives once there is no task, which may be at once, also where they were abandoned meanwhile; it fails when they
    /// are abandoned before. One waits at a time.
    func drained() -> OneShot<Void> {
        let drained = OneShot<Void>()
        let result: Result<Void, any Error>? = state.withLock { state in
            if state.count == 0 { return .success(()) }
            if state.abandoned { return .failure(CancellationError()) }
            state.drained = drained
            return nil
        }
        if let result { drained.resolve(result) }
        return drained
    }

    /// Has nobody wait for tasks any more.
    func abandon() {
        let drained = state.withLock { state in
            state.abandoned = true
            defer { state.drained = nil }
            return state.drained
        }
        drained?.resolve(.failure(CancellationError()))
    }
}
