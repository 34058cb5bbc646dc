/// What a request's head says about itself: offsets into its bytes and the facts that framing needs.
///
/// A plain value without references; the bytes stay where they were received. Offsets count from the first byte given
/// to the parser.
package struct RequestHead: Sendable {
    package struct Flags: OptionSet, Sendable {
        package var rawValue: UInt16

        package init(rawValue: UInt16) { self.rawValue = rawValue }

        package static let http10 = Flags(rawValue: 1 << 0)
        package static let close = Flags(rawValue: 1 << 1)
        package static let keepAlive = Flags(rawValue: 1 << 2)
        package static let chunked = Flags(rawValue: 1 << 3)
        package static let expectsContinue = Flags(rawValue: 1 << 4)
        package static let connectionUpgrade = Flags(rawValue: 1 << 5)
        package static let host = Flags(rawValue: 1 << 6)
        package static let contentLength = Flags(rawValue: 1 << 7)
        package static let percent = Flags(rawValue: 1 << 8)
        package static let asterisk = Flags(rawValue: 1 << 9)
        package static let upgradeField = Flags(rawValue: 1 << 10)
        package static let query = Flags(rawValue: 1 << 11)
        package static let absoluteTarget = Flags(rawValue: 1 << 12)
    }

    package init() {}

    package var flags: Flags = []
    package var method: RequestMethod = .other
    package var fieldCount: UInt16 = 0
    package var methodStart: Int32 = 0
    package var methodEnd: Int32 = 0
    package var pathStart: Int32 = 0
    package var pathEnd: Int32 = 0
    package var queryStart: Int32 = 0
    package var targetEnd: Int32 = 0
    package var fieldsStart: Int32 = 0
    /// The first byte after the head.
    package var end: Int32 = 0
    package var contentLength: Int64 = 0

    /// Whether the connection may serve another request after this one: RFC 9112, section 9.3.
    package var keepsAlive: Bool {
        if flags.contains(.close) { return false }
        return !flags.contains(.http10) || flags.contains(.keepAlive)
    }

    package var hasBody: Bool { flags.contains(.chunked) || contentLength > 0 }

    @inline(__always)
    package var path: Range<Int> { Int(pathStart)..<Int(pathEnd) }
    @inline(__always)
    package var query: Range<Int>? { flags.contains(.query) ? Int(queryStart)..<Int(targetEnd) : nil }
    @inline(__always)
    package var methodRange: Range<Int> { Int(methodStart)..<Int(methodEnd) }
}
