internal import CLibuv
internal import CLinux
internal import Glibc

extension StreamHandle {
    /// Writes, at once as far as the kernel takes it; the rest is copied and follows in order.
    ///
    /// - Parameter bytes: what to send.
    /// - Returns: true if the kernel has all of it. Otherwise `streamDidFlush` follows, or `didFail`.
    @discardableResult
    public func write(_ bytes: Span<UInt8>) -> Bool {
        // SAFETY: the pointer is used within the call only.
        unsafe bytes.withUnsafeBufferPointer { unsafe write($0, completion: nil) }
    }

    /// Writes the last bytes of a stream that is closed with them, and over TCP tells the peer in the same segment that they are.
    ///
    /// - Parameter bytes: what to send.
    /// - Returns: true if the kernel has all of it. Otherwise `streamDidFlush` follows, or `didFail`.
    @discardableResult
    public func writeLast(_ bytes: Span<UInt8>) -> Bool {
        guard kind == .tcp, filter == nil, pendingBytes == 0, !isClosed else { return write(bytes) }
        // SAFETY: the pointer is used within the call only.
        return unsafe bytes.withUnsafeBufferPointer { bytes in
            unsafe taken(cl_send_last(descriptor, bytes.baseAddress, bytes.count), of: bytes, completion: nil)
        }
    }

    /// Writes an array, as the form with a span does.
    ///
    /// - Parameters:
    ///   - bytes: what to send.
    ///   - completion: called on the loop once all is with the kernel or lost, unless this returns true.
    /// - Returns: true if the kernel has all of it.
    @discardableResult
    public func write(_ bytes: [UInt8], completion: ((UVError?) -> Void)? = nil) -> Bool {
        unsafe bytes.withUnsafeBufferPointer { unsafe write($0, completion: completion) }
    }

    /// Writes two parts with one system call.
    @discardableResult
    public func write(_ first: [UInt8], _ second: [UInt8]) -> Bool {
        loop.assertCurrent()
        guard pendingBytes == 0, !isClosed, kind != .pipe, filter == nil else {
            write(first)
            return write(second)
        }
        let sent = unsafe first.withUnsafeBufferPointer { one in
            unsafe second.withUnsafeBufferPointer { two in
                unsafe cl_send2(descriptor, one.baseAddress, one.count, two.baseAddress, two.count)
            }
        }
        guard sent >= 0 || sent == -Int(EAGAIN) else {
            fail(CInt(sent))
            return false
        }
        let done = max(sent, 0)
        if done == first.count + second.count { return true }
        if done < first.count {
            unsafe first.withUnsafeBufferPointer { unsafe queue(UnsafeBufferPointer(rebasing: $0[done...]), nil) }
        }
        let skip = max(done - first.count, 0)
        unsafe second.withUnsafeBufferPointer { unsafe queue(UnsafeBufferPointer(rebasing: $0[skip...]), nil) }
        return false
    }

    private func write(_ bytes: UnsafeBufferPointer<UInt8>, completion: ((UVError?) -> Void)?) -> Bool {
        if let filter, !isClosed { return unsafe filter.stream(self, write: bytes, completion: completion) }
        return unsafe send(bytes, completion: completion)
    }

    /// What the kernel has of a stream that failed, 16 KB at most: a reset ends sending, and leaves what came before it to be read
    /// (Linux, tcp_reset and tcp_recvmsg). Of a plain stream alone, since a filter has ended with its stream.
    func takeReceived() -> [UInt8] {
        guard filter == nil, failure != 0, descriptor >= 0 else { return [] }
        // SAFETY: the memory is the new array's own, of which so much is initialised as the kernel says.
        return unsafe [UInt8](unsafeUninitializedCapacity: 16384) { memory, count in
            count = unsafe max(0, cl_recv(descriptor, memory.baseAddress, memory.count))
        }
    }

    /// Writes past the filter.
    func send(_ bytes: UnsafeBufferPointer<UInt8>, completion: ((UVError?) -> Void)?) -> Bool {
        loop.assertCurrent()
        if isClosed {
            completion?(UVError.cancelled("write"))
            return false
        }
        if pendingBytes > 0 {
            unsafe queue(bytes, completion)
            return false
        }
        let sent =
            unsafe kind == .pipe
            ? cl_write(descriptor, bytes.baseAddress, bytes.count)
            : cl_send(descriptor, bytes.baseAddress, bytes.count)
        return unsafe taken(sent, of: bytes, completion: completion)
    }

    /// What the kernel said to bytes that it was given: it may have taken a part, which libuv follows up.
    private func taken(
        _ sent: Int, of bytes: UnsafeBufferPointer<UInt8>, completion: ((UVError?) -> Void)?
    ) -> Bool {
        if sent == bytes.count { return true }
        if sent < 0 && sent != -Int(EAGAIN) {
            fail(CInt(sent))
            completion?(UVError(code: CInt(sent), operation: "write"))
            return false
        }
        unsafe queue(UnsafeBufferPointer(rebasing: bytes[max(sent, 0)...]), completion)
        return false
    }
}
