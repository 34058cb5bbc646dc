/// A channel was finished before the element could be sent.
public struct ChannelClosed: Error, Sendable, Hashable, CustomStringConvertible {
    /// Makes the error.
    public init() {}
    /// What happened.
    public var description: String { "the channel is finished" }
}

/// A bounded queue between tasks: a full one makes senders wait, an empty one receivers.
///
/// Any number of tasks may send and receive, on any loops; each element reaches one receiver, in the order of sending.
/// Iterating receives until the channel is finished and empty. Its lock is held for moments only and never across a
/// suspension.
public final class AsyncChannel<Element: Sendable>: Sendable, AsyncSequence {
    @usableFromInline let core: ChannelCore<Element>

    /// A channel that holds up to `capacity` elements, at least 1.
    public init(capacity: Int) {
        precondition(capacity > 0, "a channel needs room for an element")
        core = ChannelCore(capacity: capacity)
    }

    /// The number of elements that wait to be received.
    public var count: Int { core.read { $0.count } }

    /// Whether `finish` has been called.
    public var isFinished: Bool { core.read { $0.finished } }

    /// Sends when there is room, waiting for it as long as the channel is full.
    ///
    /// - Parameters:
    ///   - element: what to send.
    ///   - isolation: the caller's actor, on whose executor this runs.
    /// - Throws: `CancellationError` when the task is cancelled first, `ChannelClosed` when the channel is finished first;
    ///   the element has not been sent then.
    @inlinable
    public func send(_ element: Element, isolation: isolated (any Actor)? = #isolation) async throws {
        try Task.checkCancellation()
        if !core.offer(element) { try await core.sendOrWait(element) }
    }

    /// Sends if there is room now; false when full or finished. A third of what `send` costs, which has to look after executors.
    @inlinable
    @discardableResult
    public func trySend(_ element: Element) -> Bool { core.offer(element) || core.trySend(element) }

    /// Takes the next element, waiting for one; nil once the channel is finished and empty.
    ///
    /// - Parameter isolation: the caller's actor, on whose executor this runs.
    /// - Returns: the element, or nil at the end.
    /// - Throws: `CancellationError` when the task is cancelled first; no element is lost by that.
    @inlinable
    public func receive(isolation: isolated (any Actor)? = #isolation) async throws -> Element? {
        try Task.checkCancellation()
        if let element = core.poll() { return element }
        return try await core.receiveOrWait()
    }

    /// Takes an element if there is one now.
    @inlinable
    public func tryReceive() -> Element? { core.poll() ?? core.tryReceive() }

    /// Ends the channel: elements in it can still be received, senders that wait get `ChannelClosed`. Any number of times.
    public func finish() { core.finish() }

    /// An iterator; several compete for the elements.
    public func makeAsyncIterator() -> Iterator { Iterator(channel: self) }

    /// Receives from a channel.
    public struct Iterator: AsyncIteratorProtocol {
        let channel: AsyncChannel

        /// The next element, as `receive` gives it.
        public mutating func next() async throws -> Element? { try await channel.receive() }

        /// The next element, on the caller's executor.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(any Error) -> Element? {
            try await channel.receive(isolation: actor)
        }
    }
}
