internal import JSON

/// What a label may be: the key 1 to 63 of letters, digits and `-_./`, with a letter or digit at both ends; the value
/// at most 255 printable characters.
enum LabelRule {
    static func error(key: String, value: JSONValue, pointer: String) -> FieldError? {
        guard isKey(key) else {
            return FieldError(
                pointer: pointer, code: "label-key", message: "labels has the key \(quoted(key)), which is not allowed",
                fix: "use 1 to 63 letters, digits and -_./, with a letter or digit at both ends")
        }
        guard case .string(let text) = value else {
            return FieldError(
                pointer: pointer, code: "type",
                message: "labels/\(key) is \(FieldReader.show(value)), not a string", fix: "put it in double quotes")
        }
        guard text.unicodeScalars.count <= 255 else {
            return FieldError(
                pointer: pointer, code: "too-large",
                message: "labels/\(key) has \(text.unicodeScalars.count) characters, at most 255 are allowed",
                fix: "shorten it")
        }
        guard !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
            return FieldError(
                pointer: pointer, code: "characters", message: "labels/\(key) \(quoted(text)) has a control character",
                fix: "write one line of printable characters")
        }
        return nil
    }

    private static func isKey(_ key: String) -> Bool {
        let isAlphanumeric = { (byte: UInt8) in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: false
            }
        }
        guard (1...63).contains(key.utf8.count), let first = key.utf8.first, let last = key.utf8.last else {
            return false
        }
        return isAlphanumeric(first) && isAlphanumeric(last)
            && key.utf8.allSatisfy { isAlphanumeric($0) || "-_./".utf8.contains($0) }
    }
}
