internal import CLibuv
internal import CLinux

/// What only some streams have: a filter, and bytes that the kernel has not taken. An object of its own, so that the others pay
/// one reference for all of it.
// SAFETY: used on the stream's loop.
final class StreamExtras {
    /// What stands between the bytes and the delegate.
    var filter: (any StreamFilter)?
    /// How many writes libuv has, and their bytes.
    fileprivate(set) var writesOut = 0
    fileprivate(set) var bytesOut = 0
    /// What was written while others are out. It goes to libuv when it is full, or when they are through: so that any number of
    /// small pieces costs no more memory than their bytes, and one system call.
    fileprivate var tail: PendingWrite?

    /// Whether nothing of it is needed.
    fileprivate var isEmpty: Bool { filter == nil && writesOut == 0 && tail == nil }
}

extension StreamHandle {
    /// The extras, made when first asked for.
    var ensuredExtras: StreamExtras {
        if let extras { return extras }
        let made = StreamExtras()
        extras = made
        return made
    }

    /// Bytes that the peer has not taken: `pendingBytes`, counted to the byte, and what its kernel has not acknowledged (TCP) or
    /// itself not read (a unix socket: with what the kernel needs beside them).
    ///
    /// If it shrinks by more than it grew by writing, the peer takes something, however large the buffers between are. A system
    /// call; on the loop.
    public var untakenBytes: Int {
        loop.assertCurrent()
        var count = pendingBytes
        // SAFETY: open, and on the loop.
        if let extras, let stream = unsafe uvStream {
            count += unsafe Int(clamping: uv_stream_get_write_queue_size(stream)) - extras.bytesOut
        }
        return count + max(0, Int(cl_unsent(descriptor)))
    }

    /// Into how many requests to libuv the pending bytes went, for tests. On the loop.
    package var pendingWrites: Int { (extras?.writesOut ?? 0) + (extras?.tail == nil ? 0 : 1) }

    /// Copies the bytes and lets libuv send them when the socket takes more.
    func queue(_ bytes: UnsafeBufferPointer<UInt8>, _ completion: ((UVError?) -> Void)?) {
        guard openIfRaw() else {
            completion?(UVError.cancelled("write"))
            return
        }
        let extras = ensuredExtras
        pendingBytes += bytes.count
        var rest = unsafe bytes
        repeat {
            let write = extras.tail ?? PendingWrite(room: rest.count)
            extras.tail = write
            unsafe rest = UnsafeBufferPointer(rebasing: rest[write.append(rest)...])
            if rest.isEmpty, let completion { write.add(completion) }
            if write.isFull || extras.writesOut == 0 { submit(write, extras) }
        } while !rest.isEmpty && !isClosed
        guard !rest.isEmpty else { return }
        // libuv has refused a part of it.
        pendingBytes -= rest.count
        completion?(UVError.cancelled("write"))
    }

    private func submit(_ write: PendingWrite, _ extras: StreamExtras) {
        extras.tail = nil
        extras.writesOut += 1
        extras.bytesOut += write.count
        write.start(for: self)
    }

    /// libuv is through with one of the writes: what waited behind it may follow.
    fileprivate func didWrite(_ write: PendingWrite, code: CInt) {
        guard let extras else { return }
        extras.writesOut -= 1
        extras.bytesOut -= write.count
        if code < 0 { fail(code) }
        finish(write, code)
        if extras.writesOut == 0, let tail = extras.tail {
            if isClosed {
                extras.tail = nil
                finish(tail, code < 0 ? code : UVError.cancelledCode)
            } else {
                submit(tail, extras)
            }
        }
        if extras.isEmpty { self.extras = nil }
        if pendingBytes == 0 && !isClosed { didFlush() }
    }

    private func finish(_ write: PendingWrite, _ code: CInt) {
        pendingBytes -= write.count
        write.complete(code)
    }

    /// Everything written is with the kernel: what waited for that happens.
    func didFlush() {
        if endsWhenFlushed {
            endsWhenFlushed = false
            shutdownWrite()
        }
        if closesWhenFlushed { close() } else { delegate?.streamDidFlush(self) }
    }
}

/// Bytes on their way, and libuv's request for them.
// SAFETY: on the stream's loop. The memory and the request are this object's own from init to deinit; the request's data word
// retains it from `start` to the callback, which comes exactly once.
@safe
private final class PendingWrite {
    /// Bytes that one takes: memory is given back, and `pendingBytes` lowered, by so much at a time.
    private static let capacity = 256 * 1024

    private let request = UnsafeMutablePointer<uv_write_t>.allocate(capacity: 1)
    private var memory: UnsafeMutableRawPointer
    private var room: Int
    private(set) var count = 0
    private var completions: [(UVError?) -> Void] = []
    private var stream: StreamHandle?

    /// An empty one that takes `room` bytes, or as many as one may take, without growing.
    init(room: Int) {
        self.room = min(max(room, 64), Self.capacity)
        unsafe memory = .allocate(byteCount: self.room, alignment: 1)
    }

    deinit {
        unsafe memory.deallocate()
        unsafe request.deallocate()
    }

    var isFull: Bool { count == Self.capacity }

    /// Copies as many of the bytes as fit; returns their number.
    func append(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        let taken = min(bytes.count, Self.capacity - count)
        if count + taken > room { grow(to: min(max(2 * room, count + taken), Self.capacity)) }
        if taken > 0, let source = bytes.baseAddress {
            unsafe memory.advanced(by: count).copyMemory(from: source, byteCount: taken)
        }
        count += taken
        return taken
    }

    private func grow(to size: Int) {
        let larger = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 1)
        unsafe larger.copyMemory(from: memory, byteCount: count)
        unsafe memory.deallocate()
        unsafe memory = larger
        room = size
    }

    /// Has the body called when all that was appended until now is with the kernel, or lost.
    func add(_ completion: @escaping (UVError?) -> Void) { completions.append(completion) }

    func start(for stream: StreamHandle) {
        guard let handle = unsafe stream.uvStream else { return }
        self.stream = stream
        unsafe request.pointee.data = Unmanaged.passRetained(self).toOpaque()
        var buffer = unsafe uv_buf_t(base: memory.assumingMemoryBound(to: CChar.self), len: count)
        let code = unsafe uv_write(request, handle, &buffer, 1) { request, code in
            guard let raw = unsafe request?.pointee.data else { return }
            let write = unsafe Unmanaged<PendingWrite>.fromOpaque(raw).takeRetainedValue()
            guard let stream = write.stream else { return }
            let loop = stream.loop
            loop.observation.began(.write)
            stream.didWrite(write, code: code)
            loop.afterCallback()
        }
        if code < 0 {
            unsafe Unmanaged.passUnretained(self).release()
            stream.didWrite(self, code: code)
        }
    }

    func complete(_ code: CInt) {
        let error = code < 0 ? UVError(code: code, operation: "write") : nil
        for completion in completions { completion(error) }
    }
}
