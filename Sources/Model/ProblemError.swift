package import JSON

/// An error as the control API tells it (RFC 9457) and the command line prints it.
package struct ProblemError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The HTTP status.
    package var status: Int
    /// The stable name, `subject.problem`, for example `vm.not-found`; programs switch on this.
    package var code: String
    /// A short sentence for the kind of problem, the same each time.
    package var title: String
    /// One line for this occurrence: names the thing and the value.
    package var detail: String
    /// Each wrong field, when the input was wrong.
    package var errors: [FieldError]
    /// One line that says what to do; nil when nothing helps but what the errors say.
    package var fix: String?
    /// Whether the same request may succeed later without any change.
    package var retryable: Bool

    /// Makes a problem; without a title, the detail serves.
    package init(
        status: Int, code: String, title: String? = nil, detail: String, errors: [FieldError] = [], fix: String? = nil,
        retryable: Bool = false
    ) {
        self.status = status
        self.code = code
        self.title = title ?? detail
        self.detail = detail
        self.errors = errors
        self.fix = fix
        self.retryable = retryable
    }

    /// The `type` member: a name, not an address.
    package var type: String { "urn:uncloud:problem:\(code)" }

    /// The detail and the way out in one line.
    package var description: String { fix.map { "\(detail); \($0)" } ?? detail }
}

extension ProblemError {
    /// 422: an input with wrong fields; the first one is the detail and the fix.
    package static func invalid(_ errors: [FieldError], code: String = "invalid") -> ProblemError {
        let more = errors.count > 1 ? " (and \(errors.count - 1) more)" : ""
        return ProblemError(
            status: 422, code: code, title: "The input is not valid",
            detail: (errors.first?.message ?? "the input is not valid") + more, errors: errors,
            fix: errors.first?.fix)
    }

    /// 404: `kind` is a word such as "vm".
    package static func notFound(_ kind: String, _ name: String, fix: String? = nil) -> ProblemError {
        ProblemError(
            status: 404, code: "\(kind).not-found", title: "No such \(kind)", detail: "no \(kind) \(quoted(name))",
            fix: fix ?? "list them with: uncloud-node \(kind) list")
    }

    /// 409: the name is taken.
    package static func exists(_ kind: String, _ name: String, fix: String? = nil) -> ProblemError {
        ProblemError(
            status: 409, code: "\(kind).exists", title: "The \(kind) exists already",
            detail: "\(kind) \(quoted(name)) exists already",
            fix: fix ?? "choose another name, or delete it first: uncloud-node \(kind) delete \(name)")
    }

    /// 409: another change came in between, or the state does not allow it.
    package static func conflict(_ code: String, _ detail: String, fix: String? = nil, retryable: Bool = false)
        -> ProblemError
    {
        ProblemError(status: 409, code: code, title: "Conflict", detail: detail, fix: fix, retryable: retryable)
    }

    /// 403: not allowed, whatever the state.
    package static func refused(_ code: String, _ detail: String, fix: String? = nil) -> ProblemError {
        ProblemError(status: 403, code: code, title: "Refused", detail: detail, fix: fix)
    }

    /// 503: something the node needs is away at the moment.
    package static func unavailable(_ code: String, _ detail: String, fix: String? = nil) -> ProblemError {
        ProblemError(status: 503, code: code, title: "Unavailable", detail: detail, fix: fix, retryable: true)
    }
}

extension ProblemError {
    /// The members of `application/problem+json`.
    package var json: JSONValue {
        var members: JSONValue = [
            "type": .string(type), "title": .string(title), "status": .int(Int64(status)), "detail": .string(detail),
            "code": .string(code), "retryable": .bool(retryable),
        ]
        if let fix { members["fix"] = .string(fix) }
        if !errors.isEmpty {
            members["errors"] = .array(
                errors.map {
                    [
                        "pointer": .string($0.pointer), "code": .string($0.code), "message": .string($0.message),
                        "fix": .string($0.fix),
                    ]
                })
        }
        return members
    }

    /// Reads `application/problem+json`, as a client; nil for JSON that is none.
    package init?(json: JSONValue) {
        guard let code = json["code"]?.stringValue, let status = json["status"]?.intValue else { return nil }
        self.init(
            status: Int(status), code: code, title: json["title"]?.stringValue,
            detail: json["detail"]?.stringValue ?? code,
            errors: (json["errors"]?.arrayValue ?? []).map {
                FieldError(
                    pointer: $0["pointer"]?.stringValue ?? "", code: $0["code"]?.stringValue ?? "",
                    message: $0["message"]?.stringValue ?? "", fix: $0["fix"]?.stringValue ?? "")
            },
            fix: json["fix"]?.stringValue, retryable: json["retryable"]?.boolValue ?? false)
    }
}
