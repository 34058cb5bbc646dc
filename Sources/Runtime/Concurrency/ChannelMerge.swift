/// What can be asked for something to receive without waiting, and tells when it is worth asking again.
protocol Watchable<Item>: Sendable {
    associatedtype Item: Sendable

    /// Takes what there is now.
    func take() -> Taken<Item>
    /// Has the watcher resolved once there may be something, or the end.
    func watch(_ watcher: OneShot<Void>)
    /// Forgets a watcher.
    func unwatch(_ watcher: OneShot<Void>)
}

/// One of the channels that a `ChannelMerge` receives from, and what becomes of its elements there.
public struct MergeSource<Element: Sendable>: Sendable {
    let take: @Sendable () -> Taken<Element>
    let watch: @Sendable (OneShot<Void>) -> Void
    let unwatch: @Sendable (OneShot<Void>) -> Void

    private init<Source: Watchable>(_ source: Source, _ transform: @escaping @Sendable (Source.Item) -> Element) {
        take = {
            switch source.take() {
            case .element(let element): .element(transform(element))
            case .end: .end
            case .nothing: .nothing
            }
        }
        watch = { source.watch($0) }
        unwatch = { source.unwatch($0) }
    }

    /// Receives from a bounded channel.
    public static func from<T>(
        _ channel: AsyncChannel<T>, _ transform: @escaping @Sendable (T) -> Element
    ) -> MergeSource { MergeSource(channel.core, transform) }

    /// Receives from an unbounded channel.
    public static func from<T>(
        _ channel: UnboundedChannel<T>, _ transform: @escaping @Sendable (T) -> Element
    ) -> MergeSource { MergeSource(channel.core, transform) }

    /// Receives for a follower of a broadcast.
    public static func from<T>(
        _ follower: BroadcastChannel<T>.Follower,
        _ transform: @escaping @Sendable (BroadcastChannel<T>.Received) -> Element
    ) -> MergeSource { MergeSource(follower, transform) }

    /// Receives a one-shot's result, once.
    public static func from<T>(
        _ oneShot: OneShot<T>, _ transform: @escaping @Sendable (Result<T, any Error>) -> Element
    ) -> MergeSource { MergeSource(OnceOnly(oneShot), transform) }
}

/// Several channels as one: gives what any of them has, the first that has something first.
///
/// It is fair: whichever was served goes to the end of the line, so that one which always has something keeps no other
/// waiting. Nothing is taken from any channel before it is returned, so that cancellation loses nothing. Any number of tasks
/// may receive.
public final class ChannelMerge<Element: Sendable>: Sendable, AsyncSequence {
    private struct State {
        /// Those that have not ended; the first is asked first.
        var line: [MergeSource<Element>]
    }

    private let state: Locked<State>

    /// Merges these; their order matters to nothing but the first turn.
    public init(_ sources: [MergeSource<Element>]) { state = Locked(State(line: sources)) }

    /// Merges channels of the same elements.
    public convenience init(_ channels: AsyncChannel<Element>...) {
        self.init(channels.map { .from($0) { $0 } })
    }

    /// Takes the next element of any of the channels, waiting for one.
    ///
    /// - Parameter isolation: the caller's actor, on whose executor this runs.
    /// - Returns: the element, or nil once all channels have ended.
    /// - Throws: `CancellationError` when the task is cancelled first; no channel has lost an element by that.
    public func receive(isolation: isolated (any Actor)? = #isolation) async throws -> Element? {
        try await takeNext()
    }

    /// Takes an element if one of the channels has one now.
    public func tryReceive() -> Element? {
        if case .element(let element) = take() { return element }
        return nil
    }

    /// An iterator; several compete for the elements.
    public func makeAsyncIterator() -> Iterator { Iterator(merge: self) }

    /// Receives from several channels.
    public struct Iterator: AsyncIteratorProtocol {
        let merge: ChannelMerge

        /// The next element, as `receive` gives it.
        public mutating func next() async throws -> Element? { try await merge.receive() }

        /// The next element, on the caller's executor.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(any Error) -> Element? {
            try await merge.receive(isolation: actor)
        }
    }
}

extension ChannelMerge: Watchable {
    // The merge's lock first, then a source's: no source knows of the merge.
    func take() -> Taken<Element> {
        state.withLock { state in
            var index = 0
            while index < state.line.count {
                switch state.line[index].take() {
                case .element(let element):
                    state.line.append(state.line.remove(at: index))
                    return .element(element)
                // It would say at once, each time, that it is worth asking.
                case .end: state.line.remove(at: index)
                case .nothing: index += 1
                }
            }
            return state.line.isEmpty ? .end : .nothing
        }
    }

    func watch(_ watcher: OneShot<Void>) {
        let line = state.withLock { $0.line }
        if line.isEmpty { watcher.resolve(.success(())) }
        for source in line { source.watch(watcher) }
    }

    func unwatch(_ watcher: OneShot<Void>) {
        for source in state.withLock({ $0.line }) { source.unwatch(watcher) }
    }
}

extension Watchable {
    /// Takes what there is, waiting for it: the watcher is told, asks again, and only then something is taken.
    func takeNext(isolation: isolated (any Actor)? = #isolation) async throws -> Item? {
        try Task.checkCancellation()
        while true {
            switch take() {
            case .element(let element): return element
            case .end: return nil
            case .nothing: break
            }
            let watcher = OneShot<Void>()
            watch(watcher)
            defer { unwatch(watcher) }
            try await watcher.cancellableValue()
        }
    }
}

/// A one-shot as a channel of one element.
private final class OnceOnly<Value: Sendable>: Watchable {
    private let oneShot: OneShot<Value>
    private let taken = Locked(false)

    init(_ oneShot: OneShot<Value>) { self.oneShot = oneShot }

    func take() -> Taken<Result<Value, any Error>> {
        taken.withLock { taken in
            if taken { return .end }
            guard let result = oneShot.result else { return .nothing }
            taken = true
            return .element(result)
        }
    }

    func watch(_ watcher: OneShot<Void>) { oneShot.watch(watcher) }
    func unwatch(_ watcher: OneShot<Void>) { oneShot.unwatch(watcher) }
}
