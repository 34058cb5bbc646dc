/// Decodes a type from JSON text. Integers are exact to 64 bits.
///
/// - Throws: `JSONError`: a syntax error with its byte, or an error of shape with the pointer of the value.
public func decode<T: Decodable>(_ type: T.Type, from bytes: [UInt8]) throws(JSONError) -> T {
    try decode(type, from: try JSONValue(parsing: bytes))
}

/// Decodes a type from a JSON value.
///
/// - Throws: `JSONError` of shape, with the pointer of the value.
public func decode<T: Decodable>(_ type: T.Type, from value: JSONValue) throws(JSONError) -> T {
    do {
        return try ValueDecoder(value: value, path: []).unbox(type)
    } catch let error as DecodingError {
        throw JSONError(error)
    } catch let error as JSONError {
        throw error
    } catch {
        throw JSONError(.shape, "\(error)")
    }
}

/// The JSON text of a value: compact, sorted keys, so that equal values give equal bytes.
///
/// - Throws: `JSONError` of shape where the type's own encoding fails.
public func encode(_ value: some Encodable) throws(JSONError) -> [UInt8] {
    try encodeToValue(value).encoded()
}

/// The JSON value of a value.
///
/// - Throws: `JSONError` of shape where the type's own encoding fails.
public func encodeToValue(_ value: some Encodable) throws(JSONError) -> JSONValue {
    do {
        return try ValueEncoder.box(value, path: [])
    } catch let error as JSONError {
        throw error
    } catch {
        throw JSONError(.shape, "\(error)")
    }
}

extension JSONError {
    init(_ error: DecodingError) {
        let (message, path): (String, [any CodingKey]) =
            switch error {
            case .typeMismatch(_, let context), .dataCorrupted(let context):
                (context.debugDescription, context.codingPath)
            case .valueNotFound(_, let context): (context.debugDescription, context.codingPath)
            case .keyNotFound(let key, let context): ("\"\(key.stringValue)\" is missing", context.codingPath)
            @unknown default: ("\(error)", [])
            }
        self.init(.shape, message, pointer: Self.pointer(path))
    }

    static func pointer(_ path: [any CodingKey]) -> String {
        path.reduce("") { JSONPointer.appending($1.intValue.map(String.init) ?? $1.stringValue, to: $0) }
    }
}
