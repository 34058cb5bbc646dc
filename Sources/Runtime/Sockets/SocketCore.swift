internal import CLinux
internal import Glibc

/// What sockets driven by readiness share: who waits to receive, what waits to be sent. On the loop only.
///
/// Whatever was taken from the kernel for a receiver that has been cancelled meanwhile is kept for the next one.
final class SocketCore<Message: Sendable>: @unchecked Sendable {
    // SAFETY: all members are used on the loop's thread, or before the core is known to anybody.

    /// What the kernel took of something to send.
    enum Progress { case nothing, part, all }

    /// Something to send: `step` sends what the kernel takes and says how much that was.
    final class Outgoing {
        let outcome: OneShot<Void>
        let step: () throws -> Progress
        /// Whether the kernel has a part of it.
        var begun = false

        init(_ outcome: OneShot<Void>, step: @escaping () throws -> Progress) {
            self.outcome = outcome
            self.step = step
        }
    }

    let loop: EventLoop
    let descriptor: CInt
    private let attempt: (CInt) throws -> Message?
    private var poll: PollHandle?
    private var waiting = Fifo<OneShot<Message>>()
    private var stash = Fifo<Message>()
    private var outgoing = Fifo<Outgoing>()
    private var failure: (any Error)?
    private var retry: ScheduledTimer?

    /// Takes over a descriptor; `attempt` takes one message from it, or gives nil when there is none yet.
    init(_ descriptor: CInt, on loop: EventLoop, attempt: @escaping (CInt) throws -> Message?) {
        self.loop = loop
        self.descriptor = descriptor
        self.attempt = attempt
        cl_nonblocking(descriptor, 1)
    }

    deinit { if poll == nil && failure == nil { cl_close(descriptor) } }

    func receive(_ outcome: OneShot<Message>) {
        waiting.append(outcome)
        pumpIn()
        setInterest()
    }

    func send(_ item: Outgoing) {
        outgoing.append(item)
        if outgoing.count == 1 { pumpOut() }
        setInterest()
    }

    /// Takes back what was cancelled, if it was not begun: it is neither sent nor kept.
    func takeBack(_ outcome: OneShot<Void>) {
        if outgoing.removeFirst(where: { !$0.begun && $0.outcome === outcome }) != nil { setInterest() }
    }

    /// Takes something back unless it was sent, and tells so: the outcome is exact, for what goes out whole or not at all.
    func cancel(_ outcome: OneShot<Void>) {
        guard outcome.claim() else { return }
        takeBack(outcome)
        outcome.fulfil(.failure(CancellationError()))
    }

    /// Closes the descriptor; who waits gets the error, and so does who comes later.
    func close(_ error: any Error) {
        if failure != nil { return }
        failure = error
        retry?.cancel()
        if let poll { poll.close(descriptorToo: true) } else { cl_close(descriptor) }
        poll = nil
        while let receiver = waiting.popFirst() { receiver.resolve(.failure(error)) }
        while let item = outgoing.popFirst() { item.outcome.resolve(.failure(error)) }
        stash = Fifo()
    }

    private func pumpIn() {
        if retry != nil { return }
        while let receiver = waiting.first {
            if receiver.isClaimed {
                _ = waiting.popFirst()
                continue
            }
            do {
                if let failure { throw failure }
                guard let message = try stash.popFirst() ?? attempt(descriptor) else { return }
                if receiver.claim() {
                    receiver.fulfil(.success(message))
                } else {
                    stash.append(message)
                }
            } catch let error as SystemError where [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(error.errno) {
                // Nothing to be had for now, though there is something to take: asking again at once would spin.
                loop.acceptPauseCount.add()
                retry = loop.schedule(after: .milliseconds(100)) { [weak self] in
                    self?.retry = nil
                    self?.pumpIn()
                    self?.setInterest()
                }
                return
            } catch {
                receiver.resolve(.failure(error))
            }
            _ = waiting.popFirst()
        }
    }

    private func pumpOut() {
        while let item = outgoing.first {
            // What has begun goes on to its end, whoever still waits for it: never a part.
            if item.begun || !item.outcome.isClaimed {
                do {
                    if let failure { throw failure }
                    switch try item.step() {
                    case .nothing: return
                    case .part:
                        item.begun = true
                        return
                    case .all: item.outcome.resolve(.success(()))
                    }
                } catch {
                    item.outcome.resolve(.failure(error))
                }
            }
            _ = outgoing.popFirst()
        }
    }

    private func setInterest() {
        if failure != nil { return }
        var wanted: PollHandle.Events = []
        if !waiting.isEmpty && retry == nil { wanted.insert(.readable) }
        if !outgoing.isEmpty { wanted.insert(.writable) }
        if poll == nil && wanted.isEmpty { return }
        do {
            try openPoll().watch(wanted)
        } catch {
            close(error)
        }
    }

    private func openPoll() throws -> PollHandle {
        if let poll { return poll }
        let made = try PollHandle(descriptor, on: loop)
        // The handle keeps the core alive, until somebody closes it.
        made.onEvents = { [self] events, status in
            if status < 0 || events.contains(.readable) { pumpIn() }
            if status < 0 || events.contains(.writable) { pumpOut() }
            setInterest()
        }
        made.onLoopEnd = { [self] in close(UVError.cancelled("socket")) }
        poll = made
        return made
    }
}

extension SocketCore {
    /// Receives for a task, from any thread.
    func receive(isolation: isolated (any Actor)? = #isolation) async throws -> Message {
        try Task.checkCancellation()
        let outcome = OneShot<Message>()
        loop.run { self.receive(outcome) }
        return try await outcome.cancellableValue()
    }
}

extension [UInt8] {
    /// The same bytes in storage of their size: a large receive buffer is not kept for a few of them.
    func trimmed() -> [UInt8] {
        if capacity < 2 * count + 256 { return self }
        // SAFETY: copies within the call.
        return unsafe withUnsafeBufferPointer { unsafe Array($0) }
    }
}
