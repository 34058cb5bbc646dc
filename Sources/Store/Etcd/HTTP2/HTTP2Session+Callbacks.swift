internal import CNghttp2

// What nghttp2 calls. SAFETY, for all of it: within calls of the session's own, which keep it alive; the pointers are lent for
// the callback.
extension HTTP2Session {
    static func setCallbacks(_ callbacks: OpaquePointer?) {
        nghttp2_session_callbacks_set_on_header_callback(callbacks) {
            _, frame, name, nameCount, value, valueCount, _, session in
            guard let frame, let name, let value,
                let entry = HTTP2Session.of(session)?.streams[frame.pointee.hd.stream_id],
                let field = HTTP2Session.fieldName(UnsafeBufferPointer(start: name, count: nameCount))
            else { return 0 }
            let text = String(decoding: UnsafeBufferPointer(start: value, count: valueCount), as: UTF8.self)
            entry.handler.didReceive(field: field, value: text)
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, session in
            if let frame { HTTP2Session.of(session)?.didReceive(frame.pointee) }
            return 0
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { raw, _, id, data, count, session in
            // The connection's window is opened again at once: a slow reader holds up its own stream alone.
            nghttp2_session_consume_connection(raw, count)
            if let entry = HTTP2Session.of(session)?.streams[id] {
                entry.handler.didReceive(data: UnsafeBufferPointer(start: data, count: count))
            } else {
                nghttp2_session_consume_stream(raw, id, count)
            }
            return 0
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, id, code, session in
            HTTP2Session.of(session)?.didClose(id, code)
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks) { _, frame, _, session in
            guard let frame, UInt32(frame.pointee.hd.type) == NGHTTP2_HEADERS.rawValue else { return 0 }
            HTTP2Session.of(session)?.didClose(frame.pointee.hd.stream_id, NGHTTP2_REFUSED_STREAM.rawValue)
            return 0
        }
    }

    /// Hands nghttp2 the next bytes of a stream's body.
    static let readOutput: nghttp2_data_source_read_callback = { _, id, buffer, capacity, flags, _, session in
        guard let buffer, let flags,
            let count = HTTP2Session.of(session)?.takeBody(of: id, into: buffer, capacity, flags)
        else {
            return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
        }
        return count
    }

    private func takeBody(
        of id: Int32, into buffer: UnsafeMutablePointer<UInt8>, _ capacity: Int, _ flags: UnsafeMutablePointer<UInt32>
    ) -> Int? {
        guard var entry = streams[id] else { return nil }
        let count = min(capacity, entry.output.count - entry.sent)
        if count == 0, !entry.endsOutput { return Int(NGHTTP2_ERR_DEFERRED.rawValue) }
        entry.output.withUnsafeBufferPointer { output in
            if let start = output.baseAddress { buffer.update(from: start + entry.sent, count: count) }
        }
        entry.sent += count
        if entry.sent == entry.output.count {
            if entry.endsOutput { flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue }
            entry.output = []
            entry.sent = 0
        }
        streams[id] = entry
        return count
    }

    private func didReceive(_ frame: nghttp2_frame) {
        let header = frame.hd
        let isLast = UInt32(header.flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0
        switch UInt32(header.type) {
        case NGHTTP2_SETTINGS.rawValue: hasSettings = true
        case NGHTTP2_GOAWAY.rawValue: isGoingAway = true
        case NGHTTP2_PING.rawValue where UInt32(header.flags) & NGHTTP2_FLAG_ACK.rawValue != 0: pongs += 1
        case NGHTTP2_HEADERS.rawValue:
            streams[header.stream_id]?.handler.didReceiveFields(isLast: isLast)
            if isLast { streams[header.stream_id]?.handler.didEndInput() }
        case NGHTTP2_DATA.rawValue where isLast: streams[header.stream_id]?.handler.didEndInput()
        default: break
        }
    }

    private func didClose(_ id: Int32, _ code: UInt32) {
        guard let entry = streams.removeValue(forKey: id) else { return }
        switch code {
        case NGHTTP2_NO_ERROR.rawValue: entry.handler.didClose(nil)
        case NGHTTP2_REFUSED_STREAM.rawValue: entry.handler.didClose(.refused)
        default: entry.handler.didClose(.reset(code))
        }
    }

    /// The fields that gRPC's client looks at; for others no string is made.
    private static func fieldName(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
        switch bytes.count {
        case 7 where bytes.elementsEqual(":status".utf8): ":status"
        case 11 where bytes.elementsEqual("grpc-status".utf8): "grpc-status"
        case 12 where bytes.elementsEqual("grpc-message".utf8): "grpc-message"
        case 12 where bytes.elementsEqual("content-type".utf8): "content-type"
        default: nil
        }
    }
}
