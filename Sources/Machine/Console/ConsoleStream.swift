package import Runtime

/// One client that watches a console. A slow one loses a part of the middle, and is told so; it never holds up the
/// console's reader.
///
/// Used on the keeper's loop only.
package final class ConsoleStream: @unchecked Sendable {
    // SAFETY: all members are used on the loop's thread: by the keeper's actor, and by a task that prefers the loop.

    /// What may wait for a slow client, in bytes.
    package static let limit = 256 << 10

    let connection: Connection
    /// Whether what the client sends goes to the guest.
    let takesInput: Bool
    private var waiting: [UInt8] = []
    private var skipped = 0
    private var isSending = false
    private var isFinished = false

    /// A stream to a client that nothing has been sent to yet.
    package init(_ connection: Connection, takesInput: Bool) {
        self.connection = connection
        self.takesInput = takesInput
    }

    /// Queues output for the client, or counts it as skipped if too much waits already.
    package func send(_ bytes: [UInt8]) {
        guard !isFinished else { return }
        if waiting.count + bytes.count > Self.limit {
            skipped += bytes.count
        } else {
            if skipped > 0 { waiting += Array("\r\n[\(skipped) bytes skipped]\r\n".utf8) }
            skipped = 0
            waiting += bytes
        }
        startSending()
    }

    /// No more output; what waits is still sent, then the connection is closed.
    package func finish() {
        isFinished = true
        startSending()
    }

    private func startSending() {
        guard !isSending else { return }
        isSending = true
        spawn(on: connection.loop, "console stream") { await self.sendAll() }
    }

    private func sendAll() async {
        while !waiting.isEmpty {
            let bytes = waiting
            waiting = []
            do {
                try await connection.write(bytes)
            } catch {
                // The client is gone; its reading side ends the stream.
                isFinished = true
                waiting = []
            }
        }
        isSending = false
        if isFinished { connection.close() }
    }
}
