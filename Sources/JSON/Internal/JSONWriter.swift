/// Writes JSON text into bytes.
struct JSONWriter {
    let pretty: Bool
    let sortedKeys: Bool
    private(set) var bytes: [UInt8] = []

    init(pretty: Bool, sortedKeys: Bool) {
        self.pretty = pretty
        self.sortedKeys = sortedKeys
    }

    mutating func write(_ value: JSONValue, indent: Int) {
        switch value {
        case .null: append("null")
        case .bool(let value): append(value ? "true" : "false")
        case .int(let value): append(String(value))
        case .double(let value): append(value.isFinite ? value.description : "null")
        case .string(let value): write(string: value)
        case .array(let elements): write(elements: elements, indent: indent)
        case .object(let members): write(members: members, indent: indent)
        }
    }

    private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

    private mutating func newline(_ indent: Int) {
        guard pretty else { return }
        bytes.append(0x0a)
        bytes.append(contentsOf: repeatElement(0x20, count: indent * 2))
    }

    private mutating func write(elements: [JSONValue], indent: Int) {
        bytes.append(UInt8(ascii: "["))
        for (index, element) in elements.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            newline(indent + 1)
            write(element, indent: indent + 1)
        }
        if !elements.isEmpty { newline(indent) }
        bytes.append(UInt8(ascii: "]"))
    }

    private mutating func write(members: [String: JSONValue], indent: Int) {
        bytes.append(UInt8(ascii: "{"))
        var first = true
        let write = { (writer: inout JSONWriter, name: String, value: JSONValue) in
            if !first { writer.bytes.append(UInt8(ascii: ",")) }
            first = false
            writer.newline(indent + 1)
            writer.write(string: name)
            writer.bytes.append(UInt8(ascii: ":"))
            if writer.pretty { writer.bytes.append(0x20) }
            writer.write(value, indent: indent + 1)
        }
        if sortedKeys {
            // By bytes, not by String's order: that follows Unicode normalisation and no other program would agree.
            for (name, value) in members.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
                write(&self, name, value)
            }
        } else {
            for (name, value) in members { write(&self, name, value) }
        }
        if !members.isEmpty { newline(indent) }
        bytes.append(UInt8(ascii: "}"))
    }

    private mutating func write(string: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""): append("\\\"")
            case UInt8(ascii: "\\"): append("\\\\")
            case 0x0a: append("\\n")
            case 0x0d: append("\\r")
            case 0x09: append("\\t")
            case 0x08: append("\\b")
            case 0x0c: append("\\f")
            case 0..<0x20, 0x7f:
                let digits = Array("0123456789abcdef".utf8)
                append("\\u00")
                bytes.append(digits[Int(byte >> 4)])
                bytes.append(digits[Int(byte & 15)])
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
