internal import Logging
internal import Runtime

/// The side of the SQLite store that runs on its thread: an actor whose executor is that thread, so that none of its work
/// is lost when the task that asked for it is cancelled.
actor SQLiteWorker {
    nonisolated let configuration: SQLiteStore.Configuration
    nonisolated let queue = CommitQueue()
    nonisolated let signal = RevisionSignal(revision: 0)
    nonisolated let executor = BlockingExecutor(label: "store")
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private var engine: SQLiteEngine?
    private var failure: StoreError?
    private var armedUntil: Duration?

    init(configuration: SQLiteStore.Configuration) { self.configuration = configuration }

    /// Opens the file; to be called once, before anything else.
    ///
    /// - Returns: the cluster's id.
    /// - Throws: `StoreError`.
    func open(now: Duration) throws -> String {
        if configuration.vfs == nil { try StoreFile.prepare(configuration.path) }
        let engine = try StoreFile.explainingLock(configuration.path) { try SQLiteEngine(configuration, now: now) }
        self.engine = engine
        signal.publish(engine.revision)
        return engine.cluster
    }

    /// Runs the body outside any transaction.
    ///
    /// - Throws: what the body throws, SQLite's failures as `StoreError`.
    func read<T: Sendable>(_ body: @Sendable (SQLiteEngine) throws -> T) throws -> T {
        if let failure { throw failure }
        guard let engine else { throw StoreError.closed }
        do {
            return try body(engine)
        } catch let failure as SQLiteFailure {
            throw failure.storeError(path: configuration.path)
        }
    }

    /// Commits all that is queued.
    func drain() {
        var writes = queue.take()[...]
        while !writes.isEmpty {
            let group = writes.prefix(configuration.group)
            writes = writes.dropFirst(group.count)
            commit(Array(group))
        }
        trim()
    }

    /// Commits what is queued and closes the file.
    func close() {
        drain()
        engine?.close()
        engine = nil
        failure = failure ?? .closed
        signal.end(.closed)
    }

    private func stage(_ stage: CommitStage) { configuration.onStage?(stage) }

    private func commit(_ group: [any QueuedWrite]) {
        guard failure == nil, let engine else {
            for write in group { write.settle(failure ?? .closed) }
            return
        }
        var isCommitting = false
        do {
            try engine.begin()
            stage(.begun)
            for write in group {
                try write.perform(engine)
                stage(.applied)
            }
            stage(.committing)
            isCommitting = true
            try engine.commit()
            stage(.committed)
            for write in group { write.settle(nil) }
            signal.publish(engine.revision)
            stage(.answered)
        } catch {
            engine.rollback()
            settle(group, after: error, isCommitting: isCommitting)
        }
    }

    private func settle(_ group: [any QueuedWrite], after failure: SQLiteFailure, isCommitting: Bool) {
        if isCommitting, failure.leavesOutcomeOpen {
            end(failure)
            let unknown = StoreError(
                .unknownOutcome, "the disk of the store \(configuration.path) failed during the commit",
                fix: "look at the disk (dmesg), restart the daemon, then look what is stored", cause: "\(failure)")
            for write in group { write.settle(unknown) }
        } else if group.count > 1 {
            // One of them may be at fault, a large one on a full disk: each gets its own answer.
            for write in group { commit([write]) }
        } else {
            for write in group { write.settle(failure.storeError(path: configuration.path)) }
        }
    }

    /// Ends the store after a failed commit.
    private func end(_ cause: SQLiteFailure) {
        let error = StoreError(
            .unavailable, "the disk of the store \(configuration.path) has failed",
            fix: "look at the disk (dmesg), then restart the daemon", cause: "\(cause)")
        failure = error
        signal.end(error)
        configuration.logger.critical("\(error)")
    }

    private func trim() {
        guard failure == nil, let engine else { return }
        let size = engine.logSize
        guard size.rows > configuration.logRows || size.bytes > configuration.logBytes else { return }
        do {
            let target = try engine.trimTarget(rows: configuration.logRows / 2, bytes: configuration.logBytes / 2)
            guard let target else { return }
            try engine.compact(to: target)
            stage(.trimmed)
        } catch {
            // Nothing is lost but space; the next commit tries again.
            configuration.logger.warning("the store's log of changes can't be trimmed: \(error)")
            if let failure = error as? SQLiteFailure, failure.leavesOutcomeOpen { end(failure) }
        }
    }

    /// The delay after which the store must be woken for the next lease; nil if there is none or a wake-up is on its way
    /// that comes early enough.
    func armLeases(now: Duration) -> Duration? {
        guard failure == nil, let deadline = engine?.nextDeadline else { return nil }
        if let armedUntil, armedUntil <= deadline { return nil }
        armedUntil = deadline
        return max(.zero, deadline - now)
    }

    /// The wake-up has come.
    func disarmLeases() { armedUntil = nil }
}
