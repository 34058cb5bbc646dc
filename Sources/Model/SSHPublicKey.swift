/// An SSH public key as it stands on a line of `authorized_keys`: type, base64 blob, comment (RFC 4253 section 6.6,
/// RFC 5656, RFC 8709, and OpenSSH's PROTOCOL.u2f for the `sk-` types).
package struct SSHPublicKey: Sendable, Hashable, CustomStringConvertible {
    /// For example `ssh-ed25519`.
    package let type: String
    /// The key in base64.
    package let blob: String
    /// The rest of the line; may be empty.
    package let comment: String

    /// Why a text is refused. It never repeats the text: a private key may have been given by mistake.
    package struct Defect: Error, Sendable, Hashable {
        /// A stable word.
        package let code: String
        /// The end of a sentence that begins with the field's name.
        package let message: String
        /// What to do.
        package let fix: String

        /// The defect as the error of a field.
        package func fieldError(field: String, pointer: String) -> FieldError {
            FieldError(pointer: pointer, code: code, message: "\(field) \(message)", fix: fix)
        }
    }

    /// The longest line.
    package static let maximumLength = 16_384

    /// The types that guests take; DSA is gone from OpenSSH.
    package static let types = [
        "ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
        "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
    ]

    /// The line: type, blob and comment, one space between.
    package var text: String { comment.isEmpty ? "\(type) \(blob)" : "\(type) \(blob) \(comment)" }

    /// The line.
    package var description: String { text }

    /// Checks a line; spaces and line feeds around it do no harm, since files end with one.
    ///
    /// - Throws: `Defect`, which never repeats the text.
    package init(_ line: String) throws(Defect) {
        let text = Self.trimmed(line)
        try Self.checkShape(text)
        let parts = text.split(maxSplits: 2, omittingEmptySubsequences: true) { $0 == " " || $0 == "\t" }
        guard let first = parts.first else { throw Self.emptyDefect }
        let type = String(first)
        guard Self.types.contains(type) else { throw Self.unknownType(type, text) }
        guard parts.count > 1 else {
            throw Defect(
                code: "ssh-key", message: "has the type \(type) and nothing after it",
                fix: "give the whole line, as in ~/.ssh/id_ed25519.pub")
        }
        self.type = type
        blob = String(parts[1])
        comment = parts.count > 2 ? Self.trimmed(String(parts[2])) : ""
        try Self.checkBlob(blob, type: type)
    }

    private static let emptyDefect = Defect(
        code: "ssh-key", message: "is empty", fix: "give the key's line, as in ~/.ssh/id_ed25519.pub")

    private static func trimmed(_ text: String) -> String {
        let isSpace = { (byte: UInt8) in byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d }
        let bytes = Array(text.utf8)
        guard let start = bytes.firstIndex(where: { !isSpace($0) }), let end = bytes.lastIndex(where: { !isSpace($0) })
        else { return "" }
        return String(decoding: bytes[start...end], as: UTF8.self)
    }

    private static func checkShape(_ text: String) throws(Defect) {
        guard !text.isEmpty else { throw emptyDefect }
        if text.hasPrefix("-----BEGIN") || text.hasPrefix("PuTTY-User-Key-File") {
            if text.prefix(60).contains("PRIVATE") || text.hasPrefix("PuTTY") {
                throw Defect(
                    code: "ssh-key-private", message: "is a private key, which must never leave its machine",
                    fix: "give the public key, the file ending in .pub")
            }
            throw Defect(
                code: "ssh-key-format", message: "is a key in another format",
                fix: "convert it: ssh-keygen -i -f FILE")
        }
        guard text.utf8.count <= maximumLength else {
            throw Defect(
                code: "ssh-key", message: "has \(text.utf8.count) bytes, at most \(maximumLength) are allowed",
                fix: "give one key's line")
        }
        guard !text.utf8.contains(where: { $0 == 0x0a || $0 == 0x0d }) else {
            throw Defect(
                code: "ssh-key-lines", message: "has several lines", fix: "give each key as an entry of its own")
        }
        guard !text.unicodeScalars.contains(where: { $0 != "\t" && $0.properties.generalCategory == .control }) else {
            throw Defect(
                code: "ssh-key", message: "has a control character", fix: "give the line as ssh-keygen wrote it")
        }
    }

    private static func unknownType(_ type: String, _ text: String) -> Defect {
        if type == "ssh-dss" {
            return Defect(
                code: "ssh-key-type", message: "is a DSA key, which OpenSSH no longer takes",
                fix: "make another: ssh-keygen -t ed25519")
        }
        if type.hasSuffix("-cert-v01@openssh.com") {
            return Defect(
                code: "ssh-key-type", message: "is a certificate, not a key",
                fix: "give the key that it certifies, the file ending in .pub without -cert")
        }
        if types.contains(where: { text.contains(" \($0) ") }) {
            return Defect(
                code: "ssh-key-options", message: "begins with options",
                fix: "leave out what stands before the key's type")
        }
        let guess = nearest(to: type, among: types).map { "; perhaps \($0) was meant" } ?? ""
        return Defect(
            code: "ssh-key-type", message: "does not begin with a known key type",
            fix: "give the line of a .pub file, which begins with one of: \(types.joined(separator: ", "))\(guess)")
    }
}
