/// Percent-encodes what stands in a request's target.
package enum PathText {
    private static let unreserved = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~".utf8)

    /// One segment, name or value: everything but RFC 3986's unreserved characters encoded.
    package static func escape(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            if unreserved.contains(byte) {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let hex = String(byte, radix: 16, uppercase: true)
                result += "%" + (hex.count == 1 ? "0" + hex : hex)
            }
        }
        return result
    }

    /// A path of segments, each escaped. `.` and `..`, which would be taken for steps, are escaped too.
    package static func path(_ segments: [String]) -> String {
        "/" + segments.map { $0 == "." ? "%2E" : $0 == ".." ? "%2E%2E" : escape($0) }.joined(separator: "/")
    }
}
