internal import HTTPTypes
internal import Runtime

/// The reading side of one request's body that is handed out in pieces.
// SAFETY: all that changes is used on the connection's loop alone.
final class BodyStream: @unchecked Sendable {
    let connection: ServerConnection
    private var reader: BodyReader
    /// The task that waits for more, unless it has been cancelled meanwhile.
    private var waiter: OneShot<Void>?
    /// Whether the peer waits for leave to send.
    private var expectsContinue: Bool
    private var fields = HTTPFields()
    /// What was wrong with the body.
    private(set) var failure: MessageError?
    private(set) var isOver = false

    init(_ connection: ServerConnection, _ head: RequestHead, expectsContinue: Bool) {
        self.connection = connection
        self.expectsContinue = expectsContinue
        reader = BodyReader(head, purpose: .pieces, limit: connection.core.configuration.maxStreamedBody)
        isOver = !head.hasBody
    }

    /// Whether a task waits for bytes.
    var isAwaited: Bool { waiter.map { !$0.isClaimed } ?? false }

    func next(isolation: isolated LoopActor) async throws -> [UInt8]? {
        while true {
            try Task.checkCancellation()
            if let piece = take() { return piece }
            if let failure { throw failure }
            if isOver { return nil }
            guard connection.phase == .working, connection.work?.stream === self else { throw CancellationError() }
            if connection.peerEnded {
                fail(.truncated)
                continue
            }
            try await wait(isolation: isolation)
        }
    }

    func trailers(isolation: isolated LoopActor) -> HTTPFields { fields }

    /// A piece of what has been received; moves on to the end where that is reached.
    private func take() -> [UInt8]? {
        guard !isOver, failure == nil, connection.phase == .working, let work = connection.work, work.stream === self,
            !work.buffer.isEmpty
        else { return nil }
        var bytes = work.buffer
        work.buffer = []
        var position = 0
        switch reader.read(bytes.span, at: &position, limits: connection.core.configuration.limits) {
        case .incomplete: break
        case .complete:
            isOver = true
            fields = reader.trailers
        case .failed(let code): fail(code)
        case .tooMuchToDrop: fail(.bodyTooLarge)
        }
        bytes.removeFirst(position)
        work.buffer = bytes
        expectsContinue = false
        // The peer may go on.
        connection.settle()
        let piece = reader.takeCollected()
        return piece.isEmpty || failure != nil ? nil : piece
    }

    private func wait(isolation: isolated LoopActor) async throws {
        if isAwaited { throw UVError.busy("read of a body, while another task reads") }
        let waiter = OneShot<Void>()
        self.waiter = waiter
        // Written and flushed without a suspension between: the buffer is the whole server's.
        if expectsContinue, !connection.hasSentHead { connection.core.encoder.appendContinue() }
        expectsContinue = false
        connection.settle()
        // A cancellation is heeded before whoever cancelled goes on: the next reader, which it may be, finds nobody here. Only
        // by naming the isolation is the closure on the loop: a task of another one would go home in it.
        try await withTaskCancellationHandler {
            try await waiter.value(isolation: isolation)
        } onCancel: {
            waiter.resolve(.failure(CancellationError()))
        }
    }

    /// Lets the reader look again. Harmless if there is none.
    func wake() {
        guard let waiter else { return }
        self.waiter = nil
        waiter.resolve(.success(()))
    }

    func fail(_ code: MessageError.Code) {
        if failure == nil { failure = MessageError(code) }
        wake()
    }

    /// Whoever read is done. True if the connection can go on: nothing is left, or little enough to be dropped, if that is
    /// allowed; for this the connection gets a reader.
    func finish(mayDrop: Bool) -> Bool {
        wake()
        if isOver { return true }
        guard mayDrop, failure == nil, !expectsContinue, reader.isWorthDropping else { return false }
        reader.dropRest()
        connection.ensuredWork.body = reader
        return true
    }
}
