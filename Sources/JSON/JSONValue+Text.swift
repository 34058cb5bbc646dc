extension JSONValue {
    /// Parses a whole JSON text, strictly by RFC 8259: UTF-8 without a byte order mark, no trailing text, no name
    /// twice in an object, no lone surrogate, at most 64 levels.
    ///
    /// - Throws: `JSONError` with the byte where the text goes wrong.
    public init(parsing bytes: [UInt8]) throws(JSONError) {
        var parser = JSONParser(bytes)
        self = try parser.document()
    }

    /// Parses a whole JSON text from any bytes; see `init(parsing: [UInt8])`.
    ///
    /// - Throws: `JSONError` with the byte where the text goes wrong.
    public init(parsing bytes: some Sequence<UInt8>) throws(JSONError) {
        try self.init(parsing: Array(bytes))
    }

    /// Parses a whole JSON text from a string; see `init(parsing: [UInt8])`.
    ///
    /// - Throws: `JSONError` with the byte where the text goes wrong.
    public init(parsing text: String) throws(JSONError) {
        try self.init(parsing: Array(text.utf8))
    }

    /// The JSON text. With sorted keys (by their UTF-8 bytes) equal values give equal bytes. Pretty text is indented
    /// by two spaces and ends without a line feed. A double that is not finite, which no parsed value holds, becomes
    /// `null`.
    public func encoded(pretty: Bool = false, sortedKeys: Bool = true) -> [UInt8] {
        var writer = JSONWriter(pretty: pretty, sortedKeys: sortedKeys)
        writer.write(self, indent: 0)
        return writer.bytes
    }
}

extension JSONValue: CustomStringConvertible {
    /// The compact JSON text with sorted keys.
    public var description: String { String(decoding: encoded(), as: UTF8.self) }
}
