extension RequestHead {
    /// Takes notice of a field that framing or routing depends on; returns what is wrong with it.
    @inline(__always)
    mutating func note(_ line: FieldLine, in bytes: Span<UInt8>) -> MessageError.Code? {
        // The length and the first letter tell most fields apart without a comparison.
        let first = bytes[line.name.lowerBound] | 0x20
        switch line.name.count {
        case 4 where first == 0x68 && bytes.matches(line.name, ignoringCase: "host"):
            return noteHost(line.value, in: bytes)
        case 6 where first == 0x65 && bytes.matches(line.name, ignoringCase: "expect"):
            return noteExpect(line.value, in: bytes)
        case 7 where first == 0x75 && bytes.matches(line.name, ignoringCase: "upgrade"):
            flags.insert(.upgradeField)
        case 10 where first == 0x63 && bytes.matches(line.name, ignoringCase: "connection"):
            noteConnection(line.value, in: bytes)
        case 14 where first == 0x63 && bytes.matches(line.name, ignoringCase: "content-length"):
            return noteContentLength(line.value, in: bytes)
        case 17 where first == 0x74 && bytes.matches(line.name, ignoringCase: "transfer-encoding"):
            return noteTransferEncoding(line.value, in: bytes)
        default: break
        }
        return nil
    }

    /// What only the whole head can tell to be wrong.
    func finish() -> MessageError.Code? {
        if !flags.contains(.http10), !flags.contains(.host) { return .badHost }
        if flags.contains(.chunked) {
            if flags.contains(.contentLength) { return .ambiguousLength }
            // An HTTP/1.0 sender can't know chunked: RFC 9112, section 6.1, calls its framing faulty.
            if flags.contains(.http10) { return .badTransferEncoding }
        }
        return nil
    }

    private mutating func noteHost(_ value: Range<Int>, in bytes: Span<UInt8>) -> MessageError.Code? {
        if flags.contains(.host) { return .badHost }
        flags.insert(.host)
        // An empty value is what a client sends whose target has no authority: RFC 9112, section 3.2.
        return value.isEmpty || Authority.isValid(bytes, value) ? nil : .badHost
    }

    private mutating func noteContentLength(
        _ value: Range<Int>, in bytes: Span<UInt8>
    ) -> MessageError.Code? {
        guard !flags.contains(.contentLength), let length = decimal(bytes, value) else { return .badContentLength }
        flags.insert(.contentLength)
        contentLength = length
        return nil
    }

    /// Only chunked, once, is implemented; everything else is refused, by the code that RFC 9112 asks for.
    private mutating func noteTransferEncoding(
        _ value: Range<Int>, in bytes: Span<UInt8>
    ) -> MessageError.Code? {
        if flags.contains(.chunked) { return .badTransferEncoding }
        if bytes.matches(value, ignoringCase: "chunked") {
            flags.insert(.chunked)
            return nil
        }
        var last = value.lowerBound..<value.lowerBound
        var codings = 0
        var chunkedCodings = 0
        var start = value.lowerBound
        while let element = nextListElement(bytes, value, from: &start) {
            codings += 1
            if bytes.matches(element, ignoringCase: "chunked") { chunkedCodings += 1 }
            last = element
        }
        let endsInChunked = bytes.matches(last, ignoringCase: "chunked")
        return endsInChunked && chunkedCodings == 1 && codings > 1 ? .unsupportedTransferCoding : .badTransferEncoding
    }

    private mutating func noteConnection(_ value: Range<Int>, in bytes: Span<UInt8>) {
        var start = value.lowerBound
        while let element = nextListElement(bytes, value, from: &start) {
            switch element.count {
            case 5 where bytes.matches(element, ignoringCase: "close"): flags.insert(.close)
            case 10 where bytes.matches(element, ignoringCase: "keep-alive"): flags.insert(.keepAlive)
            case 7 where bytes.matches(element, ignoringCase: "upgrade"): flags.insert(.connectionUpgrade)
            default: break
            }
        }
    }

    private mutating func noteExpect(_ value: Range<Int>, in bytes: Span<UInt8>) -> MessageError.Code? {
        guard bytes.matches(value, ignoringCase: "100-continue"), !flags.contains(.expectsContinue) else {
            return .unsupportedExpectation
        }
        // An HTTP/1.0 client can't be waiting for an interim answer: RFC 9110, section 10.1.1.
        if !flags.contains(.http10) { flags.insert(.expectsContinue) }
        return nil
    }
}

/// The value of `1*DIGIT`, nil for anything else and for what exceeds 18 digits.
func decimal(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int64? {
    guard !range.isEmpty, range.count <= 18 else { return nil }
    var value: Int64 = 0
    for index in range {
        guard Byte.isDigit(bytes[index]) else { return nil }
        value = value * 10 + Int64(bytes[index] - 0x30)
    }
    return value
}

/// The next non-empty element of a comma-separated list from `start` on, which is moved past it; nil at the end.
@inline(__always)
func nextListElement(_ bytes: Span<UInt8>, _ range: Range<Int>, from start: inout Int) -> Range<Int>? {
    while start < range.upperBound {
        var end = start
        while end < range.upperBound, bytes[end] != Byte.comma { end &+= 1 }
        let element = bytes.trimmingBlanks(start..<end)
        start = end &+ 1
        if !element.isEmpty { return element }
    }
    return nil
}
