/// What a Range field asks of content of known length: RFC 9110, section 14.
enum ByteRange: Equatable {
    /// All of it: there is no range, none that is understood, or more than one, which a server need not serve.
    case whole
    /// These bytes: 206.
    case part(Range<Int64>)
    /// Nothing that exists: 416.
    case unsatisfiable

    /// Reads a field's value.
    static func parse(_ text: String, length: Int64) -> ByteRange {
        let bytes = Array(text.utf8)
        let span = bytes.span
        guard bytes.count > 6, span.matches(0..<6, ignoringCase: "bytes=") else { return .whole }
        let set = span.trimmingBlanks(6..<bytes.count)
        guard !bytes[set].contains(Byte.comma), let dash = bytes[set].firstIndex(of: 0x2d) else { return .whole }
        let first = set.lowerBound..<dash
        let last = (dash + 1)..<set.upperBound
        if first.isEmpty {
            guard let suffix = number(span, last) else { return .whole }
            return suffix == 0 || length == 0 ? .unsatisfiable : .part(max(0, length - suffix)..<length)
        }
        guard let start = number(span, first) else { return .whole }
        var end = Int64.max - 1
        if !last.isEmpty {
            guard let given = number(span, last), given >= start else { return .whole }
            end = given
        }
        return start >= length ? .unsatisfiable : .part(start..<min(end + 1, length))
    }

    /// A number of any length; one beyond what a file can have counts as the largest.
    private static func number(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int64? {
        guard !range.isEmpty else { return nil }
        for index in range where !Byte.isDigit(bytes[index]) { return nil }
        return decimal(bytes, range) ?? Int64.max - 1
    }
}
