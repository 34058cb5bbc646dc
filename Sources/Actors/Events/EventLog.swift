package import JSON
package import Runtime

/// What happened on this node, for the operator: the newest `capacity` events, numbered, and a feed to followers.
///
/// Kept on disk too, so that the next daemon goes on from there. Numbers only rise: after a daemon that was killed, whose last
/// events may not have been written, they go on with a gap. A follower that does not read in time loses its feed, never the
/// node's pace.
package actor EventLog {
    static let capacity = 1024
    /// More than can have been told and not written.
    static let gap: Int64 = 1000

    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private var events: [(sequence: Int64, document: JSONValue)] = []
    private var sequence: Int64 = 0
    private var followers: [AsyncChannel<JSONValue>] = []
    private let file: EventFile
    private var unwritten: [JSONValue] = []
    private var writing: Task<Void, any Error>?
    private let now: @Sendable () -> String

    /// A log that goes on from what is in the file.
    package static func open(
        _ path: String, loop: EventLoop, now: @escaping @Sendable () -> String
    ) async -> EventLog {
        let file = EventFile(path: path, capacity: capacity)
        return EventLog(await file.load(), file, loop, now)
    }

    private init(_ told: [JSONValue], _ file: EventFile, _ loop: EventLoop, _ now: @escaping @Sendable () -> String) {
        self.file = file
        self.loop = loop
        self.now = now
        events = told.compactMap { event in event["sequence"]?.intValue.map { ($0, event) } }
        guard let last = events.last else { return }
        sequence = last.sequence
        if last.document["event"]?.stringValue != "node.stopped" { sequence += Self.gap }
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
        unwritten.append(document)
        // A disk that hangs costs the oldest of them.
        if unwritten.count > Self.capacity { unwritten.removeFirst(unwritten.count - Self.capacity) }
        if writing == nil { writing = spawn(on: loop, "events.write") { await self.write() } }
    }

    /// The events after `since`, and, where `follow`, those to come. Nil for a number that no event has had yet.
    package func read(since: Int64?, follow: Bool) -> AsyncChannel<JSONValue>? {
        guard since ?? 0 <= sequence else { return nil }
        let channel = AsyncChannel<JSONValue>(capacity: Self.capacity * 2)
        for event in events where event.sequence > since ?? 0 { _ = channel.trySend(event.document) }
        if follow { followers.append(channel) } else { channel.finish() }
        return channel
    }

    /// Returns when what was told so far is in the file.
    package func flush() async { _ = await writing?.result }

    private func write() async {
        while !unwritten.isEmpty {
            let events = unwritten
            unwritten = []
            await file.append(events)
        }
        writing = nil
    }
}
