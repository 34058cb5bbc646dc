extension SSHPublicKey {
    /// Checks that the base64 decodes to a key of the type: its own type name, then the fields of that type, and
    /// nothing more.
    static func checkBlob(_ blob: String, type: String) throws(Defect) {
        guard let bytes = decodeBase64(blob) else {
            throw Defect(
                code: "ssh-key-base64", message: "has a second part that is not base64, or cut off",
                fix: "copy the whole line again; a terminal may have wrapped it")
        }
        var reader = BlobReader(bytes: bytes)
        guard let embedded = reader.next() else { throw truncated }
        guard embedded.elementsEqual(type.utf8) else {
            throw Defect(
                code: "ssh-key-mismatch", message: "says \(type) but holds a key of another type",
                fix: "copy the whole line again")
        }
        switch type {
        case "ssh-ed25519", "sk-ssh-ed25519@openssh.com":
            guard reader.next()?.count == 32 else { throw truncated }
        case "ssh-rsa": try checkRSA(&reader)
        default: try checkECDSA(&reader, type: type)
        }
        // A key on a security token also holds its application, for example "ssh:".
        if type.hasPrefix("sk-") { guard reader.next() != nil else { throw truncated } }
        guard reader.isAtEnd else {
            throw Defect(
                code: "ssh-key-trailing", message: "has bytes after the end of the key",
                fix: "copy the whole line again")
        }
    }

    private static var truncated: Defect {
        Defect(
            code: "ssh-key-truncated", message: "holds no whole key",
            fix: "copy the whole line again; a terminal may have wrapped it")
    }

    private static func checkRSA(_ reader: inout BlobReader) throws(Defect) {
        guard let exponent = reader.next(), !exponent.isEmpty, let modulus = reader.next() else { throw truncated }
        let significant = modulus.drop { $0 == 0 }
        let bits = significant.count * 8 - (significant.first?.leadingZeroBitCount ?? 0)
        guard bits >= 1024 else {
            throw Defect(
                code: "ssh-key-weak", message: "is an RSA key of \(bits) bits, which sshd refuses",
                fix: "make another: ssh-keygen -t ed25519")
        }
        guard bits <= 16_384 else {
            throw Defect(
                code: "ssh-key-large", message: "is an RSA key of \(bits) bits, which sshd refuses",
                fix: "make another: ssh-keygen -t ed25519")
        }
    }

    private static func checkECDSA(_ reader: inout BlobReader, type: String) throws(Defect) {
        guard let curve = reader.next(), let point = reader.next() else { throw truncated }
        let sizes = ["nistp256": 65, "nistp384": 97, "nistp521": 133]
        guard let name = sizes.keys.first(where: { type.contains($0) }), curve.elementsEqual(name.utf8),
            point.count == sizes[name], point.first == 4
        else { throw truncated }
    }

    /// Strict base64 with padding, as OpenSSH writes it.
    static func decodeBase64(_ text: String) -> [UInt8]? {
        let symbols = Array(text.utf8)
        guard !symbols.isEmpty, symbols.count % 4 == 0 else { return nil }
        let padding = symbols.suffix(2).reversed().prefix { $0 == UInt8(ascii: "=") }.count
        var bytes: [UInt8] = []
        bytes.reserveCapacity(symbols.count / 4 * 3)
        var bits: UInt32 = 0
        for (index, symbol) in symbols.enumerated() {
            let isPadding = index >= symbols.count - padding
            guard let value = isPadding ? 0 : base64Value(symbol) else { return nil }
            bits = bits << 6 | value
            guard index % 4 == 3 else { continue }
            bytes += [UInt8(bits >> 16 & 0xff), UInt8(bits >> 8 & 0xff), UInt8(bits & 0xff)]
            bits = 0
        }
        guard bytes.suffix(padding).allSatisfy({ $0 == 0 }) else { return nil }
        return Array(bytes.dropLast(padding))
    }

    private static func base64Value(_ symbol: UInt8) -> UInt32? {
        switch symbol {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(symbol - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(symbol - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(symbol - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}

/// Reads the length-prefixed strings of an SSH blob.
private struct BlobReader {
    let bytes: [UInt8]
    var index = 0

    var isAtEnd: Bool { index == bytes.count }

    mutating func next() -> ArraySlice<UInt8>? {
        guard bytes.count - index >= 4 else { return nil }
        let length = bytes[index..<index + 4].reduce(0) { $0 << 8 | Int($1) }
        guard bytes.count - index - 4 >= length else { return nil }
        defer { index += 4 + length }
        return bytes[index + 4..<index + 4 + length]
    }
}
