/// Which bytes may stand where, as bit sets of the 128 ASCII codes, and the few searches that the parsers share.
///
/// A bit set in two registers costs a shift and a mask a byte; a table of 256 would cost a load and a cache line.
package struct ByteClass: Sendable {
    private let low: UInt64
    private let high: UInt64

    /// The class of the ASCII characters of a string.
    package init(_ members: String) {
        var low: UInt64 = 0
        var high: UInt64 = 0
        for byte in members.utf8 {
            if byte < 64 { low |= 1 << UInt64(byte) } else { high |= 1 << UInt64(byte & 63) }
        }
        self.low = low
        self.high = high
    }

    /// The class whose bits are known; the members of the constants below are held against their strings by a test.
    init(low: UInt64, high: UInt64) {
        self.low = low
        self.high = high
    }

    @inline(__always)
    package func contains(_ byte: UInt8) -> Bool {
        let word = byte & 0x40 == 0 ? low : high
        return byte < 0x80 && (word >> UInt64(byte & 63)) & 1 == 1
    }

    /// `tchar` of RFC 9110, section 5.6.2: method names and field names.
    package static var token: ByteClass { ByteClass(low: 0x03ff_6cfa_0000_0000, high: 0x57ff_ffff_c7ff_fffe) }

    /// What a request target may hold: visible ASCII but `"`, `#`, `<` and `>`.
    ///
    /// RFC 3986 allows fewer; what it forbids beyond these four is left unencoded by the URL standard that browsers
    /// follow, and confuses nobody.
    package static var target: ByteClass { ByteClass(low: 0xaffffff2_0000_0000, high: 0x7fff_ffff_ffff_ffff) }

    /// `reg-name` of RFC 3986, section 3.2.2, the percent sign included.
    package static var registeredName: ByteClass { ByteClass(low: 0x2bff_7ff2_0000_0000, high: 0x47ff_fffe_87ff_fffe) }

    /// What stands between the brackets of an IP literal; a zone identifier is not allowed in a Host field.
    package static var addressLiteral: ByteClass { ByteClass(low: 0x07ff_4000_0000_0000, high: 0x0000_007e_0000_007e) }
}

/// The bytes that the grammar names.
enum Byte {
    static var tab: UInt8 { 0x09 }
    static var lineFeed: UInt8 { 0x0a }
    static var carriageReturn: UInt8 { 0x0d }
    static var space: UInt8 { 0x20 }
    static var percent: UInt8 { 0x25 }
    static var comma: UInt8 { 0x2c }
    static var slash: UInt8 { 0x2f }
    static var colon: UInt8 { 0x3a }
    static var semicolon: UInt8 { 0x3b }
    static var question: UInt8 { 0x3f }

    /// The value of a hexadecimal digit, nil for any other byte.
    @inline(__always)
    static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte &- 0x30
        case 0x41...0x46: byte &- 0x37
        case 0x61...0x66: byte &- 0x57
        default: nil
        }
    }

    @inline(__always)
    static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    @inline(__always)
    static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab }
}

extension Span<UInt8> {
    /// The first offset at or after `start` whose byte is a control character other than the tab, or the count.
    ///
    /// Eight bytes a step; field values are most of a head.
    @inline(__always)
    func firstControl(from start: Int) -> Int {
        var index = start
        let raw = bytes
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        while true {
            while index &+ 8 <= count {
                // SAFETY: the eight bytes from `index` lie inside the span by the condition above.
                let word = raw.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
                let delete = word ^ (ones &* 0x7f)
                let below = (word &- ones &* 0x20) & ~word
                let found = (below | ((delete &- ones) & ~delete)) & tops
                if found != 0 {
                    // Borrows can only mark bytes above the first hit (little endian), so the lowest mark is true.
                    index &+= found.littleEndian.trailingZeroBitCount >> 3
                    break
                }
                index &+= 8
            }
            while index < count, self[index] >= 0x20, self[index] != 0x7f { index &+= 1 }
            if index < count, self[index] == Byte.tab {
                index &+= 1
                continue
            }
            return index
        }
    }

    /// Where to go on looking for a line's end when more bytes have come: a CR at the very end waits for its LF.
    var searchedForLineEnd: Int {
        guard count > 0, self[count - 1] == Byte.carriageReturn else { return count }
        return count - 1
    }

    /// Whether the bytes of a range are the ASCII text, letters compared without case; the text is in lower case.
    @inline(__always)
    func matches(_ range: Range<Int>, ignoringCase text: StaticString) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        // SAFETY: a StaticString's bytes live as long as the program, and the index stays below their count.
        let expected = text.utf8Start
        var index = 0
        while index < range.count {
            let byte = self[range.lowerBound &+ index]
            let lower = byte &- 0x41 < 26 ? byte | 0x20 : byte
            if lower != expected[index] { return false }
            index &+= 1
        }
        return true
    }

    /// Whether the bytes of a range are exactly the ASCII text.
    @inline(__always)
    func matches(_ range: Range<Int>, _ text: StaticString) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        // SAFETY: as above.
        let expected = text.utf8Start
        var index = 0
        while index < range.count {
            if self[range.lowerBound &+ index] != expected[index] { return false }
            index &+= 1
        }
        return true
    }

    /// The range without the blanks at both ends.
    @inline(__always)
    func trimmingBlanks(_ range: Range<Int>) -> Range<Int> {
        var lower = range.lowerBound
        var upper = range.upperBound
        while lower < upper, Byte.isBlank(self[lower]) { lower &+= 1 }
        while upper > lower, Byte.isBlank(self[upper &- 1]) { upper &-= 1 }
        return lower..<upper
    }
}
