internal import CLibuv
internal import CLinux

// libuv's side of a stream. SAFETY, for all of it: on the loop's thread; `handle` is pool memory from `uvOpen` to the close
// callback, and its data word retains the stream for as long.
// SAFETY: see above; the loop's thread alone.
extension StreamHandle {
    /// Initialises a handle for the descriptor; a negative code leaves everything as it was.
    func uvOpen() -> CInt {
        // Neither socket nor pipe, perhaps: a file or /dev/null as standard input. libuv ends the process when it finds that
        // epoll does not take it.
        if kind == .pipe {
            let refusal = unsafe cl_epoll_accepts(uv_backend_fd(loop.uv), descriptor)
            if refusal < 0 { return refusal }
        }
        let pool = loop.local.handles(kind == .tcp ? UV_TCP : UV_NAMED_PIPE)
        let memory = unsafe pool.take()
        let code: CInt
        if kind == .tcp {
            let tcp = unsafe memory.bindMemory(to: uv_tcp_t.self, capacity: 1)
            unsafe uv_tcp_init(loop.uv, tcp)
            code = unsafe uv_tcp_open(tcp, descriptor)
        } else {
            let pipe = unsafe memory.bindMemory(to: uv_pipe_t.self, capacity: 1)
            unsafe uv_pipe_init(loop.uv, pipe, 0)
            code = unsafe uv_pipe_open(pipe, descriptor)
        }
        let base = unsafe memory.assumingMemoryBound(to: uv_handle_t.self)
        if code < 0 {
            // The handle is known to the loop already, hence has to be closed; it never got hold of the descriptor.
            unsafe base.pointee.data = nil
            unsafe uv_close(base) { base in
                guard let base = unsafe base else { return }
                let local = unsafe EventLoop.of(base.pointee.loop)?.local
                unsafe local?.handles(base.pointee.type).give(UnsafeMutableRawPointer(base))
            }
            return code
        }
        unsafe base.pointee.data = Unmanaged.passRetained(self as AnyObject).toOpaque()
        unsafe handle = memory
        return 0
    }

    func uvReadStart() {
        guard let stream = unsafe uvStream else { return }
        let code = unsafe uv_read_start(
            stream,
            { handle, _, buffer in
                guard let handle = unsafe handle, let local = unsafe EventLoop.of(handle.pointee.loop)?.local else {
                    return
                }
                // Without a buffer libuv says ENOBUFS and comes back in the next turn.
                let size = unsafe local.mayRead(handle) ? UInt32(LoopLocal.readCapacity) : 0
                unsafe buffer?.pointee = uv_buf_init(local.readBuffer, size)
            },
            { handle, count, _ in
                guard let handle = unsafe handle, let stream = unsafe StreamHandle.of(handle) else { return }
                let loop = stream.loop
                loop.observation.began(.read)
                if unsafe count == Int(UV_ENOBUFS.rawValue) && loop.local.hadItsTurn(handle) {
                    loop.readPauseCount.add()
                } else {
                    stream.uvDidRead(count)
                }
                loop.afterCallback()
            })
        // A filter may ask twice.
        if code == CInt(UV_EALREADY.rawValue) && filter != nil { return }
        // The writing end of a pipe has nothing to read.
        if code == CInt(UV_ENOTCONN.rawValue) && kind == .pipe { return }
        if code < 0 { fail(code) }
    }

    private func uvDidRead(_ count: Int) {
        switch count {
        case 1...: deliver(count)
        case 0: break
        case Int(UV_EOF.rawValue): didReadEnd()
        default:
            pauseReading()
            fail(CInt(count))
        }
    }

    func uvClose() {
        guard let memory = unsafe handle else { return }
        unsafe uv_close(memory.assumingMemoryBound(to: uv_handle_t.self)) { base in
            guard let base = unsafe base, let raw = unsafe base.pointee.data else { return }
            let owner = unsafe Unmanaged<AnyObject>.fromOpaque(raw).takeRetainedValue()
            let stream = unsafe unsafeDowncast(owner, to: StreamHandle.self)
            let loop = stream.loop
            loop.observation.began(.close)
            unsafe stream.handle = nil
            unsafe loop.local.handles(base.pointee.type).give(UnsafeMutableRawPointer(base))
            stream.didClose()
            loop.afterCallback()
        }
    }

    static func of(_ handle: UnsafeMutablePointer<uv_stream_t>) -> StreamHandle? {
        guard let raw = unsafe handle.pointee.data else { return nil }
        return unsafe unsafeDowncast(Unmanaged<AnyObject>.fromOpaque(raw).takeUnretainedValue(), to: StreamHandle.self)
    }
}
