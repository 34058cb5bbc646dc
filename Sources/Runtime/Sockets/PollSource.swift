internal import CLibuv
internal import CLinux

/// Readiness of a descriptor that somebody else reads and writes: netlink, a tap, a pidfd, an eventfd. Any thread, any task.
///
/// The descriptor has to be pollable, is made non-blocking, and stays the owner's, who closes it after `close` has returned
/// on the loop or, elsewhere, hands it over by `closesDescriptor`.
public final class PollSource: Sendable {
    /// Where it polls.
    public let loop: EventLoop
    private let core: PollCore

    /// Polls nothing until somebody waits.
    public init(_ descriptor: CInt, on loop: EventLoop, closesDescriptor: Bool = false) {
        self.loop = loop
        core = PollCore(descriptor, on: loop, closes: closesDescriptor)
    }

    deinit { close() }

    /// Waits until a read would not block (or would fail).
    public func readable(isolation: isolated (any Actor)? = #isolation) async throws { try await core.wait(.readable) }

    /// Waits until a write would not block (or would fail).
    public func writable(isolation: isolated (any Actor)? = #isolation) async throws { try await core.wait(.writable) }

    /// Calls `handler` on the loop each time the descriptor is readable, until nil is set or the source closes. It has to read
    /// the descriptor empty, or it is called again at once.
    public func onReadable(_ handler: (@Sendable () -> Void)?) {
        let core = core
        loop.run { core.setHandler(handler) }
    }

    /// Ends the polling: who waits gets an error. Any number of times.
    public func close() {
        let core = core
        loop.run { core.close(UVError.cancelled("poll")) }
    }
}

/// The part of a `PollSource` on its loop.
private final class PollCore: @unchecked Sendable {
    // SAFETY: all members are used on the loop's thread, or before the core is known to anybody.
    private let loop: EventLoop
    private let descriptor: CInt
    private let closes: Bool
    private var poll: PollHandle?
    private var readers: [OneShot<Void>] = []
    private var writers: [OneShot<Void>] = []
    private var handler: (@Sendable () -> Void)?
    private var failure: UVError?

    init(_ descriptor: CInt, on loop: EventLoop, closes: Bool) {
        self.loop = loop
        self.descriptor = descriptor
        self.closes = closes
    }

    func wait(_ event: PollHandle.Events, isolation: isolated (any Actor)? = #isolation) async throws {
        try Task.checkCancellation()
        let outcome = OneShot<Void>()
        loop.run { self.add(outcome, event) }
        try await outcome.cancellableValue { self.loop.execute { self.setInterest() } }
    }

    private func add(_ outcome: OneShot<Void>, _ event: PollHandle.Events) {
        if let failure {
            outcome.resolve(.failure(failure))
            return
        }
        if event == .readable { readers.append(outcome) } else { writers.append(outcome) }
        setInterest()
    }

    func setHandler(_ handler: (@Sendable () -> Void)?) {
        self.handler = handler
        setInterest()
    }

    func close(_ error: UVError) {
        if failure != nil { return }
        failure = error
        if let poll { poll.close(descriptorToo: closes) } else if closes { cl_close(descriptor) }
        poll = nil
        handler = nil
        let waiting = readers + writers
        readers = []
        writers = []
        for outcome in waiting { outcome.resolve(.failure(error)) }
    }

    private func setInterest() {
        if failure != nil { return }
        readers.removeAll { $0.isClaimed }
        writers.removeAll { $0.isClaimed }
        var wanted: PollHandle.Events = []
        if !readers.isEmpty || handler != nil { wanted.insert(.readable) }
        if !writers.isEmpty { wanted.insert(.writable) }
        if poll == nil && wanted.isEmpty { return }
        do {
            try openPoll().watch(wanted)
        } catch {
            close(error)
        }
    }

    private func openPoll() throws(UVError) -> PollHandle {
        if let poll { return poll }
        let made = try PollHandle(descriptor, on: loop)
        made.onEvents = { [self] events, status in
            // An error is for whoever reads or writes to find: it counts as both.
            if status < 0 || events.contains(.readable) {
                let ready = readers
                readers = []
                for outcome in ready { outcome.resolve(.success(())) }
                handler?()
            }
            if status < 0 || events.contains(.writable) {
                let ready = writers
                writers = []
                for outcome in ready { outcome.resolve(.success(())) }
            }
            setInterest()
        }
        made.onLoopEnd = { [self] in close(UVError.cancelled("poll")) }
        poll = made
        return made
    }
}
