/// Takes the chunked framing off a body: RFC 9112, section 7.1.
///
/// Pure and incremental: it is given bytes as they come and says where data lies in them, without copying any. Chunk
/// extensions are checked, limited and dropped; trailers too, unless they are to be kept. Nothing that one implementation might
/// read as the end of a line and another not gets past it: no bare LF, no bare CR, no white space beside the size or in an
/// extension.
package struct ChunkedDecoder: Sendable {
    package enum Step: Equatable {
        /// All bytes were used up; more are needed.
        case incomplete
        /// A piece of the body, as a range of the given bytes.
        case data(Range<Int>)
        /// The body is over; what follows the position belongs to the next message.
        case end
        case failed(MessageError.Code)
    }

    private enum Phase: UInt8 {
        case firstDigit, digits, sizeEnd, data, dataReturn, dataEnd, trailerStart, trailerName, trailerValue
        case trailerEnd, finalEnd, over
        case extensionStart, extensionName, extensionValue, extensionToken, extensionQuoted, extensionEscape
        case extensionEnd
    }

    private var phase = Phase.firstDigit
    private var digits: UInt8 = 0
    private var left: Int64 = 0
    private var extensionBytes = 0
    private var trailerBytes = 0
    private let keepsTrailers: Bool
    /// The lines of the trailer section as they came, if they are kept: whole and checked once the end was reached.
    package private(set) var trailers: [UInt8] = []

    /// A decoder at the start of a body.
    package init(keepsTrailers: Bool = false) { self.keepsTrailers = keepsTrailers }

    /// Bytes of the present chunk that are still to come; 0 until the line with its size is whole.
    package var announced: Int64 { phase == .data ? left : 0 }

    /// Whether the end was reached.
    package var isOver: Bool { phase == .over }

    /// The next step from `position` on, which is moved past what was used.
    package mutating func next(_ bytes: Span<UInt8>, at position: inout Int, limits: ParserLimits) -> Step {
        while position < bytes.count {
            switch phase {
            case .data:
                let length = min(bytes.count &- position, Int(clamping: left))
                let range = position..<(position &+ length)
                left -= Int64(length)
                position &+= length
                if left == 0 { phase = .dataReturn }
                return .data(range)
            case .over:
                return .end
            default:
                if let code = take(bytes[position], limits) { return .failed(code) }
                position &+= 1
                if phase == .over { return .end }
            }
        }
        return .incomplete
    }

    /// One byte of framing.
    private mutating func take(_ byte: UInt8, _ limits: ParserLimits) -> MessageError.Code? {
        switch phase {
        case .firstDigit, .digits, .sizeEnd: takeSize(byte)
        case .dataReturn: expect(byte, Byte.carriageReturn, then: .dataEnd)
        case .dataEnd: expect(byte, Byte.lineFeed, then: .firstDigit)
        case .trailerStart, .trailerName, .trailerValue, .trailerEnd, .finalEnd: takeTrailer(byte, limits)
        default: takeExtension(byte, limits)
        }
    }

    private mutating func expect(_ byte: UInt8, _ expected: UInt8, then next: Phase) -> MessageError.Code? {
        guard byte == expected else { return .badChunk }
        phase = next
        return nil
    }

    private mutating func takeSize(_ byte: UInt8) -> MessageError.Code? {
        switch phase {
        case .sizeEnd:
            let isLast = left == 0
            digits = 0
            return expect(byte, Byte.lineFeed, then: isLast ? .trailerStart : .data)
        default:
            if let digit = Byte.hexadecimal(byte) {
                // Fifteen digits are 60 bits: no overflow, and more than any body.
                if digits == 15 { return .badChunk }
                digits += 1
                left = left << 4 | Int64(digit)
                phase = .digits
                return nil
            }
            guard phase == .digits else { return .badChunk }
            return takeBoundary(byte)
        }
    }

    /// What may follow a size or a whole extension: another one, or the line's end.
    private mutating func takeBoundary(_ byte: UInt8) -> MessageError.Code? {
        if byte == Byte.semicolon {
            phase = .extensionStart
            return nil
        }
        return expect(byte, Byte.carriageReturn, then: .sizeEnd)
    }

    /// `";" token [ "=" ( token / quoted-string ) ]`: RFC 9112, section 7.1.1, without its bad white space.
    private mutating func takeExtension(_ byte: UInt8, _ limits: ParserLimits) -> MessageError.Code? {
        if byte != Byte.carriageReturn { extensionBytes += 1 }
        if extensionBytes > limits.maxChunkExtensions { return .badChunk }
        let isToken = ByteClass.token.contains(byte)
        switch phase {
        case .extensionStart where isToken: phase = .extensionName
        case .extensionName where isToken, .extensionToken where isToken: break
        case .extensionName where byte == 0x3d: phase = .extensionValue
        case .extensionValue where byte == 0x22: phase = .extensionQuoted
        case .extensionValue where isToken: phase = .extensionToken
        case .extensionQuoted where byte == 0x22: phase = .extensionEnd
        case .extensionQuoted where byte == 0x5c: phase = .extensionEscape
        case .extensionQuoted, .extensionEscape:
            if Self.isControl(byte) { return .badChunk }
            phase = .extensionQuoted
        case .extensionName, .extensionToken, .extensionEnd: return takeBoundary(byte)
        default: return .badChunk
        }
        return nil
    }

    private mutating func takeTrailer(_ byte: UInt8, _ limits: ParserLimits) -> MessageError.Code? {
        trailerBytes += 1
        if trailerBytes > limits.maxTrailers { return .headTooLarge }
        if keepsTrailers { trailers.append(byte) }
        switch phase {
        case .trailerStart where byte == Byte.carriageReturn:
            phase = .finalEnd
        case .trailerStart:
            guard ByteClass.token.contains(byte) else { return .badChunk }
            phase = .trailerName
        case .trailerName:
            if byte == Byte.colon { phase = .trailerValue } else if !ByteClass.token.contains(byte) { return .badChunk }
        case .trailerValue:
            if byte == Byte.carriageReturn { phase = .trailerEnd } else if Self.isControl(byte) { return .badChunk }
        case .trailerEnd: return expect(byte, Byte.lineFeed, then: .trailerStart)
        default: return expect(byte, Byte.lineFeed, then: .over)
        }
        return nil
    }

    private static func isControl(_ byte: UInt8) -> Bool {
        byte < 0x20 && byte != Byte.tab || byte == 0x7f
    }
}
