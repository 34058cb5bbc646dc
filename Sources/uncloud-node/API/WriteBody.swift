internal import HTTP
internal import HTTPTypes
internal import JSON
internal import Model

/// Reads the body of a PUT or PATCH. Pure.
package enum WriteBody {
    static let mergePatch = "application/merge-patch+json"
    static let json = "application/json"

    /// The body as JSON; what may stand in it is the node's to judge.
    ///
    /// - Throws: 415 for another media type, 400 for what is no JSON.
    static func read(_ call: APICall, type: String) throws(ProblemError) -> JSONValue {
        try checkType(call.request.fields[.contentType], expected: type)
        let body: JSONValue
        do throws(JSONError) {
            body = try JSONValue(parsing: call.request.body)
        } catch {
            throw ProblemError(
                status: 400, code: "body.\(error.code.rawValue)", title: "The body is no JSON",
                detail: "the body is no JSON: \(error)", fix: "send one JSON object, {\"spec\": {...}}")
        }
        return body
    }

    private static func checkType(_ field: String?, expected: String) throws(ProblemError) {
        let given = field?.split(separator: ";").first.map { $0.trimming(" \t").lowercased() }
        guard given != expected, given != nil || expected == mergePatch else { return }
        throw ProblemError(
            status: 415, code: "body.media-type", title: "Unsupported media type",
            detail: given.map { "the body can't be \(quoted($0))" } ?? "the body's media type is missing",
            fix: "send Content-Type: \(expected)")
    }
}
