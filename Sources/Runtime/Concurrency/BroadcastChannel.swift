/// A channel whose every follower gets every element, and whose sender never waits.
///
/// It keeps the last `capacity` elements for those who are behind. A follower that is slower than that loses the oldest, and
/// is told how many. Any number of tasks may send and follow, on any loops.
public final class BroadcastChannel<Element: Sendable>: Sendable {
    /// What a follower receives.
    public enum Received: Sendable {
        /// The next element.
        case element(Element)
        /// This many were overwritten before the follower took them; the next it receives is the oldest still kept.
        case lagged(Int)
    }

    private let state: Locked<BroadcastState<Element>>

    /// A channel that keeps up to `capacity` elements, at least 1, whether or not anybody follows.
    public init(capacity: Int) {
        precondition(capacity > 0, "a channel needs room for an element")
        state = Locked(BroadcastState(capacity: capacity))
    }

    /// Whether `finish` has been called.
    public var isFinished: Bool { state.withLock { $0.finished } }

    /// Sends to all that follow by now. At once, on any thread.
    ///
    /// - Parameter element: what to send.
    /// - Returns: false when the channel is finished; the element has not been sent then.
    @discardableResult
    public func send(_ element: Element) -> Bool {
        let (sent, watchers) = state.withLock { $0.send(element) }
        for watcher in watchers { watcher.resolve(.success(())) }
        return sent
    }

    /// Ends the channel: followers still get what is kept. Any number of times.
    public func finish() {
        for watcher in state.withLock({ $0.finish() }) { watcher.resolve(.success(())) }
    }

    /// Begins to follow: what is sent from now on. One that is let go costs nothing more.
    public func follow() -> Follower { Follower(channel: self, position: state.withLock { $0.next }) }

    /// One of those who get everything. Of several tasks that share one, each element reaches one.
    public final class Follower: Sendable, AsyncSequence {
        /// An element, or how many were missed.
        public typealias Element = Received

        private let channel: BroadcastChannel
        private let position: Locked<UInt64>

        fileprivate init(channel: BroadcastChannel, position: UInt64) {
            self.channel = channel
            self.position = Locked(position)
        }

        /// Takes the next element, waiting for one.
        ///
        /// - Parameter isolation: the caller's actor, on whose executor this runs.
        /// - Returns: the element, or how many were missed; nil once the channel is finished and all is received.
        /// - Throws: `CancellationError` when the task is cancelled first; nothing is missed by that.
        public func receive(isolation: isolated (any Actor)? = #isolation) async throws -> Received? {
            try await takeNext()
        }

        /// Takes an element if there is one now.
        public func tryReceive() -> Received? {
            if case .element(let element) = take() { return element }
            return nil
        }

        /// An iterator over what the follower receives.
        public func makeAsyncIterator() -> Iterator { Iterator(follower: self) }

        /// Receives for a follower.
        public struct Iterator: AsyncIteratorProtocol {
            let follower: Follower

            /// The next element, as `receive` gives it.
            public mutating func next() async throws -> Received? { try await follower.receive() }

            /// The next element, on the caller's executor.
            public mutating func next(isolation actor: isolated (any Actor)?) async throws(any Error) -> Received? {
                try await follower.receive(isolation: actor)
            }
        }
    }
}

extension BroadcastChannel.Follower: Watchable {
    // The follower's own lock first, then the channel's: never the other way round.
    func take() -> Taken<BroadcastChannel.Received> {
        position.withLock { position in
            let from = position
            let (taken, next) = channel.state.withLock { $0.take(from: from) }
            position = next
            return taken
        }
    }

    func watch(_ watcher: OneShot<Void>) {
        let from = position.withLock { $0 }
        if channel.state.withLock({ $0.watch(watcher, from: from) }) { watcher.resolve(.success(())) }
    }

    func unwatch(_ watcher: OneShot<Void>) { channel.state.withLock { $0.unwatch(watcher) } }
}

/// The rules of a broadcast: a ring of the last elements, each with a number that only grows.
struct BroadcastState<Element: Sendable> {
    private let capacity: Int
    private var ring: [Element] = []
    private var watchers: [OneShot<Void>] = []
    /// The number of the next element.
    private(set) var next: UInt64 = 0
    private(set) var finished = false

    init(capacity: Int) { self.capacity = capacity }

    private var oldest: UInt64 { next - UInt64(ring.count) }

    mutating func send(_ element: Element) -> (Bool, [OneShot<Void>]) {
        if finished { return (false, []) }
        if ring.count < capacity { ring.append(element) } else { ring[Int(next % UInt64(capacity))] = element }
        next += 1
        return (true, takeWatchers())
    }

    mutating func finish() -> [OneShot<Void>] {
        finished = true
        return takeWatchers()
    }

    /// What a follower at this number gets, and the number it has to go on with.
    func take(from position: UInt64) -> (Taken<BroadcastChannel<Element>.Received>, UInt64) {
        if position < oldest { return (.element(.lagged(Int(oldest - position))), oldest) }
        if position == next { return (finished ? .end : .nothing, position) }
        return (.element(.element(ring[Int(position % UInt64(capacity))])), position + 1)
    }

    /// True if there is something already; otherwise the watcher is told when there is.
    mutating func watch(_ watcher: OneShot<Void>, from position: UInt64) -> Bool {
        if finished || position < next { return true }
        watchers.append(watcher)
        return false
    }

    mutating func unwatch(_ watcher: OneShot<Void>) { watchers.removeAll { $0 === watcher } }

    private mutating func takeWatchers() -> [OneShot<Void>] {
        defer { watchers = [] }
        return watchers
    }
}
