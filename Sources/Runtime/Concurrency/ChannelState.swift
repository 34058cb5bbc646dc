/// What a channel has for somebody who does not wait.
enum Taken<Element> {
    case element(Element)
    /// Nothing any more.
    case end
    /// Nothing yet.
    case nothing
}

/// The rules of a channel, without a lock or a task: each call returns whom to resume.
@usableFromInline
struct ChannelState<Element: Sendable> {
    typealias Sender = OneShot<Void>
    typealias Receiver = OneShot<Element?>

    /// Whom to fulfil with what; each has been claimed.
    enum Action {
        case send(Sender, Result<Void, any Error>)
        case receive(Receiver, Result<Element?, any Error>)
        /// Not claimed: it is told that there is something, and takes nothing by that.
        case wake(OneShot<Void>)
    }

    @usableFromInline let capacity: Int
    @usableFromInline var elements: Fifo<Element> = Fifo()
    /// With fewer elements than this, one may be appended without further ado: nobody would have to be resumed.
    @usableFromInline private(set) var offerable: Int
    /// With more elements than this, one may be taken without further ado.
    @usableFromInline private(set) var unpollable = 0
    /// Only while full and not finished.
    private var senders: Fifo<(Element, Sender)> = Fifo()
    /// Only while empty and not finished.
    private var receivers: Fifo<Receiver> = Fifo()
    /// Who wants to hear of something to receive: only while empty and not finished.
    private var watchers: [OneShot<Void>] = []
    private(set) var finished = false
    /// The most elements that have waited at once.
    @usableFromInline private(set) var highWater = 0
    /// With fewer elements than this, senders that wait are let in. To wake one for each element taken would cost a change of
    /// tasks each, so that of a large channel half has to be empty.
    private let few: Int

    init(capacity: Int) {
        self.capacity = capacity
        offerable = capacity
        few = capacity < 16 ? capacity : capacity / 2
    }

    var count: Int { elements.count }

    /// After each call but those that `offerable` and `unpollable` allow.
    mutating func settle() {
        let isQuiet = !finished && receivers.isEmpty && senders.isEmpty && watchers.isEmpty
        offerable = isQuiet ? capacity : 0
        unpollable = senders.isEmpty ? 0 : few
        noteHighWater()
    }

    @inlinable
    mutating func noteHighWater() {
        if elements.count > highWater { highWater = elements.count }
    }

    /// With a receiver waiting: hands over. With room: keeps. Full: the sender waits.
    mutating func send(_ element: Element, _ sender: Sender) -> [Action] {
        if finished { return sender.claim() ? [.send(sender, .failure(ChannelClosed()))] : [] }
        let fits = !receivers.isEmpty || senders.isEmpty && elements.count < capacity
        if !fits {
            // The cancellation handler may have run before the sender got here: it must not begin to wait.
            if !sender.isClaimed { senders.append((element, sender)) }
            return []
        }
        guard sender.claim() else { return [] }
        var sent = false
        return trySend(element, &sent) + [.send(sender, .success(()))]
    }

    mutating func trySend(_ element: Element, _ sent: inout Bool) -> [Action] {
        if finished { return [] }
        while let receiver = receivers.popFirst() {
            guard receiver.claim() else { continue }
            sent = true
            return [.receive(receiver, .success(element))]
        }
        let admitted = admitSenders()
        if elements.count >= capacity { return admitted }
        elements.append(element)
        sent = true
        return watchers.isEmpty ? admitted : admitted + takeWatchers()
    }

    /// Taken elements make room for senders that wait: for all that fit, once there are few left.
    mutating func tryReceive(_ taken: inout Taken<Element>) -> [Action] {
        guard let element = elements.popFirst() else {
            taken = finished ? .end : .nothing
            return []
        }
        taken = .element(element)
        return elements.count < few ? admitSenders() : []
    }

    private mutating func admitSenders() -> [Action] {
        var actions: [Action] = []
        while elements.count < capacity, let (next, sender) = senders.popFirst() {
            guard sender.claim() else { continue }
            elements.append(next)
            actions.append(.send(sender, .success(())))
        }
        return actions
    }

    mutating func receive(_ receiver: Receiver) -> [Action] {
        if elements.isEmpty && !finished {
            if !receiver.isClaimed { receivers.append(receiver) }
            return []
        }
        guard receiver.claim() else { return [] }
        var taken = Taken<Element>.end
        let actions = tryReceive(&taken)
        if case .element(let element) = taken { return actions + [.receive(receiver, .success(element))] }
        return actions + [.receive(receiver, .success(nil))]
    }

    /// Whether it waits or has not come yet, the sender ends here; one that has been served stays served.
    mutating func cancelSender(_ sender: Sender) -> [Action] {
        guard sender.claim() else { return [] }
        _ = senders.removeFirst { $0.1 === sender }
        return [.send(sender, .failure(CancellationError()))]
    }

    mutating func cancelReceiver(_ receiver: Receiver) -> [Action] {
        guard receiver.claim() else { return [] }
        _ = receivers.removeFirst { $0 === receiver }
        return [.receive(receiver, .failure(CancellationError()))]
    }

    /// To the end from any state; elements stay to be received.
    mutating func finish() -> [Action] {
        if finished { return [] }
        finished = true
        var actions: [Action] = []
        while let (_, sender) = senders.popFirst() {
            if sender.claim() { actions.append(.send(sender, .failure(ChannelClosed()))) }
        }
        while let receiver = receivers.popFirst() {
            if receiver.claim() { actions.append(.receive(receiver, .success(nil))) }
        }
        return actions + takeWatchers()
    }

    /// Has the watcher told once there is something, or the end: at once if that is so already.
    mutating func watch(_ watcher: OneShot<Void>) -> [Action] {
        if finished || !elements.isEmpty { return [.wake(watcher)] }
        watchers.append(watcher)
        return []
    }

    mutating func unwatch(_ watcher: OneShot<Void>) { watchers.removeAll { $0 === watcher } }

    private mutating func takeWatchers() -> [Action] {
        if watchers.isEmpty { return [] }
        defer { watchers = [] }
        return watchers.map { .wake($0) }
    }
}

/// A queue over an array: amortised constant time at both ends.
@usableFromInline
struct Fifo<Element> {
    @usableFromInline var storage: [Element?] = []
    @usableFromInline var head = 0

    @inlinable var count: Int { storage.count - head }
    var isEmpty: Bool { count == 0 }
    var first: Element? { head < storage.count ? storage[head] : nil }

    init() {}

    @inlinable
    mutating func append(_ element: Element) { storage.append(element) }

    @inlinable
    mutating func popFirst() -> Element? {
        guard head < storage.count else { return nil }
        let element = storage[head]
        storage[head] = nil
        head += 1
        if head == storage.count || head >= 64 && 2 * head >= storage.count {
            storage.removeFirst(head)
            head = 0
        }
        return element
    }

    func contains(where matches: (Element) -> Bool) -> Bool {
        storage[head...].contains { $0.map(matches) ?? false }
    }

    mutating func removeFirst(where matches: (Element) -> Bool) -> Element? {
        for index in head..<storage.count {
            guard let element = storage[index], matches(element) else { continue }
            storage.remove(at: index)
            return element
        }
        return nil
    }
}
