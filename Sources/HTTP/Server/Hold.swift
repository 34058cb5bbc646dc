internal import Glibc
public import Runtime

/// A request that is answered later: when its topic changes, at its deadline, or when the server stops, whichever comes first.
///
/// Nothing runs meanwhile: the connection keeps this object, and no task, no timer of its own and no copy of the request. Made
/// by the handler, one for each request, and returned as `Answer.hold`.
///
/// At most `maxHeld` requests of a server are held; beyond it `.hold` is answered with `onOverload`. A peer that goes away ends
/// the wait without an answer.
public final class Hold: @unchecked Sendable {
    // SAFETY: what can change is used on the topic's loop alone.
    /// What is sent in the end.
    public enum Outcome: Sendable {
        /// Send this; nothing is allocated.
        case prepared(PreparedResponse)
        /// Send this.
        case respond(Response)
        /// Run this as a task on the loop, which makes the answer.
        case task(@Sendable () async throws -> Response)
    }

    let topic: HoldTopic
    let milliseconds: UInt64
    private let isDue: (@Sendable (isolated LoopActor) -> Bool)?
    private let answer: @Sendable (isolated LoopActor) -> Outcome

    /// Where it is held; nil before and after.
    var connection: ServerConnection?
    /// The place in the topic's list, -1 outside.
    var slot = -1
    /// The topic's change that this has seen.
    var seen: UInt64 = 0
    /// Milliseconds of the monotonic clock.
    private var deadline: UInt64 = 0

    /// Describes the wait.
    ///
    /// - Parameters:
    ///   - topic: what is waited for; of the same loop as the server.
    ///   - duration: how long at most; as a rule it ends within half a second after that, never before.
    ///   - isDue: whether a change concerns this request; nil: each does. Called on the loop, must not block.
    ///   - answer: the answer as things stand by then: after a change, at the deadline, and when the server stops. Called once,
    ///     on the loop; must not block.
    public init(
        on topic: HoldTopic, for duration: Duration, isDue: (@Sendable (isolated LoopActor) -> Bool)? = nil,
        answer: @escaping @Sendable (isolated LoopActor) -> Outcome
    ) {
        self.topic = topic
        milliseconds = ServerTimeouts.milliseconds(duration)
        self.isDue = isDue
        self.answer = answer
    }

    func begin(on connection: ServerConnection) {
        let isFit = topic.loop === connection.core.loop && self.connection == nil
        precondition(isFit, "a hold is for one request, and a topic of its loop")
        self.connection = connection
        deadline = Self.now() &+ milliseconds
        topic.add(self)
    }

    /// Waits no longer; breaks the circle with the connection.
    func end() {
        connection = nil
        topic.remove(self)
    }

    /// What is left until the deadline, at least 1.
    var millisecondsLeft: UInt64 {
        let now = Self.now()
        return deadline > now ? deadline - now : 1
    }

    var concernsThis: Bool {
        guard let isDue else { return true }
        return topic.loop.assumeIsolated { isDue($0) }
    }

    func outcome() -> Outcome { topic.loop.assumeIsolated { answer($0) } }

    private static func now() -> UInt64 {
        var now = timespec()
        // SAFETY: clock_gettime writes to the local given to it.
        clock_gettime(CLOCK_MONOTONIC_COARSE, &now)
        return UInt64(now.tv_sec) * 1000 + UInt64(now.tv_nsec) / 1_000_000
    }
}

/// Something on one loop that requests wait for: see `Hold`.
///
/// A program keeps one for each thing that can change (a document, a collection) and each loop that serves it.
public final class HoldTopic: @unchecked Sendable {
    // SAFETY: what can change is used on the loop's thread alone.
    /// Answers between two turns of the loop, so that a change that thousands wait for leaves room for others.
    static let slice = 128

    /// The loop of the servers whose requests wait here.
    public let loop: EventLoop
    private var waiting: [Hold] = []
    private var changes: UInt64 = 0
    /// The elements below this have not been asked about the last change.
    private var unasked = 0
    private var isScheduled = false

    /// A topic that nobody waits for.
    public init(on loop: EventLoop) { self.loop = loop }

    /// Something has changed: those whom it concerns are answered, in the loop's next turns. Any thread, any number of times;
    /// changes that follow each other within a turn count as one. State that answers are made of must have changed before.
    public func change() {
        loop.run { [self] in
            changes += 1
            unasked = waiting.count
            schedule()
        }
    }

    /// How many requests wait. On the loop.
    public var count: Int { waiting.count }

    func add(_ hold: Hold) {
        hold.slot = waiting.count
        hold.seen = changes
        waiting.append(hold)
    }

    func remove(_ hold: Hold) {
        let slot = hold.slot
        guard slot >= 0 else { return }
        hold.slot = -1
        let last = waiting.removeLast()
        if last !== hold {
            waiting[slot] = last
            last.slot = slot
        }
    }

    /// Never at once: the caller may be a handler whose connection has answers in the shared output buffer.
    private func schedule() {
        guard !isScheduled, unasked > 0 else { return }
        isScheduled = true
        loop.execute { [self] in
            isScheduled = false
            answerSome()
            schedule()
        }
    }

    /// From the end down: a removal moves the last element, which has been asked, into the gap.
    private func answerSome() {
        var left = Self.slice
        while left > 0, unasked > 0 {
            unasked = min(unasked, waiting.count)
            guard unasked > 0 else { return }
            unasked -= 1
            let hold = waiting[unasked]
            guard hold.seen != changes else { continue }
            hold.seen = changes
            left -= 1
            if hold.concernsThis { hold.connection?.answerHeld(hold) }
        }
    }
}
