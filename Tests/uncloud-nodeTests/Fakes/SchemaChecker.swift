import JSON

/// Checks documents against JSON Schema, as far as the control API's description uses it. Stricter than the standard in
/// one thing: a member that the schema does not name is an error unless the schema says that others may come, since here
/// it means that the description lags behind.
struct SchemaChecker {
    let root: JSONValue

    /// What is wrong with a document, each with its pointer; empty where nothing is.
    func errors(_ value: JSONValue, against schema: JSONValue, at pointer: String = "") -> [String] {
        if let reference = schema["$ref"]?.stringValue {
            guard let target = root.value(at: String(reference.dropFirst())) else {
                return ["\(pointer): \(reference) is nowhere"]
            }
            return errors(value, against: target, at: pointer)
        }
        var found: [String] = []
        if let constant = schema["const"], constant != value {
            found.append("\(pointer): is \(value), not \(constant)")
        }
        if let choices = schema["enum"]?.arrayValue, !choices.contains(value) {
            found.append("\(pointer): \(value) is none of \(choices)")
        }
        if let type = schema["type"] {
            let types = type.arrayValue?.compactMap(\.stringValue) ?? [type.stringValue ?? ""]
            guard types.contains(where: { fits(value, $0) }) else {
                return found + ["\(pointer): \(value) is no \(types)"]
            }
        }
        if let least = schema["minimum"]?.doubleValue, let number = value.doubleValue, number < least {
            found.append("\(pointer): \(number) is less than \(least)")
        }
        if let items = schema["items"], let elements = value.arrayValue {
            for (index, element) in elements.enumerated() {
                found += errors(element, against: items, at: "\(pointer)/\(index)")
            }
        }
        return found + memberErrors(value, schema, pointer)
    }

    private func memberErrors(_ value: JSONValue, _ schema: JSONValue, _ pointer: String) -> [String] {
        guard let members = value.objectValue else { return [] }
        let properties = schema["properties"]?.objectValue ?? [:]
        var found: [String] = []
        for name in schema["required"]?.arrayValue?.compactMap(\.stringValue) ?? [] where members[name] == nil {
            found.append("\(pointer)/\(name): is missing")
        }
        for (name, member) in members {
            if let property = properties[name] {
                found += errors(member, against: property, at: "\(pointer)/\(name)")
            } else if let others = schema["additionalProperties"], others != false {
                if others != true { found += errors(member, against: others, at: "\(pointer)/\(name)") }
            } else if schema["type"] != nil {
                found.append("\(pointer)/\(name): is not described")
            }
        }
        return found
    }

    private func fits(_ value: JSONValue, _ type: String) -> Bool {
        switch type {
        case "null": value.isNull
        case "boolean": value.boolValue != nil
        case "integer": value.intValue != nil
        case "number": value.doubleValue != nil
        case "string": value.stringValue != nil
        case "array": value.arrayValue != nil
        case "object": value.objectValue != nil
        default: false
        }
    }
}
