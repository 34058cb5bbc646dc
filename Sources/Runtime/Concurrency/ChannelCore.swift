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

    /// Keeps an element if there is room, nobody waits and the channel isn't finished. False decides nothing.
    @inlinable
    func offer(_ element: Element) -> Bool {
        lock.lock()
        let fits = state.isQuiet && state.elements.count < state.capacity
        if fits { state.elements.append(element) }
        lock.unlock()
        return fits
    }

    /// Takes an element if there is one and nobody waits. Nil decides nothing.
    @inlinable
    func poll() -> Element? {
        lock.lock()
        let element = state.isQuiet ? state.elements.popFirst() : nil
        lock.unlock()
        return element
    }

    /// Everything else.
    func withLock<T>(_ body: (inout ChannelState<Element>) -> T) -> T {
        lock.lock()
        let result = body(&state)
        state.settle()
        lock.unlock()
        return result
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
        // Without attributes it can't fail (pthread_mutex_init(3)).
        unsafe _ = pthread_mutex_init(mutex, nil)
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
