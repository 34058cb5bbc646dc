internal import Runtime

extension ServerConnection {
    /// Has the handler answer a request whose head is complete.
    func answer(_ request: RequestView, moreFollows: Bool) {
        let head = request.head
        traits = AnswerTraits(
            isHead: head.method == .head, isHTTP10: head.flags.contains(.http10),
            keepsAlive: head.keepsAlive && !core.isDraining)
        if isSurplus || core.isOverLimit {
            traits.keepsAlive = false
            return turnAway(head)
        }
        if head.flags.contains(.asterisk) {
            return send(core.asteriskAnswer, head)
        }
        let answer = core.handle(request, context)
        guard phase == .reading else { return }
        switch answer {
        case .prepared(let prepared): send(prepared, head)
        case .respond(let response): respond(response, request, head)
        case .task(let action): prepareTask(request, head, moreFollows: moreFollows, action)
        case .streaming(let action): prepareStreaming(request, head, moreFollows: moreFollows, action)
        case .hold(let hold): self.hold(hold, head)
        case .hangUp: phase = .flushing
        }
    }

    /// Writes a prepared answer.
    @inline(__always)
    private func send(_ prepared: PreparedResponse, _ head: RequestHead) {
        if head.hasBody { dropBody(head) }
        core.encoder.append(prepared, traits)
        if !traits.keepsAlive { phase = .flushing }
    }

    private func respond(_ response: Response, _ request: RequestView, _ head: RequestHead) {
        let response = sendable(response)
        switch response.body {
        case .none, .bytes:
            if head.hasBody { dropBody(head) }
            encode(response)
            if !traits.keepsAlive { phase = .flushing }
        case .stream, .sized, .upgrade:
            if head.hasBody { return prepareTask(request, head, moreFollows: false) { _ in response } }
            start(wantsTrailers: request.wantsTrailers) { response }
        }
    }

    /// The answer as it can go out; the server's own where a handler's can't.
    func sendable(_ response: Response) -> Response {
        if let response = response.sendable { return response }
        let error = core.configuration.onError(BadStatus(status: response.status))
        return error.sendable ?? .text("internal server error\n", status: 500)
    }

    /// Writes an answer of known length with the present traits.
    func encode(_ response: Response) {
        var bytes: [UInt8] = []
        if case .bytes(let body) = response.body { bytes = body }
        core.encoder.append(response, body: bytes, traits)
    }

    /// Says that the server has too much to do.
    private func turnAway(_ head: RequestHead) {
        core.counters.overloaded += 1
        send(core.configuration.onOverload, head)
    }

    /// Keeps the request until there is something to say.
    private func hold(_ hold: Hold, _ head: RequestHead) {
        guard core.counters.held < core.configuration.maxHeld else { return turnAway(head) }
        if head.hasBody { dropBody(head) }
        phase = .working
        core.counters.held += 1
        ensuredWork.held = hold
        hold.begin(on: self)
        if core.isDraining { answerHeld(hold) }
    }

    /// Answers a held request with what is so by now.
    func answerHeld(_ hold: Hold) {
        guard phase == .working, let work, work.held === hold else { return }
        work.held = nil
        core.counters.held -= 1
        hold.end()
        if core.isDraining { traits.keepsAlive = false }
        switch hold.outcome() {
        case .prepared(let prepared): core.encoder.append(prepared, traits)
        case .respond(let made):
            let response = sendable(made)
            switch response.body {
            case .none, .bytes: encode(response)
            case .stream, .sized, .upgrade:
                start(wantsTrailers: false) { response }
                return settle()
            }
        case .task(let action):
            start(wantsTrailers: false, action)
            return settle()
        }
        didAnswer()
    }

    /// Makes up for a body that the answer did without: it's read and dropped if that is cheap, otherwise the
    /// connection ends with this answer.
    private func dropBody(_ head: RequestHead) {
        let isSmall = head.flags.contains(.chunked) || head.contentLength <= Int64(ServerCore.maxDropped)
        // A peer that waits for leave to send may now send the body or not: RFC 9110, section 10.1.1.
        if isSmall, !head.flags.contains(.expectsContinue), traits.keepsAlive {
            ensuredWork.body = BodyReader(head, purpose: .drop, limit: ServerCore.maxDropped)
        } else {
            traits.keepsAlive = false
            mustLinger = true
        }
    }

    private func prepareTask(
        _ request: RequestView, _ head: RequestHead, moreFollows: Bool,
        _ action: @escaping @Sendable (Request) async throws -> Response
    ) {
        let limit = core.configuration.maxBody
        if head.contentLength > Int64(limit) { return refuse(MessageError(.bodyTooLarge)) }
        let owned = Request(request, body: [], context: context)
        let wantsTrailers = request.wantsTrailers
        guard head.hasBody else { return start(wantsTrailers: wantsTrailers) { try await action(owned) } }
        let purpose = BodyReader.Purpose.collect(owned, wantsTrailers: wantsTrailers, action)
        ensuredWork.body = BodyReader(head, purpose: purpose, limit: limit)
        if head.flags.contains(.expectsContinue), !moreFollows { core.encoder.appendContinue() }
    }

    private func prepareStreaming(
        _ request: RequestView, _ head: RequestHead, moreFollows: Bool,
        _ action: @escaping @Sendable (Request, RequestBody) async throws -> Response
    ) {
        if head.contentLength > Int64(core.configuration.maxStreamedBody) { return refuse(MessageError(.bodyTooLarge)) }
        let owned = Request(request, body: [], context: context)
        let stream = BodyStream(
            self, head, expectsContinue: head.flags.contains(.expectsContinue) && !moreFollows)
        ensuredWork.stream = stream
        start(wantsTrailers: request.wantsTrailers) { try await action(owned, RequestBody(stream: stream)) }
    }
}

extension RequestView {
    /// Whether the peer keeps the fields after a body in chunks: RFC 9110, section 10.1.4.
    var wantsTrailers: Bool {
        guard let value = field("te") else { return false }
        var start = 0
        while let element = nextListElement(value, 0..<value.count, from: &start) {
            if value.matches(element, ignoringCase: "trailers") { return true }
        }
        return false
    }
}
