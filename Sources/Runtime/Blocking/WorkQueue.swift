internal import CLinux
internal import Glibc

/// Threads with a queue: what blocking executors, pools and the afterlife are made of. Threads start when work needs them.
final class WorkQueue: Sendable {
    typealias Body = @Sendable () -> Void
    /// Called instead of a body that can't be run, since there may be no thread.
    typealias Refusal = @Sendable (SystemError) -> Void

    /// A body that waits for a thread.
    final class Item: @unchecked Sendable {
        // SAFETY: used under the queue's lock alone, once it is queued.
        /// Nil when it does not wait any more.
        fileprivate var body: Body?
        fileprivate let refuse: Refusal

        init(_ body: @escaping Body, refuse: @escaping Refusal) {
            self.body = body
            self.refuse = refuse
        }
    }

    private struct State {
        /// In order; those that were taken back stay until their turn, or until they are more than the others.
        var queue = Fifo<Item>()
        /// How many of them were taken back.
        var gone = 0
        var threads = 0
        var idle = 0
        var stopping = false

        var waiting: Int { queue.count - gone }

        /// The next that still waits.
        mutating func popFirst() -> (body: Body, refuse: Refusal)? {
            while let item = queue.popFirst() {
                guard let body = item.body else {
                    gone -= 1
                    continue
                }
                item.body = nil
                return (body, item.refuse)
            }
            return nil
        }

        mutating func takeBack(_ item: Item) -> Body? {
            guard let body = item.body else { return nil }
            item.body = nil
            gone += 1
            if gone < 32 || gone <= queue.count / 2 { return body }
            var rest = Fifo<Item>()
            while let item = queue.popFirst() { if item.body != nil { rest.append(item) } }
            queue = rest
            gone = 0
            return body
        }
    }

    let label: String
    private let limit: Int
    /// How many bodies may wait for a thread.
    private let room: Int
    private let state = Monitor(State())
    /// Arrives when all threads have ended after `stop`.
    let ended = OneShot<Void>()

    init(label: String, threads: Int, room: Int = .max) {
        self.label = label
        self.room = room
        limit = threads
    }

    /// What becomes of a body.
    enum Admission { case taken, full, stopped }

    /// Queues a body, if it is taken. `refuse` is called later if no thread can be had for it.
    @discardableResult
    func add(_ body: @escaping Body, refuse: @escaping Refusal) -> Admission { add(Item(body, refuse: refuse)) }

    /// The same for a body that may be taken back.
    func add(_ item: Item) -> Admission {
        let (admission, start) = state.withLock { state -> (Admission, Int?) in
            if state.stopping { return (.stopped, nil) }
            let free = state.idle + limit - state.threads
            if state.waiting >= free && state.waiting - free >= room { return (.full, nil) }
            state.queue.append(item)
            if state.waiting <= state.idle || state.threads >= limit { return (.taken, nil) }
            state.threads += 1
            return (.taken, state.threads)
        }
        if let start {
            do {
                try startThread(named: limit == 1 ? label : "\(label)-\(start - 1)") { self.work() }
            } catch {
                lostThread(error)
            }
        } else if admission == .taken {
            state.signal()
        }
        return admission
    }

    /// Takes a body back that no thread has begun, with the place it had. Harmless for one that has.
    func takeBack(_ item: Item) {
        let body = state.withLock { $0.takeBack(item) }
        // Let go outside of the lock.
        _ = body
    }

    /// A thread could not be made: others do its work, or else nobody does.
    private func lostThread(_ error: SystemError) {
        let stranded = state.withLock { state in
            state.threads -= 1
            var stranded: [Refusal] = []
            while state.threads == 0, let item = state.popFirst() { stranded.append(item.refuse) }
            if state.threads == 0 && state.stopping { ended.resolve(.success(())) }
            return stranded
        }
        for refuse in stranded { refuse(error) }
    }

    /// Lets the threads end when the queue is empty; bodies added before still run.
    func stop() {
        let idle = state.withLock { state in
            state.stopping = true
            return state.threads == 0
        }
        if idle { ended.resolve(.success(())) }
        state.broadcast()
    }

    private func work() {
        while let body = next() { body() }
        let last = state.withLock { state in
            state.threads -= 1
            return state.threads == 0
        }
        if last { ended.resolve(.success(())) }
    }

    private func next() -> Body? {
        state.withLock { state in state.idle += 1 }
        return state.wait { state -> Body?? in
            if let item = state.popFirst() {
                state.idle -= 1
                return .some(item.body)
            }
            return state.stopping ? .some(nil) : nil
        }
    }
}

/// A value behind a lock that threads can wait on: Synchronization has no condition.
@safe
private final class Monitor<Value>: @unchecked Sendable {
    // SAFETY: `value` is touched with `mutex` held; mutex and condition have a fixed place in memory, as pthreads need.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var value: Value

    init(_ value: Value) {
        self.value = value
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(condition, nil)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    func withLock<T>(_ body: (inout Value) -> T) -> T {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return body(&value)
    }

    /// Waits until `body` gives a value; it is called with the lock held.
    func wait<T>(_ body: (inout Value) -> T?) -> T {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while true {
            if let result = body(&value) { return result }
            unsafe pthread_cond_wait(condition, mutex)
        }
    }

    func signal() { unsafe pthread_cond_signal(condition) }
    func broadcast() { unsafe pthread_cond_broadcast(condition) }
}

/// Starts a detached thread with a name; throws what pthread_create(3) gives, as a rule EAGAIN.
func startThread(named name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) {
    final class Start: Sendable {
        let name: String
        let body: @Sendable () -> Void
        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
    var attributes = pthread_attr_t()
    // SAFETY: the attributes are local; the argument is retained here and released by the new thread alone.
    unsafe pthread_attr_init(&attributes)
    defer { unsafe pthread_attr_destroy(&attributes) }
    unsafe pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
    var thread = pthread_t()
    let argument = unsafe Unmanaged.passRetained(Start(name: name, body: body)).toOpaque()
    let code = unsafe pthread_create(
        &thread, &attributes,
        { raw in
            guard let raw = unsafe raw else { return nil }
            let start = unsafe Unmanaged<Start>.fromOpaque(raw).takeRetainedValue()
            _ = unsafe cl_thread_name(start.name)
            start.body()
            return nil
        }, argument)
    if code != 0 {
        unsafe Unmanaged<Start>.fromOpaque(argument).release()
        throw SystemError(errno: code, operation: "start the thread \(name)")
    }
}
