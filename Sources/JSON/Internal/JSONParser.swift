/// A strict RFC 8259 reader over bytes in memory; recursion is bounded by the depth limit.
struct JSONParser {
    static let depthLimit = 64

    private let bytes: [UInt8]
    private var index = 0
    private var depth = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws(JSONError) -> JSONValue {
        skipSpace()
        guard index < bytes.count else { throw JSONError(.syntax, "the text is empty") }
        let value = try value()
        skipSpace()
        guard index == bytes.count else { throw failure("something follows the end of the JSON text") }
        return value
    }

    private func failure(_ message: String) -> JSONError { JSONError(.syntax, message, offset: index) }

    private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func skipSpace() {
        while index < bytes.count {
            switch bytes[index] {
            case 0x20, 0x09, 0x0a, 0x0d: index += 1
            default: return
            }
        }
    }

    private mutating func value() throws(JSONError) -> JSONValue {
        switch next {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["): return try array()
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case .some(UInt8(ascii: "0")...UInt8(ascii: "9")), UInt8(ascii: "-"): return try number()
        case nil: throw failure("the text ends where a value is expected")
        default: throw failure("a value is expected")
        }
    }

    private mutating func word(_ text: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        let matches = text.withUTF8Buffer { word in
            bytes.count - index >= word.count && bytes[index..<index + word.count].elementsEqual(word)
        }
        guard matches else { throw failure("a value is expected") }
        index += text.utf8CodeUnitCount
        return value
    }

    private mutating func enter() throws(JSONError) {
        index += 1
        depth += 1
        guard depth <= Self.depthLimit else {
            throw JSONError(.tooDeep, "nested deeper than \(Self.depthLimit) levels", offset: index)
        }
        skipSpace()
    }

    private mutating func object() throws(JSONError) -> JSONValue {
        try enter()
        defer { depth -= 1 }
        var members: [String: JSONValue] = [:]
        if next == UInt8(ascii: "}") {
            index += 1
            return .object(members)
        }
        while true {
            let start = index
            guard next == UInt8(ascii: "\"") else { throw failure("a name in double quotes is expected") }
            let name = try string()
            skipSpace()
            guard next == UInt8(ascii: ":") else { throw failure("a colon is expected after a name") }
            index += 1
            skipSpace()
            let member = try value()
            guard members.updateValue(member, forKey: name) == nil else {
                throw JSONError(.duplicateName, "the name \"\(name)\" is given twice", offset: start)
            }
            skipSpace()
            guard try more(until: UInt8(ascii: "}")) else { return .object(members) }
        }
    }

    private mutating func array() throws(JSONError) -> JSONValue {
        try enter()
        defer { depth -= 1 }
        var elements: [JSONValue] = []
        if next == UInt8(ascii: "]") {
            index += 1
            return .array(elements)
        }
        while true {
            elements.append(try value())
            skipSpace()
            guard try more(until: UInt8(ascii: "]")) else { return .array(elements) }
        }
    }

    private mutating func more(until end: UInt8) throws(JSONError) -> Bool {
        switch next {
        case UInt8(ascii: ","):
            index += 1
            skipSpace()
            return true
        case end:
            index += 1
            return false
        case nil: throw failure("the text ends inside \(end == UInt8(ascii: "}") ? "an object" : "an array")")
        default: throw failure("a comma or \"\(Character(Unicode.Scalar(end)))\" is expected")
        }
    }

    private mutating func number() throws(JSONError) -> JSONValue {
        let start = index
        var isInteger = true
        if next == UInt8(ascii: "-") { index += 1 }
        if next == UInt8(ascii: "0") {
            index += 1
        } else {
            try digits()
        }
        if next == UInt8(ascii: ".") {
            isInteger = false
            index += 1
            try digits()
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            isInteger = false
            index += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { index += 1 }
            try digits()
        }
        let text = String(decoding: bytes[start..<index], as: UTF8.self)
        if isInteger, let integer = Int64(text) { return .int(integer) }
        guard let double = Double(text), double.isFinite else {
            throw JSONError(.number, "the number \(text.prefix(40)) is out of range", offset: start)
        }
        return .double(double)
    }

    private mutating func digits() throws(JSONError) {
        let start = index
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { index += 1 }
        guard index > start else { throw failure("a digit is expected") }
    }

    private mutating func string() throws(JSONError) -> String {
        index += 1
        let start = index
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                defer { index += 1 }
                return try utf8(bytes[start..<index])
            case UInt8(ascii: "\\"): return try escapedString(from: start)
            case 0..<0x20: throw failure("a control character stands in a string unescaped")
            default: index += 1
            }
        }
        throw failure("the text ends inside a string")
    }

    /// The slow path, from the first escape on.
    private mutating func escapedString(from start: Int) throws(JSONError) -> String {
        var text = Array(bytes[start..<index])
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "\""): return try utf8(text[...])
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<0x20:
                index -= 1
                throw failure("a control character stands in a string unescaped")
            default: text.append(byte)
            }
        }
        throw failure("the text ends inside a string")
    }

    private func utf8(_ slice: ArraySlice<UInt8>) throws(JSONError) -> String {
        guard let text = String(validating: slice, as: UTF8.self) else { throw failure("a string is not valid UTF-8") }
        return text
    }

    private mutating func escape(into text: inout [UInt8]) throws(JSONError) {
        guard let byte = next else { throw failure("the text ends inside a string") }
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0c)
        case UInt8(ascii: "n"): text.append(0x0a)
        case UInt8(ascii: "r"): text.append(0x0d)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            text.append(contentsOf: Array(String(Character(try unicodeEscape())).utf8))
        default:
            index -= 1
            throw failure("an unknown escape stands in a string")
        }
    }

    private mutating func unicodeEscape() throws(JSONError) -> Unicode.Scalar {
        let first = UInt32(try hexUnit())
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xdc00, next == UInt8(ascii: "\\"), index + 1 < bytes.count,
            bytes[index + 1] == UInt8(ascii: "u")
        else { throw failure("a lone surrogate stands in a string") }
        index += 2
        let second = UInt32(try hexUnit())
        guard (0xdc00...0xdfff).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00))
        else { throw failure("a lone surrogate stands in a string") }
        return scalar
    }

    private mutating func hexUnit() throws(JSONError) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw failure("four hexadecimal digits are expected after \\u")
            }
            unit = unit << 4 | UInt16(digit)
            index += 1
        }
        return unit
    }
}
