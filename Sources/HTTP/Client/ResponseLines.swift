internal import Runtime

/// The lines of a body.
public struct ResponseLines: AsyncSequence, Sendable {
    /// A line without its line end.
    public typealias Element = [UInt8]

    let exchange: ClientExchange
    let maxLength: Int

    /// Cuts pieces into lines.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let exchange: ClientExchange
        let maxLength: Int
        private var buffer: [UInt8] = []
        /// Where the next line begins.
        private var start = 0
        /// How far its end was looked for.
        private var searched = 0
        private var isOver = false

        init(exchange: ClientExchange, maxLength: Int) {
            self.exchange = exchange
            self.maxLength = maxLength
        }

        /// The next line; a last one without its line end too; nil at the end.
        ///
        /// - Throws: `ClientError` (`bodyTooLarge` for a line over the limit, and the body's own), `CancellationError`.
        public mutating func next() async throws -> [UInt8]? {
            while true {
                if let line = try await takeLine() { return line }
                if isOver { return nil }
                // What was handed out goes once for each piece, not for each line.
                buffer.removeFirst(start)
                (start, searched) = (0, buffer.count)
                if let piece = try await exchange.nextPiece() {
                    buffer += piece
                } else {
                    isOver = true
                    defer { (buffer, searched) = ([], 0) }
                    return buffer.isEmpty ? nil : buffer
                }
            }
        }

        private mutating func takeLine() async throws -> [UInt8]? {
            let end = buffer[searched...].firstIndex(of: Byte.lineFeed)
            guard (end ?? buffer.count) - start <= maxLength else {
                await exchange.abandon()
                (buffer, start, searched, isOver) = ([], 0, 0, true)
                throw ClientError(.bodyTooLarge, "a line has more than \(maxLength) bytes")
            }
            guard let end else { return nil }
            defer { (start, searched) = (end + 1, end + 1) }
            return Array(buffer[start..<end])
        }
    }

    /// Goes through what has not been read yet.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(exchange: exchange, maxLength: maxLength) }
}
