package import Model

extension ProblemError {
    /// What a command that met this problem exits with.
    ///
    /// By the status; where a status covers several of ours, by the last word of the code, which is stable.
    package var exitStatus: CommandStatus {
        switch status {
        case 400, 405, 406, 413, 414, 415, 422, 426, 428, 431: return .usage
        case 401, 403, 423, 429: return .refused
        case 404: return .notFound
        case 409, 412: return Self.refusals.contains(lastWord) ? .refused : .conflict
        case 408, 504: return .timedOut
        case 502, 503: return Self.broken.contains(lastWord) ? .failed : .unreachable
        default: return .failed
        }
    }

    /// Words of codes for a state that forbids what was asked: nobody else came in between, so it is no conflict.
    private static let refusals: Set<String> = ["running", "protected", "in-use", "exhausted", "quota", "off"]

    /// Words of codes for a store that is reached, and can't do it.
    private static let broken: Set<String> = ["full", "not-writable", "corrupt", "newer-schema"]

    private var lastWord: String { code.split(separator: ".").last.map(String.init) ?? code }

    /// The one line for the operator. A field is named as `spec.memory`, as it stands in the documents.
    package var failure: CommandFailure {
        guard let first = errors.first else {
            return CommandFailure(exitStatus, detail, fix: fix)
        }
        let others = errors.dropFirst().map { Self.fieldName($0.pointer) }
        let more = others.isEmpty ? "" : " (also wrong: \(others.joined(separator: ", ")))"
        return CommandFailure(
            exitStatus, first.message + more, field: Self.fieldName(first.pointer),
            fix: first.fix.isEmpty ? fix : first.fix)
    }

    /// `/spec/nics/0/mac` as `spec.nics[0].mac`.
    package static func fieldName(_ pointer: String) -> String {
        guard pointer.hasPrefix("/") else { return pointer.isEmpty ? "body" : pointer }
        var name = ""
        for part in pointer.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            let token = part.replacing("~1", with: "/").replacing("~0", with: "~")
            if !token.isEmpty, token.allSatisfy(\.isNumber) {
                name += "[\(token)]"
            } else {
                name += name.isEmpty ? token : ".\(token)"
            }
        }
        return name
    }
}
