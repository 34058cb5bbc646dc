internal import CLinux
internal import Glibc

/// The state of a channel behind its lock, with the two ways that nobody waits on laid open: compiled anew for each kind of
/// element where they are used, they cost a tenth of what they cost as generic code.
@usableFromInline
@safe
final class ChannelCore<Element: Sendable>: @unchecked Sendable {
    // SAFETY: `state` is read and written by whoever holds `lock`.
    @usableFromInline let lock = ChannelLock()
    @usableFromInline var state: ChannelState<Element>

    init(capacity: Int) { state = ChannelState(capacity: capacity) }

    /// Keeps an element if there is room and nobody waits for one. False decides nothing.
    @inlinable
    func offer(_ element: Element) -> Bool {
        lock.lock()
        let fits = state.elements.count < state.offerable
        if fits {
            state.elements.append(element)
            state.noteHighWater()
        }
        lock.unlock()
        return fits
    }

    /// Takes an element if there is one that no sender waits for. Nil decides nothing.
    @inlinable
    func poll() -> Element? {
        lock.lock()
        let element = state.elements.count > state.unpollable ? state.elements.popFirst() : nil
        lock.unlock()
        return element
    }

    /// Everything else: resumes whom the state names once the lock is free.
    private func act(_ body: (inout ChannelState<Element>) -> [ChannelState<Element>.Action]) {
        lock.lock()
        let actions = body(&state)
        state.settle()
        lock.unlock()
        for action in actions { action.perform() }
    }

    /// What `state` says now.
    func read<T>(_ body: (ChannelState<Element>) -> T) -> T {
        lock.lock()
        defer { lock.unlock() }
        return body(state)
    }

    @usableFromInline
    func trySend(_ element: Element) -> Bool {
        var sent = false
        act { $0.trySend(element, &sent) }
        return sent
    }

    /// Sends unless an element of the same kind waits already.
    func trySend(_ element: Element, unlessWaiting isSame: (Element) -> Bool) {
        var sent = false
        act { $0.elements.contains(where: isSame) ? [] : $0.trySend(element, &sent) }
    }

    @usableFromInline
    func tryReceive() -> Element? {
        if case .element(let element) = take() { return element }
        return nil
    }

    func take() -> Taken<Element> {
        var taken = Taken<Element>.nothing
        act { $0.tryReceive(&taken) }
        return taken
    }

    func finish() { act { $0.finish() } }

    /// Sends, waiting for room.
    @usableFromInline
    func sendOrWait(_ element: Element, isolation: isolated (any Actor)? = #isolation) async throws {
        if trySend(element) { return }
        let sent = OneShot<Void>()
        try await withTaskCancellationHandler {
            act { $0.send(element, sent) }
            try await sent.value()
        } onCancel: {
            act { $0.cancelSender(sent) }
        }
    }

    /// Takes an element, waiting for one; nil at the end.
    @usableFromInline
    func receiveOrWait(isolation: isolated (any Actor)? = #isolation) async throws -> Element? {
        switch take() {
        case .element(let element): return element
        case .end: return nil
        case .nothing: break
        }
        let received = OneShot<Element?>()
        return try await withTaskCancellationHandler {
            act { $0.receive(received) }
            return try await received.value()
        } onCancel: {
            act { $0.cancelReceiver(received) }
        }
    }
}

extension ChannelCore: Watchable {
    func watch(_ watcher: OneShot<Void>) { act { $0.watch(watcher) } }

    func unwatch(_ watcher: OneShot<Void>) {
        act {
            $0.unwatch(watcher)
            return []
        }
    }
}

extension ChannelState.Action {
    /// Resumes whom it names. Outside the lock.
    fileprivate func perform() {
        switch self {
        case .send(let sender, let result): sender.fulfil(result)
        case .receive(let receiver, let result): receiver.fulfil(result)
        case .wake(let watcher): watcher.resolve(.success(()))
        }
    }
}

/// A plain lock for code that is compiled into other modules, where the type of `Locked` can't be seen through. Used through
/// its functions alone, which are never inlined: what `Locked` says of thread-local storage holds for none of them.
@usableFromInline
@safe
final class ChannelLock: @unchecked Sendable {
    // SAFETY: the memory is this object's from init to deinit; pthread's functions are for any thread.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>

    init() {
        unsafe mutex = .allocate(capacity: 1)
        unsafe mutex.initialize(to: pthread_mutex_t())
        // It is held for some twenty instructions: whoever finds it taken looks a few times more before it asks the kernel to
        // wake it (pthread_mutexattr_settype(3); none of these calls fails with these arguments).
        var attributes = pthread_mutexattr_t()
        unsafe pthread_mutexattr_init(&attributes)
        unsafe pthread_mutexattr_settype(&attributes, CInt(PTHREAD_MUTEX_ADAPTIVE_NP))
        unsafe _ = pthread_mutex_init(mutex, &attributes)
        unsafe pthread_mutexattr_destroy(&attributes)
    }

    deinit {
        unsafe _ = pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    @usableFromInline
    @inline(never)
    func lock() { unsafe _ = pthread_mutex_lock(mutex) }

    @usableFromInline
    @inline(never)
    func unlock() { unsafe _ = pthread_mutex_unlock(mutex) }
}
