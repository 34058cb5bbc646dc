/// Puts the answers of a watch together to whole revisions, each once and in order, however etcd cuts them. Pure.
///
/// etcd ends an answer with a whole revision, unless it is marked as a fragment; a revision is over, too, when an event of a
/// later one has come. What lies before `next` was asked for or delivered already, and is left out.
package struct WatchAssembly: Sendable {
    /// The first revision that nothing was delivered of.
    package private(set) var next: Int64
    /// A revision of which more may come.
    private var open: WatchBatch?

    /// - Parameter next: the first revision that is wanted.
    package init(next: Int64) { self.next = next }

    /// Takes an answer in.
    ///
    /// - Parameters:
    ///   - events: in the order they were sent.
    ///   - isFragment: whether the answer goes on in the next one.
    /// - Returns: the revisions that are whole now; nil for events that run backwards, after which nothing can be known.
    package mutating func take(_ events: [WatchEvent], isFragment: Bool) -> [WatchBatch]? {
        var whole: [WatchBatch] = []
        for event in events where event.modRevision >= next {
            switch open {
            case let batch? where event.modRevision < batch.revision: return nil
            case let batch? where event.modRevision > batch.revision:
                whole.append(batch)
                open = WatchBatch(revision: event.modRevision, events: [event])
            case nil: open = WatchBatch(revision: event.modRevision, events: [event])
            default: open?.events.append(event)
            }
        }
        if !isFragment, let batch = open {
            whole.append(batch)
            open = nil
        }
        if let last = whole.last { next = last.revision + 1 }
        return whole
    }
}
