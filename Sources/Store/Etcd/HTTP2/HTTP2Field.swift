internal import CNghttp2

/// A field of a request's head.
struct HTTP2Field: Sendable, Hashable {
    /// In lower case.
    var name: [UInt8]
    var value: [UInt8]
    /// Whether it must not get into the tables of header compression: a secret.
    var isSecret = false

    init(_ name: String, _ value: String, isSecret: Bool = false) {
        self.name = Array(name.utf8)
        self.value = Array(value.utf8)
        self.isSecret = isSecret
    }

    /// Calls the body with the fields as nghttp2 wants them, good for the call.
    static func withNative<T>(
        _ fields: [HTTP2Field], _ body: (UnsafePointer<nghttp2_nv>?, Int) -> T
    ) -> T {
        var bytes: [UInt8] = []
        for field in fields {
            bytes += field.name
            bytes += field.value
        }
        return bytes.withUnsafeMutableBufferPointer { bytes in
            var native: [nghttp2_nv] = []
            native.reserveCapacity(fields.count)
            var next = bytes.baseAddress
            for field in fields {
                let value = next.map { $0 + field.name.count }
                let flags = field.isSecret ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE
                native.append(
                    nghttp2_nv(
                        name: next, value: value, namelen: field.name.count, valuelen: field.value.count,
                        flags: UInt8(flags.rawValue)))
                next = value.map { $0 + field.value.count }
            }
            return body(native, native.count)
        }
    }
}
