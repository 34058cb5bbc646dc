package import JSON

/// Frames on the helper's socket: four bytes of length, highest first, and that many bytes of JSON. Pure.
///
/// Descriptors ride with a frame's first byte; a frame that has some says how many in its member `fds`.
package struct HelperFrameReader {
    /// A ruleset's replay for 10,000 ports has 3 MB.
    package static let limit = 64 * 1024 * 1024

    private var buffer: [UInt8] = []
    private var start = 0

    package init() {}

    package mutating func append(_ bytes: [UInt8]) {
        if start > 0, start == buffer.count || start > 1 << 16 {
            buffer.removeFirst(start)
            start = 0
        }
        buffer += bytes
    }

    /// The next whole frame, nil if more bytes are needed.
    ///
    /// - Throws: `HelperFailure` `helper.protocol` for one that is too long or no JSON: the connection is of no more use.
    package mutating func next() throws(HelperFailure) -> JSONValue? {
        guard buffer.count - start >= 4 else { return nil }
        let length = buffer[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
        guard length <= Self.limit else {
            throw HelperFailure(code: "helper.protocol", message: "a frame of \(length) bytes is too long")
        }
        guard buffer.count - start >= 4 + length else { return nil }
        let body = Array(buffer[start + 4..<start + 4 + length])
        start += 4 + length
        do {
            return try JSONValue(parsing: body)
        } catch {
            throw HelperFailure(code: "helper.protocol", message: "a frame is no JSON: \(error)")
        }
    }

    package static func encode(_ frame: JSONValue) -> [UInt8] {
        let body = frame.encoded()
        var bytes: [UInt8] = []
        bytes.reserveCapacity(4 + body.count)
        bytes.appendBig(UInt32(body.count))
        return bytes + body
    }
}
