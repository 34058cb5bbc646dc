/// A binary heap of a loop's timers, earliest first, and the nodes that wait for timers to come. On the loop alone.
///
/// Each node that is here belongs to it, from `insert` or `recycle` to `free`; moving between heap and spares retains and
/// releases nothing. Each knows its place, so that cancelling is no search.
@safe
struct TimerHeap {
    @safe
    private struct Entry {
        var deadline: UInt64
        // SAFETY: retained for as long as it is here.
        var node: Unmanaged<TimerNode>
    }

    /// Nodes kept for timers to come.
    private var maxSpares = 256

    private var entries: UnsafeMutablePointer<Entry>
    private var capacity = 16
    private(set) var count = 0
    /// The first node without a timer; each knows the next.
    private var spare: Unmanaged<TimerNode>?
    private var spareCount = 0

    init() { unsafe entries = .allocate(capacity: capacity) }

    /// The earliest timer's deadline.
    var earliestDeadline: UInt64? { count > 0 ? unsafe entries[0].deadline : nil }

    /// A node without a timer, if one is kept; it is the caller's, retained, to be inserted.
    mutating func takeSpare() -> Unmanaged<TimerNode>? {
        guard let node = unsafe spare else { return nil }
        unsafe spare = node._withUnsafeGuaranteedRef { unsafe $0.nextSpare }
        spareCount -= 1
        return unsafe node
    }

    /// Takes a retained node over.
    mutating func insert(_ node: Unmanaged<TimerNode>, deadline: UInt64) {
        if count == capacity { grow() }
        count += 1
        unsafe siftUp(count - 1, Entry(deadline: deadline, node: node))
    }

    /// Takes the node out; it is the caller's, retained, to be recycled.
    mutating func remove(at index: Int) -> Unmanaged<TimerNode> {
        let node = unsafe entries[index].node
        unsafe node._withUnsafeGuaranteedRef { $0.heapIndex = -1 }
        count -= 1
        if index < count {
            let last = unsafe entries[count]
            let parent = (index - 1) / 2
            if index > 0, unsafe last.deadline < entries[parent].deadline {
                siftUp(index, last)
            } else {
                siftDown(index, last)
            }
        }
        return unsafe node
    }

    /// Takes a retained node whose timer is over; another may have it.
    mutating func recycle(_ node: Unmanaged<TimerNode>) {
        if spareCount >= maxSpares { return unsafe node.release() }
        unsafe node._withUnsafeGuaranteedRef { unsafe $0.nextSpare = spare }
        unsafe spare = node
        spareCount += 1
    }

    /// Lets go of everything: the loop has ended. Its timers have been taken out.
    mutating func free() {
        while let node = unsafe takeSpare() { unsafe node.release() }
        unsafe entries.deallocate()
        maxSpares = 0
    }

    private mutating func grow() {
        let larger = UnsafeMutablePointer<Entry>.allocate(capacity: 2 * capacity)
        unsafe larger.moveInitialize(from: entries, count: count)
        unsafe entries.deallocate()
        unsafe entries = larger
        capacity *= 2
    }

    private func put(_ entry: Entry, at index: Int) {
        unsafe (entries + index).initialize(to: entry)
        unsafe entry.node._withUnsafeGuaranteedRef { $0.heapIndex = index }
    }

    /// The place is free, and so are those that it moves up through.
    private func siftUp(_ start: Int, _ entry: Entry) {
        var index = start
        while index > 0 {
            let parent = (index - 1) / 2
            if unsafe entries[parent].deadline <= entry.deadline { break }
            unsafe put(entries[parent], at: index)
            index = parent
        }
        put(entry, at: index)
    }

    private func siftDown(_ start: Int, _ entry: Entry) {
        var index = start
        while true {
            var child = 2 * index + 1
            if child >= count { break }
            if child + 1 < count, unsafe entries[child + 1].deadline < entries[child].deadline { child += 1 }
            if unsafe entries[child].deadline >= entry.deadline { break }
            unsafe put(entries[child], at: index)
            index = child
        }
        put(entry, at: index)
    }
}
