internal import Runtime

/// Something that happens once and that tests wait for.
public final class Event: Sendable {
    private let channel = AsyncChannel<Void>(capacity: 1)

    /// An event that has not happened.
    public init() {}

    /// Whether it has happened.
    public var hasHappened: Bool { channel.isFinished }

    /// Makes it happen. Any thread, any number of times.
    public func happen() { channel.finish() }

    /// Waits until it has happened. Throws `CancellationError`.
    public func wait() async throws { _ = try await channel.receive() }
}

/// Values that arrive from anywhere, in order of their arrival.
public final class Recorder<Value: Sendable>: Sendable {
    private struct State {
        var values: [Value] = []
        var waiting: [(count: Int, event: Event)] = []
    }

    private let state = Locked(State())

    /// An empty recorder.
    public init() {}

    /// What has arrived.
    public var values: [Value] { state.withLock { $0.values } }

    /// Adds a value.
    public func add(_ value: Value) {
        let reached = state.withLock { state in
            state.values.append(value)
            let reached = state.waiting.filter { $0.count <= state.values.count }
            state.waiting.removeAll { $0.count <= state.values.count }
            return reached
        }
        for (_, event) in reached { event.happen() }
    }

    /// Waits until there are `count` values, and returns all there are by then. Throws `CancellationError`.
    public func wait(for count: Int) async throws -> [Value] {
        let event = Event()
        state.withLock { state in
            if state.values.count >= count { event.happen() } else { state.waiting.append((count, event)) }
        }
        try await event.wait()
        return values
    }
}
