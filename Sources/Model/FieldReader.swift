package import JSON

/// Reads one object that a person wrote, field by field, and collects what is wrong instead of stopping at the first.
///
/// Name each field once through the reading functions; `finish()` then refuses what nobody asked for.
package struct FieldReader {
    /// Everything found wrong so far.
    package private(set) var errors: [FieldError] = []
    /// RFC 6901 pointer of the object.
    package let pointer: String
    private let members: [String: JSONValue]
    private var known: Set<String> = []

    /// Starts with the object at the pointer; anything else than an object, or null, counts as an error and reads as
    /// empty.
    package init(_ json: JSONValue?, at pointer: String) {
        self.pointer = pointer
        switch json {
        case nil, .null: members = [:]
        case .object(let members): self.members = members
        case .some(let other):
            members = [:]
            // An element is named with its array: "disks/0".
            let parts = pointer.split(separator: "/")
            let isElement = parts.last.map { Int($0) != nil } ?? false
            let name = parts.isEmpty ? "the input" : parts.suffix(isElement ? 2 : 1).joined(separator: "/")
            errors.append(
                FieldError(
                    pointer: pointer, code: "type", message: "\(name) is \(Self.show(other)), not an object",
                    fix: "give an object, for example {}"))
        }
    }

    /// A value for a message: short strings and numbers as they are, else the kind.
    package static func show(_ json: JSONValue) -> String {
        switch json {
        case .string(let text): "the string \(quoted(text))"
        case .int, .double: "the number \(json)"
        case .bool(let value): "\(value)"
        default: json.kindDescription
        }
    }

    /// The pointer of a field.
    package func path(_ field: String) -> String { JSONPointer.appending(field, to: pointer) }

    /// Adds an error about a field.
    package mutating func refuse(_ field: String, _ code: String, _ message: String, fix: String) {
        errors.append(FieldError(pointer: path(field), code: code, message: message, fix: fix))
    }

    /// Adds errors found elsewhere.
    package mutating func add(_ more: [FieldError]) { errors += more }

    /// The raw value; nil when absent or null.
    package mutating func raw(_ field: String) -> JSONValue? {
        known.insert(field)
        guard let value = members[field], !value.isNull else { return nil }
        return value
    }

    /// A string; nil when absent or wrong.
    package mutating func string(_ field: String, secret: Bool = false) -> String? {
        guard let value = raw(field) else { return nil }
        guard case .string(let text) = value else {
            let shown = secret ? value.kindDescription : Self.show(value)
            refuse(field, "type", "\(field) is \(shown), not a string", fix: "put it in double quotes")
            return nil
        }
        return text
    }

    /// A truth value; nil when absent or wrong.
    package mutating func bool(_ field: String) -> Bool? {
        guard let value = raw(field) else { return nil }
        guard case .bool(let bool) = value else {
            refuse(field, "type", "\(field) is \(Self.show(value)), not true or false", fix: "write true or false")
            return nil
        }
        return bool
    }

    /// An integer within a range; nil when absent or wrong.
    package mutating func int(_ field: String, in range: ClosedRange<Int64>) -> Int64? {
        guard let value = raw(field) else { return nil }
        guard let number = value.intValue else {
            refuse(
                field, "type", "\(field) is \(Self.show(value)), not an integer",
                fix: "write an integer from \(range.lowerBound) to \(range.upperBound), without quotes")
            return nil
        }
        guard range.contains(number) else {
            refuse(
                field, "range", "\(field) is \(number), outside \(range.lowerBound) to \(range.upperBound)",
                fix: "write an integer from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return number
    }

    /// A size: an integer of bytes, or a string with a unit; a multiple of the step. Nil when absent or wrong.
    package mutating func size(_ field: String, in range: ClosedRange<ByteSize>, step: ByteSize) -> Int64? {
        guard let value = raw(field) else { return nil }
        var size: ByteSize
        switch value {
        case .string(let text):
            do throws(ByteSize.Defect) {
                size = try ByteSize(text)
            } catch {
                refuse(field, error.code, "\(field) \(quoted(text)) \(error.message)", fix: error.fix)
                return nil
            }
        default:
            guard let bytes = value.intValue else {
                refuse(
                    field, "type", "\(field) is \(Self.show(value)), not a size",
                    fix: "write a string with a unit, for example \"2GiB\", or an integer of bytes")
                return nil
            }
            guard bytes >= 0 else {
                refuse(
                    field, "range", "\(field) is \(bytes), less than nothing", fix: "write at least \(range.lowerBound)"
                )
                return nil
            }
            size = ByteSize(bytes: bytes)
        }
        return checked(size, field, in: range, step: step)
    }

    private mutating func checked(
        _ size: ByteSize, _ field: String, in range: ClosedRange<ByteSize>, step: ByteSize
    ) -> Int64? {
        guard range.contains(size) else {
            // A small integer is most often a number of mebibytes by someone who did not know that it counts bytes.
            let meant = ByteSize.mebibytes(min(size.bytes, 1 << 30))
            let hint = range.contains(meant) && size < range.lowerBound ? "; perhaps \"\(meant)\" was meant" : ""
            refuse(
                field, "range", "\(field) is \(size), outside \(range.lowerBound) to \(range.upperBound)",
                fix: "write a size from \(range.lowerBound) to \(range.upperBound)\(hint)")
            return nil
        }
        guard size.bytes % step.bytes == 0 else {
            let next = ByteSize(bytes: (size.bytes / step.bytes + 1) * step.bytes)
            refuse(
                field, "step", "\(field) is \(size), not a multiple of \(step)",
                fix: "write \"\(next)\" or \(next.bytes)")
            return nil
        }
        return size.bytes
    }

    /// One of a few words; nil when absent or wrong.
    package mutating func word<T>(_ field: String, _ type: T.Type) -> T?
    where T: RawRepresentable & CaseIterable, T.RawValue == String {
        let words = T.allCases.map(\.rawValue)
        let list = words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "")
        guard let value = raw(field) else { return nil }
        if case .string(let text) = value, let result = T(rawValue: text) { return result }
        // YAML turns a bare on and off into truth values, and command lines pass them so.
        let guess: String? =
            switch value {
            case .bool(let bool): words.contains("on") ? (bool ? "on" : "off") : nil
            case .string(let text): nearest(to: text, among: words)
            default: nil
            }
        refuse(
            field, "word", "\(field) is \(Self.show(value)), not one of \(list)",
            fix: guess.map { "write \"\($0)\" if that was meant" } ?? "write \(list)")
        return nil
    }

    /// A name; nil when absent or wrong.
    package mutating func name(_ field: String) -> Name? {
        guard let text = string(field) else { return nil }
        if let error = Name.error(for: text, field: field, pointer: path(field)) { add([error]) }
        return Name(text)
    }

    /// The elements of an array with at most so many; empty when absent or wrong. A null element counts as wrong.
    package mutating func array(_ field: String, atMost limit: Int) -> [JSONValue]? {
        guard let value = raw(field) else { return nil }
        guard case .array(let elements) = value else {
            refuse(field, "type", "\(field) is \(Self.show(value)), not an array", fix: "put it in brackets: [...]")
            return nil
        }
        guard elements.count <= limit else {
            refuse(
                field, "count", "\(field) has \(elements.count) entries, at most \(limit) are allowed",
                fix: "leave out \(elements.count - limit) of them")
            return nil
        }
        return elements
    }

    /// Refuses every field that was not read, with the nearest known name, and returns all errors found.
    package mutating func finish() -> [FieldError] {
        for field in members.keys.sorted() where !known.contains(field) {
            let guess = nearest(to: field, among: known.sorted())
            refuse(
                field, "unknown-field", "\(quoted(field)) is no known field\(Self.place(pointer))",
                fix: guess.map { "write \"\($0)\" if that was meant, else leave it out" }
                    ?? "leave it out; known are: \(known.sorted().joined(separator: ", "))")
        }
        return errors
    }

    private static func place(_ pointer: String) -> String { pointer.isEmpty ? "" : " of \(pointer.dropFirst())" }
}
