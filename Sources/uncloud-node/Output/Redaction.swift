package import JSON
internal import Model

/// Takes the secrets out of documents before they are shown.
package enum Redaction {
    private static let secretMembers: Set<String> = ["userData", "vendorData"]

    /// The document with each secret replaced by its length; everything else unchanged.
    package static func redacted(_ value: JSONValue) -> JSONValue {
        switch value {
        case .array(let elements): return .array(elements.map(redacted))
        case .object(let members):
            return .object(
                Dictionary(
                    uniqueKeysWithValues: members.map { name, member in
                        (name, secretMembers.contains(name) ? placeholder(member) : redacted(member))
                    }))
        default: return value
        }
    }

    private static func placeholder(_ value: JSONValue) -> JSONValue {
        guard let text = value.stringValue else { return value.isNull ? .null : "(redacted)" }
        return .string(Model.redacted(text))
    }
}
