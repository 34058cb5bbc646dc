package import JSON
package import Runtime

/// What happened on this node, for the operator: the newest `capacity` events, numbered, and a feed to followers.
///
/// Kept in memory: a restart of the daemon begins a new log. A follower that does not read in time loses its feed, never
/// the node's pace.
package actor EventLog {
    private static let capacity = 1024

    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private var events: [(sequence: Int64, document: JSONValue)] = []
    private var sequence: Int64 = 0
    private var followers: [AsyncChannel<JSONValue>] = []
    private let now: @Sendable () -> String

    package init(loop: EventLoop, now: @escaping @Sendable () -> String) {
        self.loop = loop
        self.now = now
    }

    /// Adds an event; `subject` is the resource it is about, as `vm/default/web1`.
    package func add(kind: String, subject: String, message: String) {
        sequence += 1
        let document = JSONValue.object([
            "sequence": .int(sequence), "time": .string(now()), "event": .string(kind), "subject": .string(subject),
            "message": .string(message),
        ])
        events.append((sequence, document))
        if events.count > Self.capacity { events.removeFirst(events.count - Self.capacity) }
        followers.removeAll { follower in
            guard !follower.trySend(document) else { return false }
            follower.finish()
            return true
        }
    }

    /// The events after `since`, and, where `follow`, those to come.
    package func read(since: Int64?, follow: Bool) -> AsyncChannel<JSONValue> {
        let channel = AsyncChannel<JSONValue>(capacity: Self.capacity * 2)
        for event in events where event.sequence > since ?? 0 { _ = channel.trySend(event.document) }
        if follow { followers.append(channel) } else { channel.finish() }
        return channel
    }
}
