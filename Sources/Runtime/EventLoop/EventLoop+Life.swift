internal import CLibuv
internal import CLinux
internal import Glibc

/// What owns a libuv handle, and is told when its loop goes away.
protocol HandleOwner: AnyObject {
    /// Closes the handle and fails whoever waits on it. On the loop.
    func loopIsEnding()
}

extension EventLoop {
    /// Starts the thread.
    func start() throws(SystemError) {
        try startThread(named: label) {
            unsafe cl_set_loop_current(Unmanaged.passUnretained(self).toOpaque())
            // SAFETY: this thread is the loop's own from here to its end.
            unsafe uv_run(self.uv, UV_RUN_DEFAULT)
            self.finish()
            cl_set_loop_current(nil)
            self.bequeath()
            self.ended.resolve(.success(()))
        }
        started = true
    }

    /// Ends a loop of a group that could not be made, started or not. Only where the group was being made.
    func discard() {
        if started { return stop() }
        // SAFETY: without a thread of its own the loop is this one's.
        becomeCurrent { finish() }
        bequeath()
        ended.resolve(.success(()))
    }

    /// Makes the thread leave `uv_run` and finish. Any thread, any number of times, also when it has ended.
    func stop() {
        execute {
            // What arrives late runs in the afterlife, where nothing of libuv's is left.
            if self.local.closed { return }
            // SAFETY: on the loop.
            unsafe uv_stop(self.uv)
        }
    }

    /// Ends what is left: owners are told and jobs run until all handles are closed and nothing is ready. A task that never
    /// rests gets a number of turns, then goes on where late jobs go.
    private func finish() {
        local.ending = true
        abandonTimers()
        var turns = 0
        repeat {
            endOwners()
            takeInbox()
            afterCallback()
            // Close callbacks; what they resume runs in their own afterCallback.
            unsafe uv_run(uv, UV_RUN_NOWAIT)
            turns += 1
        } while hasOwners || turns < 64 && (local.hasWork || !inbox.isEmpty)
        inbox.silence()
        local.close()
        unsafe uv_close(rawHandle(wakeHandle), nil)
        while unsafe uv_run(uv, UV_RUN_DEFAULT) != 0 {}
        let code = unsafe uv_loop_close(uv)
        precondition(code == 0, "a handle outlived its loop")
        unsafe wakeHandle.deallocate()
        unsafe uv.deallocate()
        local.free()
    }

    /// Hands what is still to be run to the afterlife: the thread is not the loop's any more.
    private func bequeath() {
        inbox.close { rest in
            if local.hasWork { Afterlife.shared.run([], for: self) }
            if !rest.isEmpty { Afterlife.shared.run(rest, for: self) }
        }
    }

    /// Whether handles of others than the loop are open or closing.
    private var hasOwners: Bool {
        let survey = HandleSurvey(loop: self)
        survey.take()
        return survey.count > 0
    }

    /// The streams that libuv knows and that are not closed, in no order: a search, for what is rare. On the loop; none once
    /// it has ended.
    package func openStreams() -> [StreamHandle] {
        let survey = HandleSurvey(loop: self)
        survey.take()
        return survey.owners.compactMap { $0 as? StreamHandle }
    }

    private func endOwners() {
        let survey = HandleSurvey(loop: self)
        survey.take()
        for owner in survey.owners { owner.loopIsEnding() }
    }
}

/// What handles a loop has, besides its own.
private final class HandleSurvey {
    private let loop: EventLoop
    private(set) var count = 0
    /// The owners of those that are not closing yet.
    private(set) var owners: [any HandleOwner] = []

    init(loop: EventLoop) { self.loop = loop }

    func take() {
        // After the loop's end its memory is freed, and nothing was open then.
        if loop.local.closed { return }
        // SAFETY: on the loop; uv_walk calls back before it returns, and self outlives the call.
        unsafe uv_walk(
            loop.uv,
            { handle, raw in
                guard let handle = unsafe handle, let raw = unsafe raw else { return }
                unsafe Unmanaged<HandleSurvey>.fromOpaque(raw).takeUnretainedValue().note(handle)
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    private func note(_ handle: UnsafeMutablePointer<uv_handle_t>) {
        if unsafe loop.local.isOwn(handle) || handle == rawHandle(loop.wakeHandle) { return }
        count += 1
        guard unsafe uv_is_closing(handle) == 0, let raw = unsafe handle.pointee.data else { return }
        // SAFETY: the data word of each handle with an owner is the owner, retained until its close callback.
        if let owner = unsafe Unmanaged<AnyObject>.fromOpaque(raw).takeUnretainedValue() as? any HandleOwner {
            owners.append(owner)
        }
    }
}
