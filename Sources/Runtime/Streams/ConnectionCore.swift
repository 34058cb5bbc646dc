/// The part of a `Connection` that lives on its loop: what has been read and who waits.
final class ConnectionCore: StreamDelegate, @unchecked Sendable {
    // SAFETY: all members are used on the loop's thread, or before the connection is known to anybody.

    /// Bytes read ahead before the kernel is left to hold the rest.
    private static let highWater = 256 * 1024

    let stream: StreamHandle
    var buffer = ByteQueue()
    private var reader: (limit: Int, outcome: OneShot<[UInt8]?>)?
    private(set) var ended = false
    private(set) var failure: UVError?
    /// Who is told if anything comes while the connection rests.
    var onDisturbance: (@Sendable () -> Void)?

    init(_ stream: StreamHandle) { self.stream = stream }

    func start() {
        stream.delegate = self
        if stream.atEnd { ended = true }
        stream.startReading()
        stream.loop.afterCallback()
    }

    // MARK: Reading

    /// What a read gives without waiting; nil if it has to wait.
    func readNow(_ limit: Int) -> Result<[UInt8]?, any Error>? {
        if reader != nil { return nil }
        if !buffer.isEmpty {
            let bytes = buffer.take(limit)
            if buffer.count < Self.highWater && !ended && failure == nil { stream.resumeReading() }
            return .success(bytes)
        }
        if let failure { return .failure(failure) }
        return ended ? .success(nil) : nil
    }

    func read(_ limit: Int, _ outcome: OneShot<[UInt8]?>) {
        // Cancelled on its way from another thread: the next read, on this loop, may have come before it.
        if outcome.isClaimed { return }
        if let reader, !reader.outcome.isClaimed {
            outcome.resolve(.failure(UVError.busy("read, while another task reads")))
            return
        }
        reader = nil
        // Claimed already means cancelled already: nothing is taken from the buffer for it.
        guard !buffer.isEmpty || ended || failure != nil else {
            reader = (limit, outcome)
            return
        }
        if outcome.claim(), let now = readNow(limit) { outcome.fulfil(now) }
    }

    func stream(_ stream: StreamHandle, didRead bytes: Span<UInt8>) {
        buffer.append(bytes)
        serveReader()
        tellDisturbance()
        if buffer.count >= Self.highWater { stream.pauseReading() }
    }

    func streamDidEnd(_ stream: StreamHandle) {
        ended = true
        serveReader()
        tellDisturbance()
    }

    private func serveReader() {
        guard let (limit, outcome) = reader else { return }
        reader = nil
        if outcome.claim(), let now = readNow(limit) { outcome.fulfil(now) }
    }

    // MARK: Writing

    /// True if all went out at once; otherwise the outcome follows.
    func write(_ bytes: [UInt8], _ outcome: OneShot<Void>) -> Bool {
        if outcome.isClaimed { return false }
        if let failure {
            outcome.resolve(.failure(failure))
            return false
        }
        return stream.write(bytes) { error in
            outcome.resolve(error.map { .failure($0) } ?? .success(()))
        }
    }

    func shutdownWrite() -> Result<Void, any Error> {
        if let failure { return .failure(failure) }
        stream.shutdownWrite()
        return .success(())
    }

    // MARK: The end

    func streamDidTimeOut(_ stream: StreamHandle) {
        close(UVError(code: UVError.timedOutCode, operation: "connection"))
    }

    func stream(_ stream: StreamHandle, didFail error: UVError) {
        // Whoever wrote too much may have been told why before the peer took no more.
        if failure == nil, error.isReset { buffer.append(stream.takeReceived()) }
        if failure == nil { failure = error }
        serveReader()
        tellDisturbance()
    }

    func close(_ error: UVError) {
        if failure == nil { failure = error }
        stream.close()
        buffer = ByteQueue()
        serveReader()
    }
}

/// Bytes waiting to be read.
struct ByteQueue {
    private var bytes: [UInt8] = []
    private var start = 0

    var count: Int { bytes.count - start }
    var isEmpty: Bool { count == 0 }

    mutating func append(_ more: Span<UInt8>) {
        // SAFETY: the pointer is used within the call only.
        unsafe more.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
    }

    mutating func append(_ more: [UInt8]) { bytes += more }

    mutating func take(_ limit: Int) -> [UInt8] {
        if start == 0 && bytes.count <= limit {
            let all = bytes
            bytes = []
            return all
        }
        let end = min(bytes.count, start + limit)
        let taken = Array(bytes[start..<end])
        start = end
        if start == bytes.count {
            bytes.removeAll(keepingCapacity: true)
            start = 0
        } else if start > 65536 {
            bytes.removeFirst(start)
            start = 0
        }
        return taken
    }
}
