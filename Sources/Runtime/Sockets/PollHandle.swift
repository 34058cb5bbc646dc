internal import CLibuv
internal import CLinux

/// Readiness of a descriptor that libuv does not read or write itself. On the loop only.
// SAFETY: all members are used on the loop's thread; the handle's memory is freed in its close callback.
@safe
final class PollHandle: HandleOwner, @unchecked Sendable {
    struct Events: OptionSet {
        let rawValue: CInt
        static let readable = Events(rawValue: CInt(UV_READABLE.rawValue))
        static let writable = Events(rawValue: CInt(UV_WRITABLE.rawValue))
        static let disconnect = Events(rawValue: CInt(UV_DISCONNECT.rawValue))
    }

    let loop: EventLoop
    private(set) var descriptor: CInt
    private var handle: UnsafeMutablePointer<uv_poll_t>?
    private var events: Events = []
    /// What is ready, or a negative code; called in libuv's callback.
    var onEvents: ((Events, CInt) -> Void)?
    /// The loop ends; the owner closes this handle. Without it the handle just closes.
    var onLoopEnd: (() -> Void)?

    /// Watches nothing yet. The descriptor is made non-blocking; it stays the caller's until `close(descriptorToo: true)`.
    init(_ descriptor: CInt, on loop: EventLoop) throws(UVError) {
        loop.assertCurrent()
        self.loop = loop
        self.descriptor = descriptor
        if loop.local.ending { throw UVError.cancelled("poll") }
        let memory = UnsafeMutablePointer<uv_poll_t>.allocate(capacity: 1)
        let code = unsafe uv_poll_init(loop.uv, memory, descriptor)
        if code < 0 {
            unsafe memory.deallocate()
            throw UVError(code: code, operation: "poll")
        }
        unsafe memory.pointee.data = Unmanaged.passRetained(self as AnyObject).toOpaque()
        unsafe handle = memory
    }

    var isClosed: Bool { unsafe handle == nil }

    /// Watches for these events, and no others; none stops.
    func watch(_ wanted: Events) {
        guard let handle = unsafe handle, wanted != events else { return }
        events = wanted
        if wanted.isEmpty {
            unsafe uv_poll_stop(handle)
            return
        }
        let code = unsafe uv_poll_start(handle, wanted.rawValue) { handle, status, events in
            guard let raw = unsafe handle?.pointee.data else { return }
            let owner = unsafe Unmanaged<AnyObject>.fromOpaque(raw).takeUnretainedValue()
            guard let poll = owner as? PollHandle else { return }
            let loop = poll.loop
            loop.observation.began(.readiness)
            if status < 0 { poll.events = [] }
            poll.onEvents?(Events(rawValue: events), status)
            loop.afterCallback()
        }
        if code < 0 {
            // As if the kernel had said so; not from within the owner's own call.
            events = []
            loop.execute { self.onEvents?([], code) }
        }
    }

    /// Ends the watching; the descriptor is closed too if asked. Callbacks end at once, memory goes a turn later.
    func close(descriptorToo: Bool) {
        guard let handle = unsafe handle else { return }
        unsafe self.handle = nil
        onEvents = nil
        onLoopEnd = nil
        unsafe uv_close(rawHandle(handle)) { raw in
            guard let raw = unsafe raw, let data = unsafe raw.pointee.data else { return }
            let loop = unsafe EventLoop.of(raw.pointee.loop)
            loop?.observation.began(.close)
            unsafe UnsafeMutableRawPointer(raw).assumingMemoryBound(to: uv_poll_t.self).deallocate()
            // Letting go may let others go, whose ends resume tasks.
            unsafe Unmanaged<AnyObject>.fromOpaque(data).release()
            loop?.afterCallback()
        }
        // libuv has let go of the descriptor by now, so that its number may be used anew.
        if descriptorToo { cl_close(descriptor) }
        descriptor = -1
    }

    func loopIsEnding() {
        if let onLoopEnd { onLoopEnd() }
        close(descriptorToo: false)
    }
}
