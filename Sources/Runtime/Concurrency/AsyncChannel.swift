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
    public var count: Int { core.withLock { $0.count } }

    /// Whether `finish` has been called.
    public var isFinished: Bool { core.withLock { $0.finished } }

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
        if !core.offer(element) { try await sendOrWait(element) }
    }

    @usableFromInline
    func sendOrWait(_ element: Element, isolation: isolated (any Actor)? = #isolation) async throws {
        if trySend(element) { return }
        let sent = OneShot<Void>()
        try await withTaskCancellationHandler {
            perform(core.withLock { $0.send(element, sent) })
            try await sent.value()
        } onCancel: {
            perform(core.withLock { $0.cancelSender(sent) })
        }
    }

    /// Sends if there is room now; false when full or finished.
    @discardableResult
    public func trySend(_ element: Element) -> Bool {
        let (sent, action) = core.withLock { $0.trySend(element) }
        perform(action)
        return sent
    }

    /// Takes the next element, waiting for one; nil once the channel is finished and empty.
    ///
    /// - Parameter isolation: the caller's actor, on whose executor this runs.
    /// - Returns: the element, or nil at the end.
    /// - Throws: `CancellationError` when the task is cancelled first; no element is lost by that.
    @inlinable
    public func receive(isolation: isolated (any Actor)? = #isolation) async throws -> Element? {
        try Task.checkCancellation()
        if let element = core.poll() { return element }
        return try await receiveOrWait()
    }

    @usableFromInline
    func receiveOrWait(isolation: isolated (any Actor)? = #isolation) async throws -> Element? {
        let (now, action) = core.withLock { $0.tryReceive() }
        perform(action)
        switch now {
        case .element(let element): return element
        case .end: return nil
        case .nothing: break
        }
        let received = OneShot<Element?>()
        return try await withTaskCancellationHandler {
            perform(core.withLock { $0.receive(received) })
            return try await received.value()
        } onCancel: {
            perform(core.withLock { $0.cancelReceiver(received) })
        }
    }

    /// Takes an element if there is one now.
    public func tryReceive() -> Element? {
        let (now, action) = core.withLock { $0.tryReceive() }
        perform(action)
        if case .element(let element) = now { return element }
        return nil
    }

    /// Ends the channel: elements in it can still be received, senders that wait get `ChannelClosed`. Any number of times.
    public func finish() { perform(core.withLock { $0.finish() }) }

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

    private func perform(_ actions: [ChannelState<Element>.Action]) {
        for action in actions { action.perform() }
    }
}

extension AsyncChannel: Watchable {
    func take() -> Taken<Element> {
        let (now, actions) = core.withLock { $0.tryReceive() }
        perform(actions)
        return now
    }

    func watch(_ watcher: OneShot<Void>) { perform(core.withLock { $0.watch(watcher) }) }

    func unwatch(_ watcher: OneShot<Void>) { core.withLock { $0.unwatch(watcher) } }
}

extension ChannelState.Action {
    /// Resumes whom it names. Outside the lock.
    func perform() {
        switch self {
        case .send(let sender, let result): sender.fulfil(result)
        case .receive(let receiver, let result): receiver.fulfil(result)
        case .wake(let watcher): watcher.resolve(.success(()))
        }
    }
}
