internal import Runtime

extension ServerConnection {
    /// Starts the task that answers; from here to its end the connection works on nothing else.
    func start(wantsTrailers: Bool, _ action: @escaping @Sendable () async throws -> Response) {
        phase = .working
        core.counters.tasks += 1
        let core = core
        ensuredWork.task = spawn(on: core.loop, "HTTP request") {
            let response: Response
            do {
                response = try await action()
            } catch {
                if await self.refuseBody(error, isolation: core.loop.actor) { return }
                response = core.configuration.onError(error)
            }
            await self.deliver(response, wantsTrailers: wantsTrailers, isolation: core.loop.actor)
        }
    }

    /// Sends what the task made.
    private func deliver(_ response: Response, wantsTrailers: Bool, isolation: isolated LoopActor) async {
        guard phase == .working else { return }
        if core.isDraining { traits.keepsAlive = false }
        hasSentHead = true
        let response = sendable(response)
        switch response.body {
        case .none, .bytes:
            finishBody()
            encode(response)
            didAnswer()
        case .stream(let produce):
            await stream(response, produce, owed: nil, wantsTrailers: wantsTrailers, isolation: isolation)
        case .sized(let length, let produce):
            await stream(response, produce, owed: length, wantsTrailers: false, isolation: isolation)
        case .upgrade(let name, let run): await upgrade(response, name, run)
        }
    }

    /// The answer is encoded: goes on with what came meanwhile.
    func didAnswer() {
        hasSentHead = false
        if let work {
            work.task = nil
            work.owed = nil
            work.trailers = []
            work.taken = 0
        }
        phase = traits.keepsAlive ? .reading : .flushing
        processBuffer()
        settle()
    }

    /// The task reads no more of the body: a rest that can't be dropped ends the connection after the answer, and then what the
    /// peer still sends is waited for.
    private func finishBody() {
        guard let stream = work?.stream else { return }
        work?.stream = nil
        if stream.finish(mayDrop: traits.keepsAlive) { return }
        traits.keepsAlive = false
        mustLinger = true
    }

    /// Answers with the error of the body that the task was reading, if that is what it threw.
    private func refuseBody(_ error: any Error, isolation: isolated LoopActor) -> Bool {
        guard phase == .working, let error = error as? MessageError, let stream = work?.stream,
            stream.failure == error || error.code == .bodyTooLarge
        else { return false }
        work?.stream = nil
        work?.task = nil
        refuse(error)
        settle()
        return true
    }

    /// Sends the head and runs what writes the body.
    private func stream(
        _ response: Response, _ produce: @Sendable (BodyWriter) async throws -> Void, owed: Int64?,
        wantsTrailers: Bool, isolation: isolated LoopActor
    ) async {
        // From here to `settle` nothing is awaited: the buffer is the whole server's.
        if let owed {
            core.encoder.appendSizedHead(response, length: owed, traits)
        } else {
            if traits.isHTTP10 { traits.keepsAlive = false }
            core.encoder.appendStreamHead(response, traits)
        }
        ServerCore.prepareForLongLife(stream)
        if !traits.isHead {
            ensuredWork.owed = owed
            writer &+= 1
            settle()
            do {
                try await produce(BodyWriter(connection: self, number: writer))
            } catch {
                // Cut, so that the peer can't take what came for the whole.
                self.stream.abort()
                return close()
            }
            guard phase == .working else { return }
            writer &+= 1
            if let left = work?.owed, left > 0 { return close() }
            if owed == nil, !traits.isHTTP10 {
                core.encoder.appendLastChunk(trailers: wantsTrailers ? work?.trailers ?? [] : [])
            }
        }
        // The head may have promised more requests; ending a connection after a whole answer is allowed all the same.
        finishBody()
        didAnswer()
    }

    /// Writes one piece of a streamed body, and waits if too much of it waits for the peer.
    func writePiece(_ piece: [UInt8], number: UInt32, isolation: isolated LoopActor) async throws {
        try Task.checkCancellation()
        guard phase == .working, number == writer else { throw CancellationError() }
        if let owed = work?.owed {
            guard Int64(piece.count) <= owed else { throw BodyTooLong() }
            work?.owed = owed - Int64(piece.count)
            core.encoder.appendPiece(piece, chunked: false)
        } else {
            core.encoder.appendPiece(piece, chunked: !traits.isHTTP10)
        }
        settle()
        guard phase == .working else { throw CancellationError() }
        if stream.pendingBytes > core.configuration.maxUnsent { try await waitForDrain(isolation: isolation) }
    }

    /// Keeps fields for the end of a body in chunks.
    func setTrailers(_ lines: [UInt8], number: UInt32, isolation: isolated LoopActor) {
        guard phase == .working, number == writer else { return }
        ensuredWork.trailers = lines
    }

    private func waitForDrain(isolation: isolated LoopActor) async throws {
        try await withTaskCancellationHandler {
            // Named, or the closure would be on no actor, and run wherever its task does.
            _ = isolation
            try await withCheckedThrowingContinuation { (waiter: CheckedContinuation<Void, any Error>) in
                guard phase == .working, !Task.isCancelled, work?.drainWaiter == nil else {
                    return waiter.resume(throwing: CancellationError())
                }
                ensuredWork.drainWaiter = waiter
            }
        } onCancel: {
            core.loop.execute {
                guard let waiter = self.work?.drainWaiter else { return }
                self.work?.drainWaiter = nil
                waiter.resume(throwing: CancellationError())
            }
        }
    }
}

extension ServerConnection {
    /// Switches the protocol: the stream, and what came after the request, become the closure's.
    private func upgrade(_ response: Response, _ name: String, _ run: @Sendable (Connection) async -> Void) async {
        // What is left of the body must not pass for the new protocol.
        guard !peerEnded, work?.stream?.isOver ?? true else { return close() }
        core.encoder.appendUpgradeHead(response, protocol: name)
        flush()
        ServerCore.prepareForLongLife(stream)
        let received = work?.buffer ?? []
        let task = work?.task
        phase = .over
        work = nil
        stream.setTimeout(nil)
        core.remove(self)
        let connection = Connection(continuing: stream, read: received)
        let id = core.addUpgrade(connection, task)
        await run(connection)
        connection.close()
        core.loop.run { [core] in core.removeUpgrade(id) }
    }
}
