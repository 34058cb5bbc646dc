internal import CLibuv
internal import Synchronization

/// Jobs between two polls for I/O: enough for throughput, few enough that a busy actor does not starve sockets.
package let drainBudget = 1024
/// Times that a stream may fill the read buffer between two polls: enough for throughput, few enough that one which always
/// has more keeps no other waiting for long.
package let readBudget = 2

extension EventLoop {
    /// Called by the Swift runtime for each job of an actor or task of this loop.
    public func enqueue(_ job: consuming ExecutorJob) {
        add(.job(UnownedJob(job)))
    }

    /// Called by the Swift runtime when it needs to know, rather than guess, that code is on this executor.
    public func checkIsolated() {
        precondition(isCurrent, "not isolated to the loop \(label)")
    }

    /// The non-fatal form of `checkIsolated`.
    public func isIsolatingCurrentContext() -> Bool? { isCurrent }

    func add(_ work: Work) {
        if isCurrent {
            local.ring.push(work)
            return
        }
        EventLoop.current?.local.lookout.hasHandedOver = true
        // SAFETY: uv_async_send is for any thread, and the inbox lets it through only before the handle's close.
        let taken = inbox.add(work) { unsafe _ = uv_async_send(wakeHandle) }
        if !taken {
            lateCount.wrappingAdd(1, ordering: .relaxed)
            Afterlife.shared.run([work], for: self)
        }
    }

    /// Moves what other threads left into the ring. On the loop.
    func takeInbox() {
        inbox.take(into: &local.spare)
        for work in local.spare { local.ring.push(work) }
        local.spare.removeAll(keepingCapacity: true)
    }

    /// Runs what is ready. The last line of each libuv callback, so that a resumed task answers in the same turn. On the
    /// loop; harmless when called from within a job.
    public func afterCallback() {
        // SAFETY: on the loop.
        if local.turnStart == 0 && !local.closed { local.turnStart = unsafe uv_now(uv) }
        if local.draining || !local.isInHaste { return }
        local.draining = true
        observation.sawQueue(local.ring.count)
        let before = local.jobsThisTurn
        repeat {
            local.settleDeferred()
            local.jobsThisTurn += drain(budget: drainBudget - local.jobsThisTurn)
        } while local.jobsThisTurn < drainBudget && local.hasWork
        local.draining = false
        let ran = local.jobsThisTurn - before
        jobCount.add(ran)
        let exhausted = local.hasWork
        if exhausted && ran > 0 { exhaustedCount.add() }
        local.setIdle(local.isInHaste)
    }

    /// The loop is about to poll. On the loop.
    func endTurn() {
        lookOut()
        // SAFETY: on the loop. libuv has just taken the time anew, so that a turn costs no clock reading of ours.
        if local.turnStart > 0 { observation.turnTook(milliseconds: unsafe uv_now(uv) &- local.turnStart) }
        local.beginTurn()
        local.readyNextTurn()
        observation.began(.polling)
    }

    @inline(__always)
    private func observe(_ job: UnownedJob, _ run: () -> Void) {
        // SAFETY: a job is one pointer, of which only the address is kept, to compare.
        let identity = unsafe unsafeBitCast(job, to: UInt.self)
        observation.began(job: identity)
        let start = observation.measuresJobs ? uv_hrtime() : 0
        run()
        if start > 0 { observation.jobTook(uv_hrtime() &- start, tasks.label(of: identity)) }
    }

    private func drain(budget: Int) -> Int {
        let serial = unsafe asUnownedSerialExecutor()
        let free = unsafe taskExecutorObject.asUnownedTaskExecutor()
        var ran = 0
        while ran < budget, let work = local.ring.pop() {
            switch work {
            // SAFETY, of both: each job is run once, on the thread of its executor, which is never freed.
            case .job(let job):
                observe(job) { unsafe job.runSynchronously(isolatedTo: serial, taskExecutor: free) }
            case .freeJob(let job):
                observe(job) { unsafe job.runSynchronously(on: free) }
            case .body(let body):
                observation.began(.body)
                let start = observation.measuresJobs ? uv_hrtime() : 0
                body()
                if start > 0 { observation.jobTook(uv_hrtime() &- start, LoopObservation.Doing.body.label) }
            }
            ran += 1
        }
        return ran
    }
}
