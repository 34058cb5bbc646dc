internal import HTTPTypes

/// Reads a request's body: to collect it for a task, to hand it to one in pieces, or to drop it after an answer that did
/// without.
struct BodyReader {
    /// What for.
    enum Purpose {
        case collect(Request, wantsTrailers: Bool, @Sendable (Request) async throws -> Response)
        /// Handed out as it comes.
        case pieces
        case drop
    }

    enum Outcome {
        case incomplete, complete
        case failed(MessageError.Code)
        /// More than is worth reading only to keep the connection.
        case tooMuchToDrop
    }

    private(set) var purpose: Purpose
    private(set) var collected: [UInt8] = []
    private var limit: Int
    private(set) var left: Int64
    private var decoder: ChunkedDecoder?
    private var total = 0

    /// A reader of the body that a head announces.
    ///
    /// - Parameters:
    ///   - head: the request's head, which has a body.
    ///   - purpose: what for.
    ///   - limit: bytes that a body in chunks may have; one of known length has been held against it already.
    init(_ head: RequestHead, purpose: Purpose, limit: Int) {
        self.purpose = purpose
        self.limit = limit
        left = head.contentLength
        decoder = nil
        if head.flags.contains(.chunked) { decoder = ChunkedDecoder(keepsTrailers: !isDropping) }
        if case .collect = purpose { collected.reserveCapacity(Int(clamping: min(left, 64 * 1024))) }
    }

    /// Reads on from `position`, which is moved past what was used.
    mutating func read(_ bytes: Span<UInt8>, at position: inout Int, limits: ParserLimits) -> Outcome {
        guard decoder != nil else { return readCounted(bytes, at: &position) }
        while true {
            switch decoder?.next(bytes, at: &position, limits: limits) {
            case .data(let range):
                total += range.count
                if total > limit { return isDropping ? .tooMuchToDrop : .failed(.bodyTooLarge) }
                keep(bytes.extracting(range))
            case .end: return .complete
            case .failed(let code): return .failed(code)
            case .incomplete, nil:
                // Refused as soon as it is announced, as a length is.
                guard Int64(total) + (decoder?.announced ?? 0) > Int64(limit) else { return .incomplete }
                return isDropping ? .tooMuchToDrop : .failed(.bodyTooLarge)
            }
        }
    }

    private mutating func readCounted(_ bytes: Span<UInt8>, at position: inout Int) -> Outcome {
        let length = min(bytes.count - position, Int(clamping: left))
        keep(bytes.extracting(position..<(position + length)))
        position += length
        left -= Int64(length)
        return left == 0 ? .complete : .incomplete
    }

    private mutating func keep(_ bytes: Span<UInt8>) {
        if !isDropping { collected.append(copying: bytes) }
    }

    /// What has been read since the last call.
    mutating func takeCollected() -> [UInt8] {
        defer { collected = [] }
        return collected
    }

    /// Reads the rest only to get at what follows; nobody wants it any more.
    mutating func dropRest() {
        purpose = .drop
        collected = []
        limit = ServerCore.maxDropped
        total = 0
    }

    /// The fields after the body, once it is complete.
    var trailers: HTTPFields { decoder.map { TrailerFields.parse($0.trailers) } ?? [:] }

    /// Whether the rest is known, or likely, to be small enough to be read only to keep the connection.
    var isWorthDropping: Bool { decoder != nil || left <= Int64(ServerCore.maxDropped) }

    /// Whether the answer has gone out already.
    var isDropping: Bool {
        if case .drop = purpose { return true }
        return false
    }
}
