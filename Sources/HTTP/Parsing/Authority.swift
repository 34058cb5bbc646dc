/// Host and port as they stand in a Host field or in an absolute target: RFC 3986, section 3.2.
enum Authority {
    /// Whether the range is `host [":" port]`, without user information, not empty.
    static func isValid(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        var index = range.lowerBound
        let end = range.upperBound
        guard index < end else { return false }
        if bytes[index] == 0x5b {  // "[": an IPv6 literal
            index += 1
            let start = index
            while index < end, ByteClass.addressLiteral.contains(bytes[index]) { index += 1 }
            guard index < end, bytes[index] == 0x5d, index - start >= 2 else { return false }
            index += 1
        } else {
            let start = index
            while index < end, ByteClass.registeredName.contains(bytes[index]) { index += 1 }
            guard index > start else { return false }
        }
        if index == end { return true }
        guard bytes[index] == Byte.colon, end - index <= 6 else { return false }
        for position in (index + 1)..<end where !Byte.isDigit(bytes[position]) { return false }
        return true
    }
}

extension RequestHead {
    /// Reads a target that doesn't start with a slash: RFC 9112, section 3.2.2 to 3.2.4.
    mutating func readUnusualTarget(_ bytes: Span<UInt8>, _ target: Range<Int>) -> MessageError.Code? {
        if bytes.matches(methodRange, "CONNECT") { return .unsupportedMethod }
        if bytes.matches(target, "*") {
            guard method == .options else { return .badTarget }
            flags.insert(.asterisk)
            return nil
        }
        let scheme: Int
        if target.count > 7, bytes.matches(target.lowerBound..<(target.lowerBound + 7), ignoringCase: "http://") {
            scheme = 7
        } else if target.count > 8,
            bytes.matches(target.lowerBound..<(target.lowerBound + 8), ignoringCase: "https://")
        {
            scheme = 8
        } else {
            return .badTarget
        }
        let start = target.lowerBound + scheme
        var end = start
        while end < target.upperBound, bytes[end] != Byte.slash, bytes[end] != Byte.question { end += 1 }
        guard Authority.isValid(bytes, start..<end) else { return .badTarget }
        flags.insert(.absoluteTarget)
        if end < target.upperBound, bytes[end] == Byte.slash {
            pathStart = Int32(truncatingIfNeeded: end)
        } else {
            // An empty path stands for "/": the last slash of the scheme's "//" lends its place.
            pathStart = Int32(truncatingIfNeeded: start - 1)
            pathEnd = Int32(truncatingIfNeeded: start)
        }
        return nil
    }

    /// Where the authority of an absolute target stands; nil for any other. Looked for anew, since few requests have one.
    func targetAuthority(_ bytes: Span<UInt8>) -> Range<Int>? {
        guard flags.contains(.absoluteTarget) else { return nil }
        // The target follows the method and a space; its scheme ends in "://".
        var start = Int(methodEnd) + 1
        while bytes[start] != Byte.slash { start += 1 }
        start += 2
        var end = start
        while end < Int(targetEnd), bytes[end] != Byte.slash, bytes[end] != Byte.question { end += 1 }
        return start..<end
    }
}
