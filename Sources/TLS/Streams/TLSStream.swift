public import Runtime

/// TLS in a stream: what the delegate writes goes encrypted, what it reads was decrypted and is authentic.
///
/// Made by `TLSServerContext.makeFilter` or `TLSConnection`; whoever holds a `StreamHandle` finds it as its `filter`. `info`,
/// `failure` and `handshake` are for any thread, the rest is called by the stream on its loop.
public final class TLSStream: StreamFilter, @unchecked Sendable {
    // SAFETY: `engine` and the members below it are used on the stream's loop, or before the stream has this filter.

    /// What has become of the handshake, and of the connection.
    private struct Outcome {
        var info: TLSSessionInfo?
        var failure: TLSError?
    }

    /// Bytes encrypted at a time, so that a large write does not need as much again at once.
    private static let slice = 64 * 1024

    private let outcome = Locked(Outcome())
    private let settled = AsyncChannel<Void>(capacity: 1)

    private let engine: TLSEngine
    private let maxUntaken: Int
    private var isOpen = false
    private var held: [(bytes: [UInt8], completion: ((UVError?) -> Void)?)] = []
    private var shutsDownAfterHandshake = false
    private var endIsDelivered = false
    private var untaken = 0

    /// A filter that runs an engine.
    public convenience init(_ engine: TLSEngine) { self.init(engine, maxUntaken: 64 * 1024) }

    /// With another bound for the bytes of our protocol messages (refused renegotiations and the like) that a peer may leave
    /// lying.
    package init(_ engine: TLSEngine, maxUntaken: Int) {
        self.engine = engine
        self.maxUntaken = maxUntaken
    }

    /// What the two sides agreed upon; nil before that.
    public var info: TLSSessionInfo? { outcome.withLock { $0.info } }
    /// Why the connection ended; nil while nothing is wrong.
    public var failure: TLSError? { outcome.withLock { $0.failure } }
    /// The failure in words.
    public var failureDescription: String? { failure?.description }

    /// Waits for the end of the handshake.
    ///
    /// Of a client's side: with TLS 1.3 the server looks at the client's certificate only after that; its refusal comes with
    /// the first read.
    ///
    /// - Returns: what was agreed upon.
    /// - Throws: `TLSError`; `CancellationError`, and the handshake goes on.
    public func handshake() async throws -> TLSSessionInfo {
        _ = try await settled.receive()
        let outcome = outcome.withLock { $0 }
        if let info = outcome.info { return info }
        throw outcome.failure ?? TLSError(.closed, "the connection was closed during the handshake")
    }

    // MARK: - From the peer

    /// A client speaks first.
    public func streamDidInstall(_ stream: StreamHandle) {
        if !engine.isServer { advance(stream) }
    }

    /// Decrypts what has come.
    public func stream(_ stream: StreamHandle, didReceive bytes: Span<UInt8>) {
        engine.receive(bytes)
        advance(stream)
    }

    /// An end that the peer has not announced may be an attacker's: it is a failure.
    public func streamDidReceiveEnd(_ stream: StreamHandle) {
        if endIsDelivered { return }
        if let error = engine.endOfInput() { fail(error, stream) } else { deliverEnd(stream) }
    }

    /// Whether the delegate has paused before it had everything.
    public var holdsInput: Bool { engine.hasInput }

    /// Delivers what the pause held back.
    public func streamDidResume(_ stream: StreamHandle) { advance(stream) }

    /// Goes on until there is no more input, or the delegate pauses.
    private func advance(_ stream: StreamHandle) {
        while !stream.isClosed, !endIsDelivered, !isOpen || stream.isReading {
            let event = engine.next { stream.filterDeliver($0) }
            guard !stream.isClosed else { return }
            flush(stream)
            switch event {
            case .delivered: continue
            case .handshakeDone: didOpen(stream)
            case .closed: deliverEnd(stream)
            case .failed(let error): return fail(error, stream)
            case .needsInput: return stream.filterNeedsInput()
            }
        }
    }

    /// Sends what the protocol itself has to say.
    private func flush(_ stream: StreamHandle) {
        let output = engine.takeOutput()
        if output.isEmpty { return }
        if stream.pendingBytes == 0 { untaken = 0 }
        if stream.filterSend(output) { return }
        untaken += output.count
        if untaken > maxUntaken {
            fail(TLSError(.flooded, "the peer asks for answers and takes none of them"), stream)
        }
    }

    private func deliverEnd(_ stream: StreamHandle) {
        endIsDelivered = true
        stream.filterDeliverEnd()
    }

    private func fail(_ error: TLSError, _ stream: StreamHandle) {
        outcome.withLock { if $0.failure == nil { $0.failure = error } }
        settled.finish()
        stream.filterFail()
    }

    private func didOpen(_ stream: StreamHandle) {
        isOpen = true
        outcome.withLock { $0.info = engine.info }
        settled.finish()
        let waiting = held
        held = []
        for (bytes, completion) in waiting {
            stream.filterReleases(bytes.count)
            let isSent = bytes.withUnsafeBufferPointer { self.stream(stream, write: $0, completion: completion) }
            if isSent { completion?(nil) }
        }
        if !waiting.isEmpty { stream.filterDidRelease() }
        if shutsDownAfterHandshake { stream.shutdownWrite() }
    }

    // MARK: - To the peer

    /// Encrypts and sends; before the end of the handshake it keeps the bytes.
    public func stream(
        _ stream: StreamHandle, write bytes: UnsafeBufferPointer<UInt8>, completion: ((UVError?) -> Void)?
    ) -> Bool {
        guard isOpen else {
            held.append((Array(bytes), completion))
            stream.filterHolds(bytes.count)
            return false
        }
        var start = 0
        var isSent = true
        repeat {
            let end = min(start + Self.slice, bytes.count)
            do {
                try engine.write(UnsafeBufferPointer(rebasing: bytes[start..<end]))
            } catch {
                completion?(UVError(code: UVError.protocolCode, operation: error.description))
                return false
            }
            isSent = stream.filterSend(engine.takeOutput(), completion: end == bytes.count ? completion : nil)
            start = end
        } while start < bytes.count
        return isSent
    }

    /// Sends close_notify.
    public func streamWillShutdownWrite(_ stream: StreamHandle) -> Bool {
        guard isOpen else {
            shutsDownAfterHandshake = true
            return false
        }
        sendClose(stream)
        return true
    }

    /// Sends close_notify if the kernel takes it at once; what waits for the kernel is dropped by a close.
    public func streamWillClose(_ stream: StreamHandle) {
        if isOpen, stream.pendingBytes == 0 { sendClose(stream) }
    }

    private func sendClose(_ stream: StreamHandle) {
        engine.close()
        let output = engine.takeOutput()
        if !output.isEmpty { stream.filterSend(output) }
    }

    /// Tells those who wait for the handshake, and for what was held.
    public func streamDidClose(_ stream: StreamHandle) {
        outcome.withLock { outcome in
            if outcome.info == nil, outcome.failure == nil {
                outcome.failure = TLSError(.closed, "the connection was closed during the handshake")
            }
        }
        settled.finish()
        let lost = held
        held = []
        for (_, completion) in lost { completion?(UVError(code: UVError.cancelledCode, operation: "write")) }
    }
}
