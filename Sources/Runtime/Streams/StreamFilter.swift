/// What stands between a stream's bytes and those that its delegate reads and writes: how TLS gets into a stream without
/// anybody above it having to know.
///
/// The filter is installed before reading begins. From then on the stream gives it what arrives and what is written, and it
/// answers by the stream's `filter...` methods. All calls come on the stream's loop; none may block. A filter belongs to one
/// stream and needs no reference to it.
public protocol StreamFilter: AnyObject, Sendable {
    /// The stream has taken the filter: it may send first.
    func streamDidInstall(_ stream: StreamHandle)
    /// Bytes have arrived. They are in the loop's one buffer: what is not taken now is gone.
    func stream(_ stream: StreamHandle, didReceive bytes: Span<UInt8>)
    /// The peer sends no more bytes.
    func streamDidReceiveEnd(_ stream: StreamHandle)
    /// Whether it holds back bytes that the delegate, which paused reading, has not got yet.
    var holdsInput: Bool { get }
    /// Reading goes on after a pause, and `holdsInput` was true: the delegate gets what was held back, then
    /// `filterNeedsInput` lets more come.
    func streamDidResume(_ stream: StreamHandle)
    /// The delegate writes.
    ///
    /// - Parameters:
    ///   - stream: the stream.
    ///   - bytes: what to send; lent for the call.
    ///   - completion: called once all is with the kernel or lost, unless this returns true.
    /// - Returns: true if the kernel has all of it.
    func stream(
        _ stream: StreamHandle, write bytes: UnsafeBufferPointer<UInt8>, completion: ((UVError?) -> Void)?
    ) -> Bool
    /// The delegate will write no more: send what tells the peer.
    ///
    /// May be called again, and then does nothing but answer.
    ///
    /// - Returns: false if that has to wait; the filter calls `StreamHandle.shutdownWrite` once it can be.
    func streamWillShutdownWrite(_ stream: StreamHandle) -> Bool
    /// The stream is closed by its owner: the last opportunity to send what tells the peer that this is the end.
    func streamWillClose(_ stream: StreamHandle)
    /// The stream has closed, or failed and closed: whoever waits for the filter has to be told.
    func streamDidClose(_ stream: StreamHandle)
    /// What is wrong, after the filter had the stream fail: it becomes the `operation` of the delegate's `UVError`.
    var failureDescription: String? { get }
}

/// Makes the filter of each connection that a server accepts: what a listener's TLS is to the server above it.
public protocol StreamSecurity: Sendable {
    /// A filter for one accepted stream. On the stream's loop.
    ///
    /// - Returns: the filter, not installed yet.
    /// - Throws: whatever makes a secure connection impossible; the connection is closed then.
    func makeFilter() throws -> any StreamFilter
}

/// Makes connections for a client: plain ones, or with TLS.
public protocol Connector: Sendable {
    /// Connects; the connection is ready for the client's first byte.
    ///
    /// - Parameters:
    ///   - address: where to.
    ///   - loop: where the connection lives.
    ///   - timeout: how long at most, handshakes included.
    /// - Returns: the connection.
    /// - Throws: what made it impossible; `DeadlineError`, `CancellationError`. Nothing is left open then.
    func connect(to address: SocketAddress, on loop: EventLoop, timeout: Duration) async throws -> Connection

    /// The port that the client's scheme leaves out: 80 or 443.
    var defaultPort: UInt16 { get }
    /// The name of the server that the connection is made for, if that is known apart from the address.
    var serverName: String? { get }
}

/// Connects without more ado.
public struct PlainConnector: Connector {
    /// The one there is.
    public init() {}
    /// http's.
    public var defaultPort: UInt16 { 80 }
    /// Not known.
    public var serverName: String? { nil }

    /// As `Connection.connect`.
    public func connect(
        to address: SocketAddress, on loop: EventLoop, timeout: Duration
    ) async throws -> Connection {
        try await Connection.connect(to: address, on: loop, timeout: timeout)
    }
}

// For filters only: past the filter, towards the peer or the delegate. On the loop.
extension StreamHandle {
    /// Puts a filter in. Once, before reading begins, unless the stream has closed already.
    public func install(_ filter: any StreamFilter) {
        loop.assertCurrent()
        precondition(self.filter == nil && !isReading, "a filter goes into a stream that nobody reads yet")
        setFilter(filter)
        filter.streamDidInstall(self)
    }

    /// Sends bytes as they are. As `write`.
    @discardableResult
    public func filterSend(_ bytes: [UInt8], completion: ((UVError?) -> Void)? = nil) -> Bool {
        // SAFETY: the pointer is used within the call only.
        unsafe bytes.withUnsafeBufferPointer { unsafe send($0, completion: completion) }
    }

    /// Gives bytes to the delegate. Not while it has paused reading.
    public func filterDeliver(_ bytes: Span<UInt8>) { delegate?.stream(self, didRead: bytes) }

    /// Tells the delegate that the peer sends no more.
    public func filterDeliverEnd() {
        pauseReading()
        deliverEnd()
    }

    /// Ends the stream with a failure, whose words are the filter's `failureDescription`.
    public func filterFail() { fail(UVError.protocolCode) }

    /// Lets bytes come again, after what was held back has been delivered. Any number of times.
    public func filterNeedsInput() { resumeFiltered() }

    /// Counts bytes among the stream's pending ones, which the filter keeps until it can send them.
    public func filterHolds(_ bytes: Int) { pendingBytes += bytes }

    /// The filter gives up `bytes` that it held, to send them now by `filterSend`.
    public func filterReleases(_ bytes: Int) { pendingBytes -= bytes }

    /// Has sent what it held: what waited for that goes on, if the kernel has all of it.
    public func filterDidRelease() {
        if pendingBytes == 0, !isClosed { didFlush() }
    }
}
