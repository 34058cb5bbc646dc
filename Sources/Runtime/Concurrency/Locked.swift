internal import CLinux
internal import Synchronization

/// A value behind a lock: Synchronization's `Mutex`, made safe for async functions and known to ThreadSanitizer.
///
/// Use it wherever one would use `Mutex`. `Mutex` inlines a look at the thread's number, which it keeps in thread-local
/// storage; in an async function Swift 6.3.1 with -O computes the address of that storage once and carries it across
/// suspensions, so that a lock taken after one belongs to the thread that ran before it, and the kernel ends the process
/// at the next contended unlock. Here both happen in a function of their own, which is never inlined.
public struct Locked<Value>: ~Copyable, Sendable {
    // SAFETY: Mutex is Sendable for any value; ours adds no other way to the value.
    private let mutex: Mutex<Value>

    /// Puts a value behind a lock.
    public init(_ value: sending Value) { mutex = Mutex(value) }

    /// Runs `body` with the value, alone. Short: whoever else comes waits with its thread.
    @inline(never)
    public borrowing func withLock<Result, Failure: Error>(
        _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        // SAFETY: only a name for this lock; nothing is read through it. The value's own address would not do: taking it
        // counts as an access, before ThreadSanitizer knows of the order.
        let name = unsafe withUnsafePointer(to: mutex) { unsafe UnsafeMutableRawPointer(mutating: $0) }
        return try mutex.withLock { value throws(Failure) in
            // Mutex is not instrumented: everything handed over under it would be reported as a race.
            unsafe cl_tsan_acquire(name)
            defer { unsafe cl_tsan_release(name) }
            return try body(&value)
        }
    }
}
