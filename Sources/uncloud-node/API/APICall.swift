package import Actors
package import HTTP
internal import HTTPTypes
package import JSON
internal import Model

/// A request that has found its route: what a route's function works with.
package struct APICall: Sendable {
    package var node: any NodeAPI
    package var request: Request
    /// The values of the pattern's `{...}`, decoded.
    package var parameters: [String: String]
    package var query: QueryValues
    /// What `GET /v1/node/doctor` tells.
    package var doctor: @Sendable () async -> JSONValue

    /// A part of the path; every pattern that is asked for it has it.
    func parameter(_ name: String) -> String { parameters[name] ?? "" }

    var name: String { parameter("name") }

    /// The owner of a single resource; `-` stands for all owners and is for collections only.
    ///
    /// - Throws: 400 for `-`.
    func owner() throws(ProblemError) -> String {
        let owner = parameter("owner")
        guard owner != "-" else {
            throw ProblemError(
                status: 400, code: "owner.all", title: "No single owner",
                detail: "\"-\" stands for all owners, which only collections have",
                fix: "name the owner, for example \"default\"")
        }
        return owner
    }

    /// The owner of a collection, nil for all.
    var ownerOrAll: String? {
        let owner = parameter("owner")
        return owner == "-" ? nil : owner
    }

    var minimumRevision: Int64? { query.number(.minimumRevision) }

    /// How the write is to be done, from query and fields.
    ///
    /// - Throws: 400 for a precondition that is none of ours.
    func writeOptions() throws(ProblemError) -> WriteOptions {
        var options = WriteOptions()
        options.dryRun = query.flag(.dryRun)
        if let text = request.fields[.ifNoneMatch] {
            guard text == "*" else {
                throw Self.badField("If-None-Match", text, fix: "write If-None-Match: * to create only")
            }
            options.createOnly = true
        }
        if let text = request.fields[.ifMatch] {
            let bare =
                text.count > 2 && text.hasPrefix("\"") && text.hasSuffix("\"")
                ? String(text.dropFirst().dropLast()) : text
            guard let revision = Int64(bare), revision >= 0 else {
                throw Self.badField("If-Match", text, fix: "write the revision in quotes, for example If-Match: \"42\"")
            }
            options.expectedRevision = revision
        }
        guard !(options.createOnly && options.expectedRevision != nil) else {
            throw Self.badField("If-Match", "beside If-None-Match", fix: "give one of the two")
        }
        if let key = request.fields[.idempotencyKey] {
            guard !key.isEmpty, key.utf8.count <= 255, key.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
                throw Self.badField(
                    "Idempotency-Key", key, fix: "use 1 to 255 printable ASCII characters without blanks")
            }
            options.idempotencyKey = key
        }
        return options
    }

    private static func badField(_ name: String, _ value: String, fix: String) -> ProblemError {
        ProblemError(
            status: 400, code: "field.invalid", title: "A header field is not valid",
            detail: "\(name) can't be \(quoted(value))", fix: fix)
    }
}
