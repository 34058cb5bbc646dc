/// What a loop runs: a job of the Swift runtime, or a body given to `execute`.
enum Work {
    /// Of an actor of the loop.
    case job(UnownedJob)
    /// Of code that is on no actor.
    case freeJob(UnownedJob)
    case body(@Sendable () -> Void)
}

/// A queue that grows and never shrinks; only its loop's thread uses it.
@safe
struct WorkRing: ~Copyable {
    private var storage: UnsafeMutablePointer<Work>
    private var mask: Int
    private var head = 0
    private(set) var count = 0

    init(capacity: Int = 256) {
        precondition(capacity > 0 && capacity & (capacity - 1) == 0, "a power of two")
        unsafe storage = .allocate(capacity: capacity)
        mask = capacity - 1
    }

    deinit {
        var left = self.count
        var index = head
        while left > 0 {
            // SAFETY: the `count` slots from `head` on are initialised, all others are not.
            unsafe (storage + (index & mask)).deinitialize(count: 1)
            index += 1
            left -= 1
        }
        unsafe storage.deallocate()
    }

    var isEmpty: Bool { count == 0 }

    mutating func push(_ work: consuming Work) {
        if count > mask { grow() }
        // SAFETY: count <= mask, so this slot is free.
        unsafe (storage + ((head + count) & mask)).initialize(to: work)
        count += 1
    }

    mutating func pop() -> Work? {
        guard count > 0 else { return nil }
        // SAFETY: the slot at head is initialised, and leaves the initialised range now.
        let work = unsafe (storage + head).move()
        head = (head + 1) & mask
        count -= 1
        return work
    }

    private mutating func grow() {
        let capacity = (mask + 1) * 2
        let larger = UnsafeMutablePointer<Work>.allocate(capacity: capacity)
        for index in 0..<count {
            // SAFETY: moves each initialised slot once, into fresh memory.
            unsafe (larger + index).initialize(to: (storage + ((head + index) & mask)).move())
        }
        unsafe storage.deallocate()
        unsafe storage = larger
        mask = capacity - 1
        head = 0
    }
}
