internal import HTTPTypes
internal import Runtime

extension ClientExchange {
    func begin(_ head: ResponseHead, isHead: Bool) {
        keepsAlive = head.keepsAlive
        switch head.framing(isHead: isHead) {
        case .none: finish()
        case .length(let length): state = .counted(length)
        case .chunked: state = .chunked(ChunkedDecoder(keepsTrailers: true))
        case .untilClose:
            keepsAlive = false
            state = .untilClose
        }
    }

    func nextPiece() async throws -> [UInt8]? {
        do {
            while true {
                if let piece = try takeBuffered() { return piece }
                guard let connection, !isOver else { return nil }
                let piece: [UInt8]?
                do {
                    arm(.reading, configuration.bodyIdleTimeout)
                    defer { disarm(.reading) }
                    piece = try await connection.read()
                } catch let error as UVError {
                    throw ownEnd ?? ClientError(.interrupted, "the connection broke inside the body", cause: error)
                }
                if let piece {
                    buffer += piece
                } else if case .untilClose = state {
                    finish()
                } else {
                    throw ownEnd ?? ClientError(.interrupted, "the connection ended inside the body")
                }
            }
        } catch {
            abandon()
            throw error
        }
    }

    private var isOver: Bool {
        if case .over = state { return true }
        return false
    }

    /// A piece of what has been read, nil if there is none; moves on to the end where that is reached.
    private func takeBuffered() throws -> [UInt8]? {
        guard !buffer.isEmpty else { return nil }
        switch state {
        case .head, .over: return nil
        case .untilClose: return takeAll()
        case .counted(let left):
            let piece = left < Int64(buffer.count) ? Array(buffer[..<Int(left)]) : buffer
            buffer.removeFirst(piece.count)
            state = .counted(left - Int64(piece.count))
            if left == Int64(piece.count) { finish() }
            return piece
        case .chunked(var decoder):
            let piece = try decode(&decoder)
            if case .chunked = state { state = .chunked(decoder) }
            return piece
        }
    }

    private func takeAll() -> [UInt8] {
        defer { buffer = [] }
        return buffer
    }

    /// All data that the buffer holds, as one piece.
    private func decode(_ decoder: inout ChunkedDecoder) throws -> [UInt8]? {
        var piece: [UInt8] = []
        var position = 0
        while true {
            switch decoder.next(buffer.span, at: &position, limits: limits) {
            case .data(let range): piece += buffer[range]
            case .incomplete:
                buffer = []
                return piece.isEmpty ? nil : piece
            case .end:
                buffer.removeFirst(position)
                trailers = TrailerFields.parse(decoder.trailers)
                finish()
                return piece.isEmpty ? nil : piece
            case .failed(let code):
                throw ClientError(.badAnswer, "the chunked body is malformed", cause: MessageError(code))
            }
        }
    }

    /// The answer is whole: the connection may serve another, unless the server answered before it had the whole request.
    private func finish() {
        state = .over
        disarmAll()
        guard let connection else { return }
        self.connection = nil
        if keepsAlive, isWritten, buffer.isEmpty {
            lease.end(keeping: connection)
        } else {
            close(connection)
        }
    }

    /// Gives the answer up, and the connection with it.
    func abandon() {
        state = .over
        buffer = []
        disarmAll()
        guard let connection else { return }
        self.connection = nil
        close(connection)
    }

    private func close(_ connection: Connection) {
        bodyTask?.cancel()
        bodyTask = nil
        connection.close()
        lease.end(keeping: nil)
    }
}
