internal import JSON
package import Model

/// A query parameter that a route knows; any other is refused.
package struct QueryParameter: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        /// `true`, `false`, or the name alone for true.
        case flag
        case number(ClosedRange<Int64>)
        case text
    }

    package var name: String
    package var kind: Kind
    package var summary: String

    static let limit = QueryParameter(name: "limit", kind: .number(1...1000), summary: "at most this many items")
    static let `continue` = QueryParameter(
        name: "continue", kind: .text, summary: "the `continue` of the page before this one")
    static let minimumRevision = QueryParameter(
        name: "min-revision", kind: .number(0...Int64.max),
        summary: "answer only once this revision of the store is seen: reads one's own writes")
    static let dryRun = QueryParameter(
        name: "dry-run", kind: .flag, summary: "check and answer as the write would, and change nothing")
    static let watch = QueryParameter(name: "watch", kind: .flag, summary: "follow: JSON lines until the client leaves")
    static let since = QueryParameter(
        name: "since", kind: .number(0...Int64.max), summary: "with watch: what happened after this revision")
    static let secrets = QueryParameter(name: "secrets", kind: .flag, summary: "with what is secret, as it is")
    static let force = QueryParameter(name: "force", kind: .flag, summary: "don't wait for guests to power off")
}

/// The query of a request, checked against the parameters that its route knows.
package struct QueryValues: Sendable {
    private var values: [String: String] = [:]

    /// Checks names, repetitions and values.
    ///
    /// - Throws: 400 that names the parameter.
    package init(_ pairs: [(String, String)], allowed: [QueryParameter]) throws(ProblemError) {
        for (name, value) in pairs {
            guard let parameter = allowed.first(where: { $0.name == name }) else {
                throw Self.problem(
                    "unknown", name, "the query parameter \(quoted(name)) is not known here",
                    fix: Self.fix(for: name, allowed))
            }
            guard values[name] == nil else {
                throw Self.problem(
                    "repeated", name, "the query parameter \(quoted(name)) is given twice", fix: "give it once")
            }
            switch parameter.kind {
            case .flag:
                guard ["", "true", "false"].contains(value) else {
                    throw Self.problem(
                        "invalid", name, "\(name)=\(printable(value)) is neither true nor false",
                        fix: "write \(name)=true")
                }
            case .number(let range):
                guard let number = Int64(value), range.contains(number) else {
                    throw Self.problem(
                        "invalid", name,
                        "\(name)=\(printable(value)) is not a whole number from "
                            + "\(range.lowerBound) to \(range.upperBound)",
                        fix: "write one of those numbers, or leave it out")
                }
            case .text:
                guard !value.isEmpty, value.utf8.count <= 1024 else {
                    throw Self.problem("invalid", name, "\(name) is empty or too long", fix: "leave it out")
                }
            }
            values[name] = value
        }
    }

    /// Whether a flag is given and not false.
    package func flag(_ parameter: QueryParameter) -> Bool { values[parameter.name].map { $0 != "false" } ?? false }
    package func number(_ parameter: QueryParameter) -> Int64? { values[parameter.name].flatMap { Int64($0) } }
    package func text(_ parameter: QueryParameter) -> String? { values[parameter.name] }

    private static func fix(for name: String, _ allowed: [QueryParameter]) -> String {
        if let near = nearest(to: name, among: allowed.map(\.name)) { return "did you mean \(near)?" }
        guard !allowed.isEmpty else { return "leave it out; there are none here" }
        return "known here: \(allowed.map(\.name).joined(separator: ", "))"
    }

    private static func problem(_ word: String, _ name: String, _ message: String, fix: String) -> ProblemError {
        ProblemError(
            status: 400, code: "query.\(word)", title: "The query is not valid", detail: message,
            errors: [FieldError(pointer: "?\(printable(name))", code: word, message: message, fix: fix)], fix: fix)
    }
}
