/// How large the parts of a message may grow before it is refused.
public struct ParserLimits: Sendable, Hashable {
    /// Bytes of the request line with its line end; beyond it 414.
    public var maxRequestLine: Int
    /// Bytes of the whole head, request line and empty line included; beyond it 431.
    public var maxHead: Int
    /// Field lines of a head; beyond it 431.
    public var maxFields: Int
    /// Bytes of all chunk extensions of one body together; beyond it 400. Nothing reads them, so a peer that sends
    /// many means no good.
    public var maxChunkExtensions: Int
    /// Bytes of a chunked body's trailer section; beyond it 431.
    public var maxTrailers: Int

    /// Limits that fit every client met so far.
    public init(
        maxRequestLine: Int = 8 * 1024, maxHead: Int = 32 * 1024, maxFields: Int = 100,
        maxChunkExtensions: Int = 4 * 1024, maxTrailers: Int = 8 * 1024
    ) {
        self.maxRequestLine = maxRequestLine
        self.maxHead = maxHead
        self.maxFields = maxFields
        self.maxChunkExtensions = maxChunkExtensions
        self.maxTrailers = maxTrailers
    }
}
