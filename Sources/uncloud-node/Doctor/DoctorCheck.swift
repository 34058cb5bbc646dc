package import JSON

/// One thing that a node needs of its host, and how it stands.
package struct DoctorCheck: Sendable, Equatable {
    package enum State: String, Sendable {
        case ok
        /// The node works without it, with less.
        case limited
        /// The node does not work without it.
        case missing
    }

    package var name: String
    package var state: State
    package var detail: String
    /// The command that mends it.
    package var fix: String?

    package init(_ name: String, _ state: State, _ detail: String, fix: String? = nil) {
        self.name = name
        self.state = state
        self.detail = detail
        self.fix = fix
    }

    /// `{"ok": ..., "checks": [...]}`
    package static func document(_ checks: [DoctorCheck]) -> JSONValue {
        [
            "ok": .bool(!checks.contains { $0.state == .missing }),
            "checks": .array(
                checks.map { check in
                    var document: JSONValue = [
                        "name": .string(check.name), "state": .string(check.state.rawValue),
                        "detail": .string(check.detail),
                    ]
                    document["fix"] = check.fix.map { .string($0) }
                    return document
                }),
        ]
    }

    /// A table of the checks.
    package static func table(_ checks: [DoctorCheck], headers: Bool) -> String {
        TextTable(
            columns: ["CHECK", "STATE", "DETAIL", "FIX"].map { TextTable.Column($0) },
            rows: checks.map { [$0.name, $0.state.rawValue, $0.detail, $0.fix ?? ""] }
        ).render(headers: headers)
    }
}
