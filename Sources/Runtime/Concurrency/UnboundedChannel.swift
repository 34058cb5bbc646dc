/// A queue between tasks that never makes its senders wait, and therefore may grow without end.
///
/// As a rule `AsyncChannel` is the right one: its senders feel a receiver that is slow. Take this where that can't be, as in
/// a callback that may not wait, and only where something else bounds what is sent; `reason` says what. Any number of tasks
/// may send and receive, on any loops; each element reaches one receiver, in the order of sending.
public final class UnboundedChannel<Element: Sendable>: Sendable, AsyncSequence {
    /// Why nothing bounds it here: for diagnostics.
    public let reason: String
    @usableFromInline let core = ChannelCore<Element>(capacity: .max)

    /// An empty channel.
    ///
    /// - Parameter reason: what bounds the number of elements instead; kept for diagnostics.
    public init(reason: String) {
        precondition(!reason.isEmpty, "an unbounded channel needs its reason")
        self.reason = reason
    }

    /// The number of elements that wait to be received.
    public var count: Int { core.read { $0.count } }

    /// The most elements that have waited at once.
    public var highWater: Int { core.read { $0.highWater } }

    /// Whether `finish` has been called.
    public var isFinished: Bool { core.read { $0.finished } }

    /// Sends, at once. Any thread; no task is needed.
    ///
    /// - Parameter element: what to send.
    /// - Returns: false when the channel is finished; the element has not been sent then.
    @inlinable
    @discardableResult
    public func send(_ element: Element) -> Bool { core.offer(element) || core.trySend(element) }

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

    /// Ends the channel: elements in it can still be received. Any number of times.
    public func finish() { core.finish() }

    /// An iterator; several compete for the elements.
    public func makeAsyncIterator() -> Iterator { Iterator(channel: self) }

    /// Receives from a channel.
    public struct Iterator: AsyncIteratorProtocol {
        let channel: UnboundedChannel

        /// The next element, as `receive` gives it.
        public mutating func next() async throws -> Element? { try await channel.receive() }

        /// The next element, on the caller's executor.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(any Error) -> Element? {
            try await channel.receive(isolation: actor)
        }
    }
}
