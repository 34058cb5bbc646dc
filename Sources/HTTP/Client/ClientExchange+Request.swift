internal import HTTPTypes
internal import Runtime

extension ClientExchange {
    /// Sends the request. A large or streamed body goes out while the answer is awaited, since a server that refuses it says so
    /// before it has read it.
    func write(_ bytes: [UInt8], _ stream: RequestStream?, to connection: Connection) async throws {
        guard bytes.count > 64 * 1024 || stream != nil else {
            do {
                try await connection.write(bytes)
            } catch let error as UVError {
                if let reason = ownEnd { throw reason }
                // The server may have refused the request and said so before it closed.
                guard error.isReset else { throw NothingCame(cause: error) }
            }
            return didWrite()
        }
        owed = stream?.length
        bodyTask = spawn(on: loop, "HTTP request body") {
            do {
                try await connection.write(bytes)
                if let stream {
                    try await stream.produce(RequestWriter(exchange: self))
                    try await self.endBody(stream)
                }
                await self.didWrite()
            } catch {
                await self.bodyDidFail(error)
            }
        }
    }

    private func didWrite() {
        isWritten = true
        bodyTask = nil
        if case .head = state { arm(.head, configuration.headTimeout) }
    }

    /// What the closure threw ends the exchange. That the server takes no more does not: its answer may say why.
    private func bodyDidFail(_ error: any Error) {
        bodyTask = nil
        if error is UVError { return }
        if let error = error as? ClientError, error.code == .interrupted { return }
        if ownEnd == nil { bodyFailure = error }
        connection?.close()
    }

    func writePiece(_ bytes: [UInt8]) async throws {
        guard let connection else { throw ClientError(.interrupted, "the exchange is over") }
        guard !bytes.isEmpty else { return }
        var framed = bytes
        if let owed {
            guard Int64(bytes.count) <= owed else { throw BodyTooLong() }
            self.owed = owed - Int64(bytes.count)
        } else {
            framed = Array(String(bytes.count, radix: 16).utf8)
            framed.append("\r\n")
            framed += bytes
            framed.append("\r\n")
        }
        arm(.writing, configuration.bodyIdleTimeout)
        defer { disarm(.writing) }
        do {
            try await connection.write(framed)
        } catch let error as UVError {
            throw ownEnd ?? ClientError(.interrupted, "the server takes no more of the body", cause: error)
        }
    }

    func setTrailers(_ fields: HTTPFields) { requestTrailers = TrailerFields.encoded(fields) }

    private func endBody(_ stream: RequestStream) async throws {
        guard stream.length == nil else {
            guard owed == 0 else {
                throw ClientError(.badRequest, "the body is \(owed ?? 0) bytes shorter than was announced")
            }
            return
        }
        var end: [UInt8] = []
        end.append("0\r\n")
        end += requestTrailers
        end.append("\r\n")
        try await connection?.write(end)
    }
}
