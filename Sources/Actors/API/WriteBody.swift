internal import JSON
internal import Model

/// The parts of a write that all kinds share: names in the path, and the body's members.
enum WriteBody {
    /// Checks a name from the path.
    ///
    /// - Throws: `ProblemError` 422 that names the field.
    static func name(_ text: String, field: String) throws -> Name {
        if let error = Name.error(for: text, field: field, pointer: "/\(field)") { throw ProblemError.invalid([error]) }
        guard let name = Name(text) else { throw ProblemError.notFound(field, text) }
        return name
    }

    /// The `spec` member of a body; other members must repeat what the path says, or be left out.
    ///
    /// - Throws: `ProblemError` 422 for a body of another shape.
    static func spec(of body: JSONValue, kind: String, owner: Name, name: Name) throws -> JSONValue {
        guard let members = body.objectValue else {
            throw ProblemError.invalid([
                FieldError(
                    pointer: "", code: "type", message: "the body is \(FieldReader.show(body)), not an object",
                    fix: "send {\"spec\": {...}}")
            ])
        }
        let stated = ["kind": kind, "owner": owner.text, "name": name.text]
        var errors: [FieldError] = []
        for (member, value) in members.sorted(by: { $0.key < $1.key }) where member != "spec" {
            if let expected = stated[member] {
                guard value.stringValue != expected else { continue }
                errors.append(
                    FieldError(
                        pointer: "/\(member)", code: "mismatch",
                        message: "\(member) is \(FieldReader.show(value)), the path says \"\(expected)\"",
                        fix: "leave it out, or use the other path"))
            } else {
                errors.append(
                    FieldError(
                        pointer: "/\(member)", code: "unknown",
                        message: "\"\(member)\" is no member that can be written",
                        fix: "send {\"spec\": {...}} alone"))
            }
        }
        guard errors.isEmpty else { throw ProblemError.invalid(errors) }
        return members["spec"] ?? .object([:])
    }
}
