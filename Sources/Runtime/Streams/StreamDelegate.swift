/// What a stream tells its owner. All calls come on the stream's loop, in libuv's callback; none may block.
///
/// A delegate may do anything with the stream in any of them, `close` included.
public protocol StreamDelegate: AnyObject {
    /// Bytes have arrived. They are in the loop's one buffer: what is not taken now is gone.
    func stream(_ stream: StreamHandle, didRead bytes: Span<UInt8>)
    /// The peer sends no more. Writing goes on, until somebody closes.
    func streamDidEnd(_ stream: StreamHandle)
    /// All that had to wait is with the kernel.
    func streamDidFlush(_ stream: StreamHandle)
    /// The timeout set by `setTimeout` has passed; it is off now.
    func streamDidTimeOut(_ stream: StreamHandle)
    /// Reading or writing failed, or the loop ends. The stream closes when this returns.
    func stream(_ stream: StreamHandle, didFail error: UVError)
    /// The last call, a turn after the close: the descriptor is closed, the delegate let go.
    func streamDidClose(_ stream: StreamHandle)
}

extension StreamDelegate {
    /// Nothing by default.
    public func streamDidFlush(_ stream: StreamHandle) {}
    /// Closes by default.
    public func streamDidTimeOut(_ stream: StreamHandle) { stream.close() }
    /// Nothing by default.
    public func stream(_ stream: StreamHandle, didFail error: UVError) {}
    /// Nothing by default.
    public func streamDidClose(_ stream: StreamHandle) {}
}
