internal import CNghttp2

/// The client's side of one HTTP/2 connection without any I/O, by nghttp2: bytes from the server go in by `receive`, what has
/// to be sent comes out by `takeOutput`, and the streams' handlers are told the rest.
///
/// Not thread-safe: its connection uses it on one loop. The flow control of each stream is its handler's: what it has not
/// consumed keeps the server from sending more than `streamWindow`, while the other streams go on.
final class HTTP2Session {
    // SAFETY: nghttp2 gets a pointer to this object, unretained; it calls back only within calls of this object's, and its
    // session is freed by deinit.

    /// Bytes that the server may send on a stream before its handler has consumed any.
    static let streamWindow: Int32 = 1 << 20
    /// Bytes that it may send on all together before this side has looked at them.
    static let connectionWindow: Int32 = 16 << 20

    /// A stream that is open.
    struct Entry {
        var handler: any HTTP2StreamHandler
        /// What is to be sent, from `sent` on.
        var output: [UInt8]
        var sent = 0
        /// Whether the last of `output` ends our side.
        var endsOutput: Bool
    }

    private var session: OpaquePointer?
    var streams: [Int32: Entry] = [:]
    /// Whether the server's first SETTINGS have come: that it is there, and speaks HTTP/2.
    var hasSettings = false
    /// Whether the server asked us to go (GOAWAY): streams that it took go on, new ones belong elsewhere.
    var isGoingAway = false
    /// Answers to our PINGs so far.
    var pongs = 0

    /// Whether nothing is open.
    var isIdle: Bool { streams.isEmpty }

    /// A session that has its greeting to send.
    ///
    /// - Throws: `HTTP2Failure` when there is no memory.
    init() throws(HTTP2Failure) {
        var callbacks: OpaquePointer?
        var option: OpaquePointer?
        guard nghttp2_session_callbacks_new(&callbacks) == 0, nghttp2_option_new(&option) == 0 else {
            throw .protocolViolation("no memory for a session")
        }
        defer {
            nghttp2_session_callbacks_del(callbacks)
            nghttp2_option_del(option)
        }
        Self.setCallbacks(callbacks)
        nghttp2_option_set_no_auto_window_update(option, 1)
        var made: OpaquePointer?
        let code = nghttp2_session_client_new2(&made, callbacks, nil, option)
        guard code == 0 else { throw Self.failure(code) }
        session = made
        nghttp2_session_set_user_data(made, Unmanaged.passUnretained(self).toOpaque())
        let settings = [
            nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_ENABLE_PUSH.rawValue), value: 0),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue), value: UInt32(Self.streamWindow)),
        ]
        let none = UInt8(NGHTTP2_FLAG_NONE.rawValue)
        nghttp2_submit_settings(made, none, settings, settings.count)
        nghttp2_session_set_local_window_size(made, none, 0, Self.connectionWindow)
    }

    deinit { nghttp2_session_del(session) }

    /// The session that a callback is for.
    static func of(_ userData: UnsafeMutableRawPointer?) -> HTTP2Session? {
        userData.map { Unmanaged<HTTP2Session>.fromOpaque($0).takeUnretainedValue() }
    }

    static func failure(_ code: CInt) -> HTTP2Failure {
        .protocolViolation(nghttp2_strerror(code).map { String(cString: $0) } ?? "error \(code)")
    }

    // MARK: Bytes

    /// Takes bytes from the server; the handlers are told within the call.
    ///
    /// - Throws: `HTTP2Failure`: the connection is of no use any more.
    func receive(_ bytes: Span<UInt8>) throws(HTTP2Failure) {
        let code = bytes.withUnsafeBufferPointer { nghttp2_session_mem_recv(session, $0.baseAddress, $0.count) }
        if code < 0 { throw Self.failure(CInt(code)) }
    }

    /// Appends what is to be sent to the buffer, until it has `limit` bytes or there is no more.
    ///
    /// - Throws: `HTTP2Failure`: the connection is of no use any more.
    func takeOutput(into buffer: inout [UInt8], limit: Int) throws(HTTP2Failure) {
        while buffer.count < limit {
            var data: UnsafePointer<UInt8>?
            let count = nghttp2_session_mem_send(session, &data)
            if count < 0 { throw Self.failure(CInt(count)) }
            guard count > 0, let data else { return }
            buffer.append(contentsOf: UnsafeBufferPointer(start: data, count: count))
        }
    }

    /// Whether this side or the other still has something to say.
    var isAlive: Bool { nghttp2_session_want_read(session) != 0 || nghttp2_session_want_write(session) != 0 }

    // MARK: Streams

    /// Opens a stream.
    ///
    /// - Parameters:
    ///   - head: the request's fields; names in lower case, pseudo-fields first.
    ///   - body: the first bytes of its body.
    ///   - ends: whether these are the last.
    ///   - handler: who is told what happens.
    /// - Returns: the stream's number.
    /// - Throws: `HTTP2Failure`; the handler hears nothing then.
    func open(
        _ head: [HTTP2Field], body: [UInt8], ends: Bool, handler: any HTTP2StreamHandler
    ) throws(HTTP2Failure) -> Int32 {
        var provider = nghttp2_data_provider()
        provider.read_callback = Self.readOutput
        let id = HTTP2Field.withNative(head) { nghttp2_submit_request(session, nil, $0, $1, &provider, nil) }
        if id < 0 { throw Self.failure(id) }
        streams[id] = Entry(handler: handler, output: body, endsOutput: ends)
        return id
    }

    /// Ends a stream at once: the server is told (CANCEL), the handler hears no more of it.
    func cancel(_ id: Int32) {
        guard streams.removeValue(forKey: id) != nil else { return }
        nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, NGHTTP2_CANCEL.rawValue)
    }

    /// Lets the server send as many more bytes on a stream.
    func consume(_ count: Int, of id: Int32) {
        if count > 0 { nghttp2_session_consume_stream(session, id, count) }
    }

    /// Asks the server whether it is there: `pongs` counts its answers.
    func ping() { nghttp2_submit_ping(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil) }

    /// Tells the server that this is the end (GOAWAY).
    func terminate() { nghttp2_session_terminate_session(session, NGHTTP2_NO_ERROR.rawValue) }

    /// Ends every stream with the failure: the connection is gone.
    func fail(_ failure: HTTP2Failure) {
        let lost = streams
        streams = [:]
        for entry in lost.values { entry.handler.didClose(failure) }
    }
}
