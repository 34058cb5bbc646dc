internal import Runtime

extension ServerConnection {
    /// Works on what waits in the buffer, as far as it goes.
    func processBuffer() {
        guard phase == .reading, !awaitsTurn, let work, !work.buffer.isEmpty else { return }
        // The buffer leaves its place while handlers run, who may not find it half used.
        var bytes = work.buffer
        work.buffer = []
        let used = process(bytes.span)
        guard phase == .reading || phase == .working, used < bytes.count else { return }
        bytes.removeFirst(used)
        ensuredWork.buffer = bytes
    }

    /// Reads requests and answers them until the bytes are used up or something has to be waited for. Returns how many
    /// were used; the rest begins with a message's first byte, or is what a body has left.
    func process(_ bytes: Span<UInt8>) -> Int {
        var position = 0
        var left = maxRequestsATurn
        while phase == .reading, position < bytes.count {
            left -= 1
            if left < 0 {
                awaitTurn()
                break
            }
            if core.encoder.output.count > ServerCore.batch { flush() }
            if isBlocked || phase == .over { break }
            if work?.body != nil {
                readBody(bytes, at: &position)
            } else {
                guard readHead(bytes, at: &position) else { break }
            }
        }
        return position
    }

    /// Goes on in the loop's next turn, after whoever else is ready.
    private func awaitTurn() {
        awaitsTurn = true
        core.loop.executeNextTurn { [self] in
            awaitsTurn = false
            processBuffer()
            settle()
        }
    }

    /// Reads one head and has it answered; false if it isn't complete.
    private func readHead(_ bytes: Span<UInt8>, at position: inout Int) -> Bool {
        let message = bytes.extracting(position...)
        var parser = work?.parser ?? RequestParser()
        switch parser.parse(message, limits: core.configuration.limits) {
        case .incomplete:
            if core.isOverLimit {
                traits = AnswerTraits()
                refuseForLoad()
                return true
            }
            ensuredWork.parser = parser
            return false
        case .failed(let code):
            refuse(MessageError(code))
            return true
        case .complete:
            work?.parser = nil
            deadlineIsStale = true
            position += Int(parser.head.end)
            core.counters.requests += 1
            hasServed = true
            answer(RequestView(message, parser.head), moreFollows: position < bytes.count)
            return true
        }
    }

    /// Reads what is there of a body; the answer begins when it is whole.
    private func readBody(_ bytes: Span<UInt8>, at position: inout Int) {
        guard let work, var body = work.body else { return }
        work.body = nil
        let outcome = body.read(bytes, at: &position, limits: core.configuration.limits)
        switch outcome {
        case .incomplete:
            // Whoever adds to what is in flight is the one to stop.
            if !body.isDropping, core.isOverLimit { return refuseForLoad() }
            work.body = body
        case .failed where body.isDropping, .tooMuchToDrop:
            // The answer has gone out: another one would be taken for the next request's.
            phase = .flushing
            mustLinger = true
        case .failed(let code): refuse(MessageError(code))
        case .complete:
            deadlineIsStale = true
            if case .collect(var request, let wantsTrailers, let action) = body.purpose {
                request.body = body.collected
                request.trailers = body.trailers
                let whole = request
                work.taken = whole.body.count
                start(wantsTrailers: wantsTrailers) { try await action(whole) }
            }
        }
    }

    /// Gives up a request in the middle of its head or body.
    private func refuseForLoad() {
        work?.parser = nil
        core.counters.overloaded += 1
        traits.keepsAlive = false
        core.encoder.append(core.configuration.onOverload, traits)
        phase = .flushing
        mustLinger = true
    }

    /// Answers with the error and closes.
    func refuse(_ error: MessageError) {
        core.counters.refused += 1
        work?.parser = nil
        work?.body = nil
        let answer = core.refusals[error.code] ?? .notFound
        core.encoder.append(answer, AnswerTraits(isHead: false, isHTTP10: false, keepsAlive: false))
        phase = .flushing
        mustLinger = true
    }
}
