/// Percent decoding: RFC 3986, section 2.1.
package enum Percent {
    /// The bytes with each `%XX` replaced; a malformed one stays as it is.
    static func decoded(_ bytes: ArraySlice<UInt8>, plusIsSpace: Bool = false) -> String {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            if byte == Byte.percent, index + 2 < bytes.endIndex, let high = Byte.hexadecimal(bytes[index + 1]),
                let low = Byte.hexadecimal(bytes[index + 2])
            {
                result.append(high << 4 | low)
                index += 3
                continue
            }
            result.append(plusIsSpace && byte == 0x2b ? Byte.space : byte)
            index += 1
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// The decoded segments of a path; the slash it begins with begins the first one. The root has none.
    package static func segments(_ path: [UInt8]) -> [String] {
        guard path.first == Byte.slash, path.count > 1 else { return [] }
        return path[1...].split(separator: Byte.slash, omittingEmptySubsequences: false).map { decoded($0) }
    }

    /// The decoded pairs of a query.
    package static func pairs(_ query: [UInt8]) -> [(String, String)] {
        query.split(separator: 0x26).map { pair in
            guard let equals = pair.firstIndex(of: 0x3d) else { return (decoded(pair, plusIsSpace: true), "") }
            return (
                decoded(pair[..<equals], plusIsSpace: true), decoded(pair[(equals + 1)...], plusIsSpace: true)
            )
        }
    }

    /// The text with everything but unreserved characters encoded: safe as a path segment and in a query.
    static func encoded(_ text: String) -> String {
        var result: [UInt8] = []
        let digits = Array("0123456789ABCDEF".utf8)
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f, 0x7e: result.append(byte)
            default: result += [Byte.percent, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}

/// The text as one path segment or one part of a query, percent-encoded: everything but letters, digits and `-._~`.
public func percentEncoded(_ text: String) -> String { Percent.encoded(text) }
