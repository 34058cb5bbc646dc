/// A binary heap of timers, earliest first; each timer knows its place, so that cancelling is no search.
struct TimerHeap {
    private var entries: [ScheduledTimer] = []

    var earliest: ScheduledTimer? { entries.first }
    var count: Int { entries.count }

    mutating func insert(_ timer: ScheduledTimer) {
        timer.heapIndex = entries.count
        entries.append(timer)
        siftUp(timer.heapIndex)
    }

    mutating func remove(_ timer: ScheduledTimer) {
        let index = timer.heapIndex
        guard index >= 0 else { return }
        let last = entries.count - 1
        if index != last { exchange(index, last) }
        entries.removeLast()
        timer.heapIndex = -1
        if index < entries.count {
            siftDown(index)
            siftUp(index)
        }
    }

    private mutating func siftUp(_ start: Int) {
        var index = start
        while index > 0 {
            let parent = (index - 1) / 2
            if entries[parent].deadline <= entries[index].deadline { return }
            exchange(index, parent)
            index = parent
        }
    }

    private mutating func siftDown(_ start: Int) {
        var index = start
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2]
            where child < entries.count && entries[child].deadline < entries[least].deadline {
                least = child
            }
            if least == index { return }
            exchange(index, least)
            index = least
        }
    }

    private mutating func exchange(_ a: Int, _ b: Int) {
        entries.swapAt(a, b)
        entries[a].heapIndex = a
        entries[b].heapIndex = b
    }
}
